import assert from 'node:assert/strict';
import type { AcmeClient, Json } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { links, refused } from '../../kit/refused.ts';

for (const engine of engines) {
  describe(`orders list (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));

    const list = async (client: AcmeClient, url = `${client.kid}/orders`) => {
      const answer = await client.read(url);
      assert.equal(answer.status, 200, answer.body.toString());
      return answer;
    };

    it('is an object with an array of the account’s own orders, pending and valid ones', async () => {
      const { client } = await ca.member();
      const { client: other } = await ca.member();
      assert.deepEqual((await list(client)).json, { orders: [] });
      const pending = String((await client.newOrder(['pending.test'])).headers['location']);
      const { orderUrl } = await issue(client, ca.net, ['valid.test']);
      await other.newOrder(['other.test']);
      const { json, headers } = await list(client);
      assert.equal(headers['content-type'], 'application/json');
      assert.deepEqual(json.orders.sort(), [orderUrl, pending].sort());
    });

    it('leaves out orders that are invalid: expired, failed, or without one of their authorizations', async () => {
      const { client } = await ca.member();
      const failed = await client.newOrder(['failed.test']);
      const { challenges } = (await client.read(failed.json.authorizations[0])).json;
      await client.post(challenges.find((c: Json) => c.type === 'http-01').url, {});
      await client.poll(failed.json.authorizations[0], a => a.status !== 'pending');
      const deactivated = await client.newOrder(['deactivated.test']);
      await client.post(deactivated.json.authorizations[0], { status: 'deactivated' });
      const good = await client.newOrder(['good.test']);
      assert.deepEqual((await list(client)).json.orders, [good.headers['location']]);
      ca.later(8 * 86400);
      assert.deepEqual((await list(client)).json.orders, []);
    });

    it('comes in pages, newest first, each order once, by Link rel="next"', async () => {
      const { id, client } = await ca.member();
      await ca.prove(id, 'paged.test');
      const made: string[] = [];
      for (let i = 0; i < 105; i++) {
        if (i % 40 === 0) ca.clock.now += 1;
        made.push(String((await client.newOrder(['paged.test'])).headers['location']));
      }
      const found: string[] = [];
      const sizes: number[] = [];
      let url: string | undefined = `${client.kid}/orders`;
      while (url) {
        const answer = await list(client, url);
        found.push(...answer.json.orders);
        sizes.push(answer.json.orders.length);
        url = links(answer)['next']?.[0];
      }
      assert.deepEqual(sizes, [50, 50, 5]);
      assert.deepEqual([...found].sort(), [...made].sort());
      const firstOf = (urls: string[], from: number, to: number) => new Set(urls.slice(from, to));
      assert.deepEqual(firstOf(found, 0, 25), firstOf(made, 80, 105), 'the newest second first');
    });

    it('refuses a cursor that the server did not give, and other queries', async () => {
      const { client } = await ca.member();
      const orders = `${client.kid}/orders`;
      for (const cursor of ['', 'x', '1', '1-', '1-a%00', '-1-a', '1-A', '9999999999999-a'])
        refused(await client.read(`${orders}?cursor=${cursor}`), 'malformed');
      assert.deepEqual((await list(client, `${orders}?cursor=999999999999-a`)).json, { orders: [] });
      refused(await client.post(orders, {}), 'malformed', 400, /POST-as-GET/);
    });
  });
}
