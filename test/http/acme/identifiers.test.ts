import assert from 'node:assert/strict';
import type { ErrorType } from '../../../src/model/problem.ts';
import type { AcmeClient, Json } from '../../kit/acme-client.ts';
import { startCa } from '../../kit/ca.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';

describe('identifiers of an order', () => {
  const ca = opened(() =>
    startCa({
      config: { policy: { maxNames: 5, refuseNames: ['Bank.example.org'] }, validation: { allowPrivateAddresses: false } },
    }),
  );
  let client: AcmeClient;
  before(async () => {
    ({ client } = await ca.member());
  });

  const accepted: [string, string][] = [
    ['example.org', 'example.org'],
    ['IM.Example.ORG', 'im.example.org'],
    ['xn--bcher-kva.example.org', 'xn--bcher-kva.example.org'],
    ['XN--BCHER-KVA.example.org', 'xn--bcher-kva.example.org'],
    ['notbank.example.org', 'notbank.example.org'],
    [`${'a'.repeat(63)}.example.org`, `${'a'.repeat(63)}.example.org`],
    ['1.example.org', '1.example.org'],
  ];
  for (const [value, normal] of accepted) {
    it(`accepts ${value.slice(0, 40)}`, async () => {
      const { status, json } = await client.newOrder([value]);
      assert.equal(status, 201, JSON.stringify(json));
      assert.deepEqual(json.identifiers, [{ type: 'dns', value: normal }]);
      assert.deepEqual((await client.read(json.authorizations[0])).json.identifier, { type: 'dns', value: normal });
    });
  }

  const rejected: [string, ErrorType, RegExp][] = [
    ['192.0.2.1', 'rejectedIdentifier', /IP address/],
    ['2001:db8::1', 'rejectedIdentifier', /IP address/],
    ['[2001:db8::1]', 'rejectedIdentifier', /IP address/],
    ['localhost', 'rejectedIdentifier', /single label/],
    ['im.test', 'rejectedIdentifier', /special-use/],
    ['x.onion', 'rejectedIdentifier', /special-use/],
    ['im.internal', 'rejectedIdentifier', /special-use/],
    ['co.uk', 'rejectedIdentifier', /public suffix/],
    ['org', 'rejectedIdentifier', /single label/],
    ['github.io', 'rejectedIdentifier', /public suffix/],
    ['im.nosuchtld', 'rejectedIdentifier', /top-level domain/],
    ['gmail.com', 'rejectedIdentifier', /mail provider/],
    ['im.gmail.com', 'rejectedIdentifier', /mail provider/],
    ['bank.example.org', 'rejectedIdentifier', /refuses/],
    ['www.bank.example.org', 'rejectedIdentifier', /refuses/],
    ['*.example.org', 'rejectedIdentifier', /Wildcards/],
    ['example.org.', 'malformed', /final dot/],
    ['bücher.example.org', 'malformed', /xn--bcher-kva\.example\.org/],
    ['xn--zzzzz99999.example.org', 'malformed', /A-label/],
    ['xn--a.example.org', 'malformed', /A-label/],
    ['ab--cd.example.org', 'malformed', /A-label/],
    ['_xmpp.example.org', 'malformed', /letters, digits/],
    ['-a.example.org', 'malformed', /letters, digits/],
    ['a-.example.org', 'malformed', /letters, digits/],
    ['a..example.org', 'malformed', /letters, digits/],
    ['a b.example.org', 'malformed', /letters, digits/],
    ['a\u0000.example.org', 'malformed', /letters, digits/],
    ['*.*.example.org', 'malformed', /letters, digits/],
    ['im.*.example.org', 'malformed', /letters, digits/],
    ['https://example.org', 'malformed', /letters, digits/],
    ['\ud800.example.org', 'malformed', /A-labels/],
    [`${'a'.repeat(64)}.example.org`, 'malformed', /63/],
    [`${'a.'.repeat(125)}example.org`, 'malformed', /253/],
    ['example.1', 'malformed', /number/],
    ['', 'malformed', /letters, digits/],
  ];
  for (const [value, type, why] of rejected) {
    it(`refuses ${JSON.stringify(value.slice(0, 40))}: ${type}`, async () => {
      const problem = refused(await client.newOrder([value]), type, 400, why);
      assert.deepEqual(
        problem.subproblems.map((s: Json) => s.identifier.value),
        [value],
      );
    });
  }

  it('judges each for itself: a subproblem for each bad one, with its identifier', async () => {
    const problem = refused(await client.newOrder(['good.example.org', 'gmail.com', 'co.uk', '_x.example.org']), 'compound', 400);
    const subproblems = problem.subproblems.map(({ type, identifier }: Json) => [type.split(':').at(-1), identifier]);
    assert.deepEqual(subproblems, [
      ['rejectedIdentifier', { type: 'dns', value: 'gmail.com' }],
      ['rejectedIdentifier', { type: 'dns', value: 'co.uk' }],
      ['malformed', { type: 'dns', value: '_x.example.org' }],
    ]);
  });

  it('shares the type where all subproblems have the same', async () => {
    refused(await client.newOrder(['gmail.com', 'co.uk']), 'rejectedIdentifier', 400, /2 of the identifiers/);
  });

  it('knows dns alone: unsupportedIdentifier', async () => {
    for (const type of ['ip', 'email', 'DNS', 'permanent-identifier', ''])
      refused(
        await client.post(client.directory.newOrder, { identifiers: [{ type, value: 'example.org' }] }),
        'unsupportedIdentifier',
        400,
      );
  });

  const shapes: Json[] = [
    undefined,
    null,
    {},
    'example.org',
    [],
    [null],
    ['example.org'],
    [[]],
    [{ type: 'dns' }],
    [{ value: 'example.org' }],
    [{ type: 'dns', value: 5 }],
  ];
  for (const identifiers of shapes) {
    it(`refuses identifiers of another shape: ${JSON.stringify(identifiers)}`, async () => {
      refused(await client.post(client.directory.newOrder, { identifiers }), 'malformed');
    });
  }

  it('are as many as the policy allows, and each counts once', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].map(l => `${l}.example.org`);
    refused(await client.newOrder(names), 'malformed', 400, /5 identifiers at most/);
    const { json } = await client.newOrder([...names.slice(0, 3), 'A.example.org']);
    assert.deepEqual(
      json.identifiers.map((i: Json) => i.value),
      names.slice(0, 3),
    );
    assert.equal(json.authorizations.length, 3);
  });

  it('that are refused leave nothing behind', async () => {
    assert.equal((await ca.ctx.db('authorizations').whereIn('name', ['gmail.com', 'co.uk', 'good.example.org'])).length, 0);
  });
});

describe('identifiers of an order with wildcards', () => {
  const ca = opened(() => startCa({ config: { policy: { wildcards: true } } }));
  let client: AcmeClient;
  before(async () => {
    ({ client } = await ca.member());
  });

  it('get an authorization of the base name that says wildcard, by dns-01 alone; the others do not say it', async () => {
    const { json } = await client.newOrder(['*.wild.test', 'wild.test']);
    assert.deepEqual(
      json.identifiers.map((i: Json) => i.value),
      ['*.wild.test', 'wild.test'],
    );
    const [wild, plain] = await Promise.all([client.read(json.authorizations[0])]).then(async ([w]) => [
      w?.json,
      (await client.read(json.authorizations[1])).json,
    ]);
    assert.deepEqual(wild.identifier, { type: 'dns', value: 'wild.test' });
    assert.equal(wild.wildcard, true);
    assert.deepEqual(
      wild.challenges.map((c: Json) => c.type),
      ['dns-01'],
    );
    assert.deepEqual(plain.identifier, { type: 'dns', value: 'wild.test' });
    assert.ok(!('wildcard' in plain));
  });

  it('are not pre-authorized', async () => {
    refused(
      await client.post(client.directory.newAuthz, { identifier: { type: 'dns', value: '*.wild.test' } }),
      'malformed',
      400,
      /7\.4\.1/,
    );
  });
});

describe('identifiers that nothing can prove', () => {
  const ca = opened(() => startCa({ config: { validation: { methods: ['email-mailbox-01'] } } }));

  it('are refused: a name without any mailbox, where mail is the only way', async () => {
    const { client } = await ca.member();
    ca.net.dns.mx.set('has.test', [{ exchange: 'mail.has.test', preference: 10 }]);
    ca.net.dns.mx.set('null.test', [{ exchange: '', preference: 0 }]);
    const problem = refused(await client.newOrder(['has.test', 'null.test', 'none.test']), 'rejectedIdentifier', 400);
    assert.deepEqual(
      problem.subproblems.map((s: Json) => s.identifier.value),
      ['null.test', 'none.test'],
    );
    const newAuthz = { identifier: { type: 'dns', value: 'none.test' } };
    refused(await client.post(client.directory.newAuthz, newAuthz), 'rejectedIdentifier', 403);
  });
});
