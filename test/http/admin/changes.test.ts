import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { listMembers } from '../../../src/store/members.ts';
import { type AdminClient, adminClient } from '../../kit/admin-client.ts';
import { engines, startCa, type TestCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { refused } from '../../kit/refused.ts';

const club = { name: 'Club', email: ['a@club.test'] };

for (const engine of engines)
  describe(`what changes things in the admin API (${engine})`, () => {
    let ca: TestCa;
    let client: AdminClient;
    let token: string;
    before(async () => {
      ca = await startCa({ engine, config: { log: 'silent' } });
      ({ token } = await ca.run('token create', { scope: 'admin' }));
      client = adminClient(ca, token);
    });
    after(async () => {
      client.close();
      await ca.close();
    });

    const post = (path: string, body: object | string, headers: Record<string, string> = {}) =>
      client.send('POST', `/admin/v1${path}`, body, headers);
    const members = async () => (await listMembers(ca.ctx.db)).length;

    describe('with an Idempotency-Key', () => {
      let keys = 0;
      const aKey = () => ({ 'Idempotency-Key': `key-${++keys}` });

      it('is done once, and answered alike, secrets too', async () => {
        const key = aKey();
        const before = await members();
        const first = await post('/members', club, key);
        const again = await post('/members', club, key);
        assert.equal(first.status, 201);
        assert.deepEqual([again.status, again.json], [first.status, first.json]);
        assert.equal(again.headers['content-type'], first.headers['content-type']);
        assert.equal(await members(), before + 1);
        const eabKey = aKey();
        const eab = await post('/eab-keys', { member: first.json.id }, eabKey);
        assert.equal((await post('/eab-keys', { member: first.json.id }, eabKey)).json.hmacKey, eab.json.hmacKey);
        const rows = (await ca.ctx.db('idempotent_answers')).map(r => Buffer.from(r.answer).toString('latin1')).join();
        assert.equal(rows.includes(eab.json.hmacKey) || rows.includes(first.json.id), false, 'sealed');
      });

      it('and another body or path is 422; with another token it is another key', async () => {
        const key = aKey();
        const { json } = await post('/members', club, key);
        refused(await post('/members', { ...club, name: 'Other' }, key), 'malformed', 422);
        refused(await post(`/members/${json.id}/suspend`, club, key), 'malformed', 400);
        refused(await post(`/members/${json.id}/suspend`, {}, key), 'malformed', 422);
        const other = adminClient(ca, (await ca.run('token create', { scope: 'members' })).token);
        const theirs = await other.send('POST', '/admin/v1/members', club, key);
        other.close();
        assert.equal(theirs.status, 201);
        assert.notEqual(theirs.json.id, json.id);
      });

      it('is known by keyed hashes alone: whoever has the database cannot try names and addresses', async () => {
        const key = aKey();
        await post('/members', club, key);
        const rows = await ca.ctx.db('idempotent_answers');
        const hash = createHash('sha256');
        for (const part of ['post', '/admin/v1/members', JSON.stringify(club)]) hash.update(part).update('\0');
        const unkeyed = [hash.digest('hex'), createHash('sha256').update(key['Idempotency-Key']).digest('base64url')];
        assert.deepEqual(
          rows.flatMap(r => [Buffer.from(r.request_hash).toString('hex'), r.key]).filter(hash => unkeyed.includes(hash)),
          [],
        );
      });

      it('is done once, also with another key-encryption key in between', async () => {
        const key = aKey();
        const before = await members();
        const first = await post('/members', club, key);
        await ca.run('vault rotate');
        assert.deepEqual((await post('/members', club, key)).json, first.json);
        refused(await post('/members', { ...club, name: 'Other' }, key), 'malformed', 422);
        assert.equal(await members(), before + 1);
      });

      it('that was refused is free again', async () => {
        const key = aKey();
        refused(await post('/eab-keys', { member: 'nobody' }, key), 'malformed', 404);
        refused(await post('/eab-keys', { member: 'nobody' }, key), 'malformed', 404);
        assert.equal((await post('/members', club, key)).status, 201);
      });

      it('twice at once is done once', async () => {
        const key = aKey();
        const before = await members();
        const answers = await Promise.all([1, 2, 3, 4].map(() => post('/members', club, key)));
        assert.equal(await members(), before + 1);
        for (const answer of answers)
          if (answer.status === 201) assert.equal(answer.json.name, 'Club');
          else assert.equal(refused(answer, 'malformed', 409) && answer.headers['retry-after'], '1');
        assert.ok(answers.some(a => a.status === 201));
      });

      it('after an internal error is not done again by itself', async () => {
        const key = aKey();
        await ca.ctx.db.schema.renameTable('members', 'members_away');
        try {
          refused(await post('/members', club, key), 'serverInternal', 500);
        } finally {
          await ca.ctx.db.schema.renameTable('members_away', 'members');
        }
        refused(await post('/members', club, key), 'malformed', 409, /broken off/);
      });

      it('is forgotten after a day', async () => {
        const key = aKey();
        const { json } = await post('/members', club, key);
        ca.later(86399);
        assert.equal((await post('/members', club, key)).json.id, json.id);
        ca.later(1);
        assert.notEqual((await post('/members', club, key)).json.id, json.id);
      });

      it('has 1 to 255 visible characters', async () => {
        for (const value of ['a b', 'x'.repeat(256), 'ü']) {
          const { errors } = refused(await post('/members', club, { 'Idempotency-Key': value }), 'malformed', 400);
          assert.equal(errors[0].header, 'Idempotency-Key');
        }
      });
    });

    describe('with If-Match', () => {
      it('a member is changed as it was seen only', async () => {
        const { id } = await client.post('/members', club);
        const read = () => client.send('GET', `/admin/v1/members/${id}`);
        const { etag } = (await read()).headers;
        assert.match(String(etag), /^"[\w-]{22}"$/);
        assert.equal((await read()).headers['etag'], etag);
        const seen = { 'If-Match': String(etag) };
        assert.equal((await post(`/members/${id}/suspend`, {}, seen)).status, 200);
        refused(await post(`/members/${id}/activate`, {}, seen), 'malformed', 412);
        assert.equal((await client.get(`/members/${id}`)).status, 'suspended');
        const now = String((await read()).headers['etag']);
        assert.notEqual(now, etag);
        assert.equal((await post(`/members/${id}/activate`, {}, { 'If-Match': `"other", ${now}` })).status, 200);
        assert.equal((await post(`/members/${id}/suspend`, {}, { 'If-Match': '*' })).status, 200);
        refused(await post(`/members/${id}/activate`, {}, { 'If-Match': `W/${now}` }), 'malformed', 412);
        refused(await post('/members/none/suspend', {}, { 'If-Match': '*' }), 'malformed', 404);
      });

      it('a certificate too; what is not read cannot be matched', async () => {
        const { client: acme } = await ca.member();
        await issue(acme, ca.net, ['etag.test']);
        const [{ serial }] = await client.get('/certificates?name=etag.test');
        const path = `/certificates/${serial}`;
        const seen = { 'If-Match': String((await client.send('GET', `/admin/v1${path}`)).headers['etag']) };
        refused(await post(`${path}/revoke`, {}, { 'If-Match': '"other"' }), 'malformed', 412);
        assert.equal((await client.get(path)).status, 'issued');
        assert.equal((await post(`${path}/revoke`, {}, seen)).status, 200);
        refused(await post(`${path}/revoke`, {}, seen), 'malformed', 412);
        refused(await post('/members', club, { 'If-Match': '*' }), 'malformed', 412);
      });

      it('and an Idempotency-Key, the repetition is answered though the tag has changed', async () => {
        const { id } = await client.post('/members', club);
        const headers = {
          'If-Match': String((await client.send('GET', `/admin/v1/members/${id}`)).headers['etag']),
          'Idempotency-Key': `both-${id}`,
        };
        const first = await post(`/members/${id}/suspend`, {}, headers);
        const again = await post(`/members/${id}/suspend`, {}, headers);
        assert.deepEqual([first.status, again.status, again.json], [200, 200, first.json]);
      });
    });

    describe('with a body', () => {
      it('that is no JSON object of UTF-8, or says a thing twice, is refused', async () => {
        const bodies: [string, number, RegExp][] = [
          ['{', 400, /not JSON/],
          ['[]', 400, /JSON object/],
          ['null', 400, /JSON object/],
          ['"x"', 400, /JSON object/],
          ['{"name":"a","name":"b","email":["a@club.test"]}', 400, /duplicate member "name"/],
          [`{"name":"${'x'.repeat(70_000)}"}`, 413, /longer than 65536/],
        ];
        for (const [body, status, why] of bodies) refused(await post('/members', body), 'malformed', status, why);
        for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx'])
          refused(await post('/members', club, { 'Content-Type': type }), 'malformed', 415);
        refused(await post('/members', club, { 'Content-Encoding': 'gzip' }), 'malformed', 415);
        assert.equal((await post('/members', club, { 'Content-Type': 'application/json; charset=utf-8' })).status, 201);
      });

      it('names every mistake at once, each with its place', async () => {
        const { json } = await post('/members?x=1', { name: '', email: ['a@club.test', 'no mail'], Name: 1 });
        assert.deepEqual(json.errors.map((e: { pointer?: string; parameter?: string }) => e.pointer ?? e.parameter).sort(), [
          '#/Name',
          '#/email/1',
          '#/name',
          'x',
        ]);
        const { id } = await client.post('/members', club);
        const bad = await post(`/members/${id}/suspend`, { id });
        assert.deepEqual(bad.json.errors, [{ detail: 'there is no such member', pointer: '#/id' }]);
      });

      it('that is missing where nothing must be said is none', async () => {
        const { id } = await client.post('/members', club);
        assert.equal((await client.send('POST', `/admin/v1/members/${id}/suspend`)).status, 200);
      });
    });

    it('an internal error says nothing of its cause', async () => {
      await ca.ctx.db.schema.renameTable('members', 'members_away');
      try {
        const answer = await client.send('GET', '/admin/v1/members');
        refused(answer, 'serverInternal', 500);
        assert.doesNotMatch(answer.body.toString(), /members_away|table|relation/);
      } finally {
        await ca.ctx.db.schema.renameTable('members_away', 'members');
      }
    });
  });

describe('how often one may ask without a good token', () => {
  it('is so many times a minute, each address for itself; a good token is answered all the same', async () => {
    const ca = await startCa({
      config: { log: 'silent', trustProxy: ['loopback'], admin: { listen: '127.0.0.1:0', requestsPerMinute: 30 } },
    });
    const { id, token } = await ca.run('token create', { scope: 'read' });
    const [nobody, wrong, good] = [adminClient(ca), adminClient(ca, 'wrong'), adminClient(ca, token)];
    const ask = (client: AdminClient, from: string, path = '/admin/v1/issuers') =>
      client.send('GET', path, undefined, { 'X-Forwarded-For': from });
    for (let i = 0; i < 15; i++) for (const client of [nobody, wrong]) refused(await ask(client, '192.0.2.1'), 'unauthorized', 401);
    for (const [client, path] of [
      [nobody, '/admin/v1/issuers'],
      [wrong, '/admin/v1/issuers'],
      [wrong, '/nowhere'],
    ] as const) {
      const answer = await ask(client, '192.0.2.1', path);
      refused(answer, 'rateLimited', 429, /without a valid token may ask 30 times a minute; ask again in 2 s/);
      assert.equal(answer.headers['retry-after'], '2');
    }
    for (const path of ['/admin/v1/openapi.json', '/admin/v1/', '/healthz', '/readyz', '/metrics'])
      assert.equal((await ask(wrong, '192.0.2.1', path)).status, 200, path);
    assert.equal((await ask(good, '192.0.2.1')).status, 200);
    refused(await ask(wrong, '192.0.2.2'), 'unauthorized', 401);
    for (let i = 0; i < 30; i++) refused(await ask(nobody, `2001:db8:1:2::${i}`), 'unauthorized', 401);
    refused(await ask(nobody, '2001:db8:1:2:ffff::1'), 'rateLimited');
    refused(await ask(nobody, '2001:db8:1:3::1'), 'unauthorized', 401);
    ca.later(2);
    refused(await ask(wrong, '192.0.2.1'), 'unauthorized', 401);
    refused(await ask(wrong, '192.0.2.1'), 'rateLimited');
    await ca.run('token revoke', { id });
    refused(await ask(good, '192.0.2.1'), 'rateLimited');
    for (const client of [nobody, wrong, good]) client.close();
    await ca.close();
  });
});

describe('how often a token may ask', () => {
  it('is so many times a minute, each token for itself', async () => {
    const ca = await startCa({ config: { log: 'silent', admin: { listen: '127.0.0.1:0', requestsPerMinute: 30 } } });
    const [one, other] = [
      adminClient(ca, (await ca.run('token create', { scope: 'read' })).token),
      adminClient(ca, (await ca.run('token create', { scope: 'read' })).token),
    ];
    const ask = (client: AdminClient) => client.send('GET', '/admin/v1/issuers');
    for (let i = 0; i < 30; i++) assert.equal((await ask(one)).status, 200);
    const answer = await ask(one);
    refused(answer, 'rateLimited', 429, /30 times a minute; ask again in 2 s/);
    assert.equal(answer.headers['retry-after'], '2');
    refused(await one.send('POST', '/admin/v1/members', club), 'rateLimited', 429);
    assert.equal((await ask(other)).status, 200);
    ca.later(1);
    refused(await ask(one), 'rateLimited', 429, /in 1 s/);
    ca.later(1);
    assert.equal((await ask(one)).status, 200);
    refused(await ask(one), 'rateLimited');
    ca.later(3600);
    for (let i = 0; i < 30; i++) assert.equal((await ask(one)).status, 200);
    refused(await ask(one), 'rateLimited');
    one.close();
    other.close();
    await ca.close();
  });
});
