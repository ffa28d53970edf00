import assert from 'node:assert/strict';
import type { AcmeClient, Json } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { answerHttp01, issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

const newAuthz = (client: AcmeClient, value: string, more: object = {}) =>
  client.post(client.directory.newAuthz, { identifier: { type: 'dns', value }, ...more });

for (const engine of engines) {
  describe(`authorization (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));

    it('has identifier, status, expires and challenges; each challenge has type, url, status and a token', async () => {
      const { client } = await ca.member();
      ca.net.dns.mx.set('shape.test', [{ exchange: 'mx.shape.test', preference: 1 }]);
      const { json } = await client.newOrder(['shape.test']);
      const answer = await client.read(json.authorizations[0]);
      assert.equal(answer.headers['content-type'], 'application/json');
      const { identifier, status, expires, challenges, ...more } = answer.json;
      assert.deepEqual([identifier, status, more], [{ type: 'dns', value: 'shape.test' }, 'pending', {}]);
      assert.match(expires, rfc3339);
      assert.deepEqual(challenges.map((c: Json) => c.type).sort(), ['dns-01', 'email-mailbox-01', 'http-01', 'tls-alpn-01']);
      for (const { url, token, status: own } of challenges) {
        assert.match(url, /^https:\/\/localhost:14000\/acme\/challenge\/[a-z2-7]{16}$/);
        assert.match(token, /^[A-Za-z0-9_-]{22,}$/, '128 bits in base64url');
        assert.equal(own, 'pending');
      }
      assert.equal(new Set(challenges.map((c: Json) => c.token)).size, 4, 'each token is its own');
    });

    it('is made beforehand by newAuthz: 201, Location, pending; an order then uses it', async () => {
      const { client } = await ca.member();
      const answer = await newAuthz(client, 'Before.test');
      assert.equal(answer.status, 201);
      const url = String(answer.headers['location']);
      assert.equal(answer.json.status, 'pending');
      assert.deepEqual(answer.json.identifier, { type: 'dns', value: 'before.test' });
      assert.deepEqual((await client.read(url)).json, answer.json);
      await answerHttp01(client, ca.net, { authorizations: [url] });
      const { json } = await client.newOrder(['before.test']);
      assert.deepEqual([json.status, json.authorizations], ['ready', [url]]);
      const again = await newAuthz(client, 'before.test');
      assert.deepEqual([again.status, again.headers['location'], again.json.status], [200, url, 'valid']);
    });

    it('made beforehand for a proved domain is valid at once', async () => {
      const { id, client } = await ca.member();
      await ca.prove(id, 'known.test');
      const answer = await newAuthz(client, 'im.known.test');
      assert.deepEqual([answer.status, answer.json.status], [201, 'valid']);
    });

    it('is refused by newAuthz with 403 where nothing would be issued', async () => {
      const { client } = await ca.member();
      for (const value of ['gmail.com', '192.0.2.1', 'single', '*.wild.test'])
        refused(await newAuthz(client, value), 'rejectedIdentifier', 403);
      refused(await newAuthz(client, 'x', { identifier: { type: 'ip', value: '192.0.2.1' } }), 'unsupportedIdentifier', 403);
      for (const identifier of [undefined, 'a.test', { type: 'dns' }, { type: 'dns', value: '_a.test' }])
        refused(await newAuthz(client, 'x', { identifier }), 'malformed', 400);
    });

    it('is its own account’s alone, with its challenges', async () => {
      const { client } = await ca.member();
      const { client: other } = await ca.member();
      const { json } = await client.newOrder(['mine.test']);
      const [url] = json.authorizations;
      const { challenges } = (await client.read(url)).json;
      for (const payload of ['', { status: 'deactivated' }]) refused(await other.post(url, payload), 'unauthorized', 403);
      for (const payload of ['', {}]) refused(await other.post(challenges[0].url, payload), 'unauthorized', 403);
      assert.equal((await client.read(url)).json.status, 'pending');
      for (const path of ['authorization', 'challenge'])
        refused(await client.read(`${ca.publicUrl}/acme/${path}/aaaaaaaaaaaaaaaa`), 'malformed', 404);
    });

    it('is deactivated, pending or valid, and then serves no order any more', async () => {
      const { client } = await ca.member();
      const { json } = await client.newOrder(['off.test']);
      const [url] = json.authorizations;
      const answer = await client.post(url, { status: 'deactivated' });
      assert.deepEqual([answer.status, answer.json.status], [200, 'deactivated']);
      refused(await client.post(answer.json.challenges[0].url, {}), 'malformed', 400, /deactivated/);
      refused(await client.post(url, { status: 'deactivated' }), 'malformed', 400, /deactivated already/);

      const { order } = await issue(client, ca.net, ['off.test']);
      const waiting = (await client.newOrder(['off.test'])).json;
      assert.equal(waiting.status, 'ready');
      assert.equal((await client.post(order.authorizations[0], { status: 'deactivated' })).json.status, 'deactivated');
      refused(await client.post(waiting.finalize, { csr: 'AAAA' }), 'orderNotReady', 403, /off\.test \(deactivated\)/);
      assert.equal((await client.newOrder(['off.test'])).json.status, 'pending');
    });

    it('can be set to nothing but deactivated', async () => {
      const { client } = await ca.member();
      const { json } = await client.newOrder(['set.test']);
      for (const payload of [{}, { status: 'valid' }, { status: 'invalid' }, { status: null }])
        refused(await client.post(json.authorizations[0], payload), 'malformed');
      assert.equal((await client.read(json.authorizations[0])).json.status, 'pending');
    });

    it('ends with the proof that it was made from; deactivating it does not end the proof', async () => {
      const { id, client } = await ca.member();
      await ca.prove(id, 'ends.test');
      const first = (await client.newOrder(['ends.test'])).json;
      await client.post(first.authorizations[0], { status: 'deactivated' });
      const second = (await client.newOrder(['ends.test'])).json;
      assert.equal(second.status, 'ready');
      const [proof] = await ca.run('domain list', { member: id, domain: 'ends.test' });
      await ca.run('domain revoke', { id: proof.id });
      assert.equal((await client.read(second.authorizations[0])).json.status, 'revoked');
      refused(await client.post(second.finalize, { csr: 'AAAA' }), 'orderNotReady');
      assert.equal((await client.newOrder(['ends.test'])).json.status, 'pending');
    });

    it('expires', async () => {
      const { client } = await ca.member();
      const { json } = await client.newOrder(['expires.test']);
      const { expires } = (await client.read(json.authorizations[0])).json;
      ca.later(Date.parse(expires) / 1000 - ca.clock.now);
      const { status, challenges } = (await client.read(json.authorizations[0])).json;
      assert.equal(status, 'expired');
      refused(await client.post(challenges[0].url, {}), 'malformed', 400, /expired/);
    });
  });
}
