import assert from 'node:assert/strict';
import { renewResponders } from '../../../src/ca/authority/credentials.ts';
import { ownRoots } from '../../../src/ca/events/render-webhook.ts';
import { createNetwork } from '../../../src/net/real.ts';
import type { Json } from '../../kit/acme-client.ts';
import { type AdminClient, adminClient } from '../../kit/admin-client.ts';
import { engines, startCa, type TestCa } from '../../kit/ca.ts';
import { refused } from '../../kit/refused.ts';
import { allSealed } from '../../kit/sealed.ts';

for (const engine of engines)
  describe(`feed and webhooks in the admin API (${engine})`, () => {
    let ca: TestCa;
    let client: AdminClient;
    before(async () => {
      ca = await startCa({ engine, config: { log: 'silent' } });
      client = adminClient(ca, (await ca.run('token create', { scope: 'admin' })).token);
      for (let i = 0; i < 12; i++) await ca.run('member add', { name: `Club ${i}`, email: 'a@club.test' });
      // What the clock would make, and seal, at a time of its own.
      await renewResponders(ca.ctx);
      await allSealed(ca.ctx);
    });
    after(async () => {
      client.close();
      await ca.close();
    });

    const ndjson = async (query = '') => {
      const answer = await client.send('GET', `/admin/v1/feed${query}`, undefined, { Accept: 'application/x-ndjson' });
      assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'application/x-ndjson'], `${answer.body}`);
      const text = answer.body.toString();
      assert.ok(text.endsWith('\n'));
      return text
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line));
    };

    it('the feed is read page by page', async () => {
      const seen: Json[] = [];
      for (let path = '/feed?limit=5'; ; ) {
        const { events, next, more } = await client.get(path);
        seen.push(...events);
        path = `/feed?limit=5&after=${next}`;
        if (!more) break;
      }
      assert.deepEqual(seen, (await client.get('/feed?limit=1000')).events);
      assert.equal(seen.filter(e => e.type === 'member.added').length, 12);
    });

    it('the feed is streamed as NDJSON, and its last line has the cursor', async () => {
      const { events, next } = await client.get('/feed?limit=1000');
      const lines = await ndjson();
      assert.deepEqual(lines, [...events, { next, more: false }]);
      assert.deepEqual(await ndjson(`?after=${next}`), [{ next, more: false }]);
      const some = await ndjson('?limit=3');
      assert.deepEqual(some, [...events.slice(0, 3), { next: events[2].index, more: true }]);
      const head = await client.send('HEAD', '/admin/v1/feed', undefined, { Accept: 'application/x-ndjson' });
      assert.deepEqual([head.status, head.body.length], [200, 0]);
    });

    it('a cursor that is beyond the log is refused, in either form', async () => {
      for (const Accept of ['application/json', 'application/x-ndjson'])
        refused(await client.send('GET', '/admin/v1/feed?after=999999', undefined, { Accept }), 'malformed', 409, /rolled back/);
      for (const query of ['after=-1', 'after=x', 'limit=0', 'limit=1001'])
        refused(await client.send('GET', `/admin/v1/feed?${query}`), 'malformed', 400);
    });

    it('a receiver with a certificate of ours is trusted, and a stranger with one is not', async () => {
      const net = createNetwork(ca.ctx.config, () => []);
      const request = { url: `${ca.adminUrl}/admin/v1/members`, headers: {}, body: Buffer.from('{}') };
      assert.equal((await net.post({ ...request, roots: ownRoots(ca.ctx) })).status, 401);
      await assert.rejects(net.post({ ...request, roots: [] }), /its certificate is refused/);
    });

    it('what a webhook gets is as the feed has it', async () => {
      const url = 'http://hooks.test/in';
      const got: Json[] = [];
      ca.net.hooks.set(url, ({ body }) => {
        got.push(JSON.parse(Buffer.from(body).toString()));
        return 200;
      });
      const made = await client.post('/webhooks', { url, events: ['member.*'] });
      const { next } = await client.get('/feed?limit=1000');
      await client.post('/members', { name: 'Late', email: ['a@club.test'] });
      // The clock's own jobs seal, dispatch and deliver.
      while (got.length === 0) await new Promise(resolve => setTimeout(resolve, 20));
      const [event] = (await client.get(`/feed?after=${next}`)).events;
      assert.deepEqual(got, [{ type: event.type, timestamp: event.time, data: { index: event.index, ...event.data } }]);
      const shown = await client.get(`/webhooks/${made.id}`);
      assert.equal('secret' in shown, false);
      const listed = await client.get(`/webhooks/${made.id}/deliveries`);
      assert.deepEqual([listed.length, listed[0].state], [1, 'sent']);
      for (const Accept of ['application/json', 'application/x-ndjson', 'text/csv'])
        refused(await client.send('GET', '/admin/v1/webhooks/none/deliveries', undefined, { Accept }), 'malformed', 404);
    });
  });
