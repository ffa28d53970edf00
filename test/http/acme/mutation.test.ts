import assert from 'node:assert/strict';
import { sign, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { type AcmeClient, type Answer, type Json, jws, newKey, publicJwk } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { dnsAltName, makeCsr, srvAltName } from '../../kit/csr.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { checkProblem } from '../../kit/refused.ts';

const runs = Number(process.env['MUTATIONS'] ?? 200);

/** Changes of bytes: set, insert, remove, cut off, repeat. */
const change = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), at: fc.nat(), byte: fc.nat(255) }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), byte: fc.nat(255) }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(), byte: fc.nat(8) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), byte: fc.nat(0) }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), byte: fc.nat(32) }),
);

function mutate(bytes: Uint8Array, changes: { kind: string; at: number; byte: number }[]): Buffer {
  let now = Buffer.from(bytes);
  for (const { kind, at, byte } of changes) {
    const i = now.length ? at % now.length : 0;
    const [before, after] = [now.subarray(0, i), now.subarray(i)];
    if (kind === 'set') now = Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
    else if (kind === 'insert') now = Buffer.concat([before, Buffer.of(byte), after]);
    else if (kind === 'remove') now = Buffer.concat([before, after.subarray(byte + 1)]);
    else if (kind === 'cut') now = Buffer.from(before);
    else now = Buffer.concat([before, after.subarray(0, byte), after]);
  }
  return now;
}

/** Right, or a problem document; never an internal error. */
function judge(answer: Answer): void {
  assert.ok(answer.status < 500, answer.body.toString());
  if (answer.status >= 300) checkProblem(answer);
  assert.match(String(answer.headers['replay-nonce']), /^[\w-]+$/);
}

for (const engine of engines) {
  describe(`mutations (${engine})`, () => {
    const ca = opened(() => startCa({ engine, config: { policy: { externalAccountRequired: false, wildcards: true } } }));
    let client: AcmeClient;
    let order: Json;
    let authorization: Json;
    before(async () => {
      ({ client } = await ca.member());
      order = (await client.newOrder(['mutation.test'])).json;
      authorization = (await client.read(order.authorizations[0])).json;
    });

    const signed = async (url: string, payload: object | string, byJwk = false) =>
      JSON.stringify(
        jws(
          client.key,
          { nonce: await client.takeNonce(), url, ...(byJwk ? { jwk: publicJwk(client.key) } : { kid: client.kid! }) },
          payload,
        ),
      );

    const requests: [string, (c: AcmeClient) => string, () => object | string, boolean?][] = [
      ['newAccount', c => c.directory.newAccount, () => ({ contact: ['mailto:a@im.test'], termsOfServiceAgreed: true }), true],
      [
        'newOrder',
        c => c.directory.newOrder,
        () => ({ identifiers: [{ type: 'dns', value: 'x.test' }], notAfter: '2030-01-01T00:00:00Z' }),
      ],
      ['newAuthz', c => c.directory.newAuthz, () => ({ identifier: { type: 'dns', value: 'x.test' } })],
      ['revokeCert', c => c.directory.revokeCert, () => ({ certificate: 'MIIB', reason: 1 })],
      ['keyChange', c => c.directory.keyChange, () => jws(newKey(), { url: 'x', jwk: {} }, {})],
      ['account', c => String(c.kid), () => ({ contact: [] })],
      ['orders', c => `${c.kid}/orders`, () => ''],
      ['order', c => c.directory.newOrder.replace('new-order', 'order/aaaa'), () => ''],
    ];
    for (const [what, url, payload, byJwk] of requests) {
      it(`of the bytes of a ${what} request never bring an internal error`, async () => {
        const body = await signed(url(client), payload(), byJwk);
        await fc.assert(
          fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async changes => {
            judge(await client.postRaw(url(client), mutate(Buffer.from(body), changes)));
          }),
          { numRuns: Math.ceil(runs / 2) },
        );
      });
    }

    it('of the protected header, under a right signature', async () => {
      const url = client.directory.newOrder;
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async changes => {
          const { protected: head, payload } = JSON.parse(await signed(url, { identifiers: [] }));
          const bytes = mutate(Buffer.from(head, 'base64url'), changes).toString('base64url');
          const signature = sign('sha256', Buffer.from(`${bytes}.${payload}`), { key: client.key, dsaEncoding: 'ieee-p1363' });
          judge(await client.postRaw(url, JSON.stringify({ protected: bytes, payload, signature: signature.toString('base64url') })));
        }),
        { numRuns: runs },
      );
    });

    const payloads: [string, () => string, () => object][] = [
      [
        'newOrder',
        () => client.directory.newOrder,
        () => ({ identifiers: [{ type: 'dns', value: 'a.test' }], profile: 'xmpp-server', notBefore: '2026-01-01T00:00:00Z' }),
      ],
      ['newAuthz', () => client.directory.newAuthz, () => ({ identifier: { type: 'dns', value: 'a.test' } })],
      ['account', () => String(client.kid), () => ({ contact: ['mailto:a@b.test'] })],
      [
        'keyChange',
        () => client.directory.keyChange,
        () =>
          jws(
            newKey(),
            { url: client.directory.keyChange, jwk: publicJwk(newKey()) },
            { account: client.kid, oldKey: publicJwk(client.key) },
          ),
      ],
      [
        'challenge',
        () => authorization.challenges.find((c: Json) => c.type === 'http-01').url,
        () => ({ a: 1, mailbox: 'x', response: 'y' }),
      ],
    ];
    for (const [what, url, payload] of payloads) {
      it(`of the payload of ${what}, signed as it is`, async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async changes => {
            judge(await client.postRaw(url(), await signedBytes(url(), mutate(Buffer.from(JSON.stringify(payload())), changes))));
          }),
          { numRuns: Math.ceil(runs / 2) },
        );
      });
    }

    const signedBytes = async (url: string, payload: Uint8Array) =>
      JSON.stringify(jws(client.key, { nonce: await client.takeNonce(), url, kid: client.kid! }, Buffer.from(payload).toString('latin1')));

    it('any JSON as payload of newOrder, newAuthz, the account and revokeCert', async () => {
      const urls = ['newOrder', 'newAuthz', 'revokeCert', 'keyChange'].map(name => client.directory[name] as string);
      const member = fc.constantFrom(
        'identifiers',
        'identifier',
        'contact',
        'certificate',
        'reason',
        'profile',
        'notBefore',
        'notAfter',
        'csr',
        'protected',
        'payload',
      );
      const value = fc.oneof(
        fc.jsonValue(),
        fc.array(fc.record({ type: fc.constantFrom('dns', 'ip'), value: fc.string({ unit: 'binary' }) })),
      );
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...urls, client.kid!), fc.dictionary(member, value, { maxKeys: 4 }), async (url, payload) => {
          judge(await client.post(url, payload));
        }),
        { numRuns: runs },
      );
    });

    it('any name as identifier', async () => {
      const label = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.stringMatching(/^(xn--)?[a-z0-9-]{1,20}$/),
        fc.string({ unit: 'grapheme', maxLength: 8 }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(label, { minLength: 1, maxLength: 4 }), async labels => {
          judge(await client.newOrder([labels.join('.'), `${labels.join('.')}.test`]));
        }),
        { numRuns: runs },
      );
    });

    it('of a CSR: never an internal error, never a certificate for other names', async () => {
      const { id, client: own } = await ca.member();
      await ca.prove(id, 'csr.test');
      const names = ['a.csr.test', 'b.csr.test'];
      const csr = makeCsr(newKey(), names, {
        altNames: [...names.map(dnsAltName), srvAltName('_xmpp-client.a.csr.test')],
        commonName: names[0]!,
      });
      const { json } = await own.newOrder(names);
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async changes => {
          judge(await own.post(json.finalize, { csr: mutate(csr, changes).toString('base64url') }));
        }),
        { numRuns: runs },
      );
      for (const { names: certified } of await ca.ctx.db('certificates').whereNotNull('order_id'))
        assert.deepEqual(JSON.parse(certified), names);
    });

    it('of a certificate to be revoked revoke nothing', async () => {
      const { client: own } = await ca.member();
      const { chain } = await issue(own, ca.net, ['kept.test']);
      const { raw, serialNumber } = new X509Certificate(chain);
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async changes => {
          const mutated = mutate(raw, changes);
          fc.pre(!mutated.equals(raw));
          judge(await own.post(own.directory.revokeCert, { certificate: mutated.toString('base64url') }));
        }),
        { numRuns: runs },
      );
      assert.equal((await ca.run('cert show', { serial: serialNumber })).status, 'issued');
    });

    it('of paths, kid and key identifiers never reach the database unread', async () => {
      const id = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.constantFrom('\u0000', '%00', "'", '..', '%2e%2e', '%ff', 'a?b', 'ä', '💥'),
      );
      await fc.assert(
        fc.asyncProperty(id, fc.constantFrom('order', 'authorization', 'challenge', 'certificate', 'account'), async (text, kind) => {
          const path = `${ca.publicUrl}/acme/${kind}/${encodeURIComponent(text.replace(/[\ud800-\udfff]/g, ''))}`;
          const answer = await client.read(path);
          assert.ok(answer.status < 500, answer.body.toString());
          checkProblem(answer);
          const asKid = await client.post(client.directory.newOrder, {}, { kid: `${ca.publicUrl}/acme/account/${text}` });
          checkProblem(asKid);
          assert.ok(asKid.status < 500, asKid.body.toString());
        }),
        { numRuns: runs },
      );
    });
  });
}
