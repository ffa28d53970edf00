import assert from 'node:assert/strict';
import { type AcmeClient, type Answer, newKey } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { makeCsr } from '../../kit/csr.ts';
import { finalizeOrder, openTestCtx, readyOrder } from '../../kit/ctx.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';
import { askRenewalInfo, certIdOf, serialOf, windowIn } from '../../kit/renewal.ts';

const week = 7 * 86400;
const limit = 3;

for (const engine of engines) {
  describe(`the limit on certificates of the same names (${engine})`, () => {
    const ca = opened(() => startCa({ engine, config: { policy: { duplicatesPerWeek: limit, externalAccountRequired: false } } }));
    let member: string;
    let client: AcmeClient;
    let names: string[];
    let turn = 0;
    before(async () => {
      ({ id: member, client } = await ca.member());
      await ca.prove(member, 'many.test');
    });
    beforeEach(() => {
      names = [`a${++turn}.many.test`, `b${turn}.many.test`];
    });

    const another = (by = client, more: object = {}) => issue(by, ca.net, names, { more });
    async function exhaust(by = client): Promise<string> {
      for (let i = 1; i < limit; i++) await another(by);
      return (await another(by)).chain;
    }
    const limited = (answer: Answer) => {
      refused(answer, 'rateLimited', 429, new RegExp(`${limit} certificates? for exactly these names`));
      return Number(answer.headers['retry-after']);
    };

    it('stops a loop, and says which names, how many, and when there is another', async () => {
      const began = ca.clock.now;
      await exhaust();
      ca.later(100);
      const answer = await client.newOrder(names);
      assert.equal(limited(answer), week - 100);
      assert.ok(answer.json.detail.includes(names.join(', ')));
      assert.ok(answer.json.detail.includes(new Date((began + week) * 1000).toISOString().replace('.000Z', 'Z')));
      ca.later(week - 101);
      assert.equal(limited(await client.newOrder(names)), 1);
      ca.later(1);
      assert.equal((await client.newOrder(names)).status, 201);
    });

    it('is for exactly these names, in whatever order', async () => {
      await exhaust();
      limited(await client.newOrder([...names].reverse()));
      for (const others of [names.slice(1), [...names, 'c.many.test']]) assert.equal((await client.newOrder(others)).status, 201);
    });

    it('is the member’s, through whichever account; another member has its own', async () => {
      await exhaust();
      const second = await ca.client().open();
      await second.register({ eab: await ca.run('eab create', { member }) });
      limited(await second.newOrder(names));
      const { client: foreign } = await ca.member('Another');
      assert.equal((await foreign.newOrder(names)).status, 201);
    });

    it('is the account’s where that belongs to no member', async () => {
      const [one, two] = [await ca.client().open(), await ca.client().open()];
      for (const each of [one, two]) await each.register();
      await exhaust(one);
      limited(await one.newOrder(names));
      assert.equal((await two.newOrder(names)).status, 201);
    });

    it('holds at finalization too: orders made beforehand do not get around it', async () => {
      const orders: Answer[] = [];
      for (let i = 0; i <= limit; i++) orders.push(await client.newOrder(names));
      const last = orders.pop();
      await exhaust();
      const payload = { csr: makeCsr(newKey(), names).toString('base64url') };
      limited(await client.post(last?.json.finalize, payload));
      const url = String(last?.headers['location']);
      assert.equal((await client.read(url)).json.status, 'ready', 'the order is as it was');
      ca.later(week);
      assert.equal((await client.read(url)).json.status, 'invalid');
    });

    it('does not stop a renewal within its window that names what it replaces', async () => {
      const chain = await exhaust();
      const more = { replaces: certIdOf(chain) };
      limited(await client.newOrder(names, more));
      await ca.run('renewal move', { serial: serialOf(chain) });
      const { chain: newest } = await another(client, more);
      limited(await client.newOrder(names));
      limited(await client.newOrder(names, { replaces: certIdOf(newest) }));
    });

    it('is never met by a server of the short profile that renews by renewal information', async () => {
      let { chain } = await another(client, { profile: 'xmpp-server-short' });
      for (let i = 0; i < 2 * limit; i++) {
        const { end } = windowIn(await askRenewalInfo(client, chain));
        ca.later(end - ca.clock.now);
        ({ chain } = await another(client, { profile: 'xmpp-server-short', replaces: certIdOf(chain) }));
      }
    });

    it('does not count what was never issued', async () => {
      const chain = await exhaust();
      await ca.ctx
        .db('certificates')
        .where({ serial: serialOf(chain) })
        .update({ state: 'abandoned' });
      assert.equal((await client.newOrder(names)).status, 201);
    });
  });
}

for (const engine of engines) {
  describe(`many finalizations at once for the same names (${engine})`, () => {
    it('give as many certificates as the limit allows', async () => {
      const at = await openTestCtx({ engine, config: { policy: { duplicatesPerWeek: limit } } });
      try {
        const first = await readyOrder(at, ['a.test', 'b.test']);
        const others = ['a.test b.test', 'b.test a.test', 'a.test b.test', 'b.test a.test', 'a.test b.test'].map(names =>
          readyOrder(at, names.split(' '), { member: first.member }),
        );
        const ran = await Promise.allSettled([first, ...(await Promise.all(others))].map(ready => finalizeOrder(at, ready)));
        assert.equal(ran.filter(r => r.status === 'fulfilled').length, limit);
        for (const r of ran) if (r.status === 'rejected') assert.equal(r.reason.type, 'rateLimited');
      } finally {
        await at.ctx.background.settled();
        await at.close();
      }
    });
  });
}
