import assert from 'node:assert/strict';
import { cleanUp } from '../../src/ca/clean-up.ts';
import { deliverDue } from '../../src/ca/mail/deliver.ts';
import { insertAuthorizations } from '../../src/store/authorizations.ts';
import { takeLease } from '../../src/store/leases.ts';
import { insertOrder } from '../../src/store/orders.ts';
import { engines } from '../kit/ca.ts';
import { issued, openTestCtx } from '../kit/ctx.ts';
import { opened } from '../kit/opened.ts';
import { aChallenge, anAuthorization, anOrder, storedAccount } from '../kit/records.ts';

const day = 86400;
const tables = ['orders', 'authorizations', 'challenges', 'outbox', 'certificates', 'audit'];

for (const engine of engines) {
  describe(`the clean-up (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }), 'each');

    async function counts(): Promise<Record<string, number>> {
      const list = tables.map(async table => [table, Number((await at.ctx.db(table).count('* as n').first())?.['n'])]);
      return Object.fromEntries(await Promise.all(list));
    }

    it('takes what ended long ago, and leaves certificates, audit log and what belongs to living certificates', async () => {
      const account = await storedAccount(at.ctx.db);
      for (let i = 0; i < 3; i++) {
        const authorization = anAuthorization(account.id, `${i}.test`, { expiresAt: at.clock.now + 7 * day });
        await insertAuthorizations(
          at.ctx.db,
          [authorization],
          [aChallenge(authorization.id), aChallenge(authorization.id, { type: 'dns-01' })],
        );
        await insertOrder(at.ctx.db, anOrder(account.id, { expiresAt: at.clock.now + 7 * day, authorizationIds: [authorization.id] }));
      }
      const { notAfter } = await issued(at, ['im.test']);
      await deliverDue(at.ctx);
      const full = await counts();
      await cleanUp(at.ctx);
      assert.deepEqual(await counts(), full, 'nothing has ended');

      at.clock.now += 37 * day + 1;
      await cleanUp(at.ctx);
      const later = await counts();
      assert.deepEqual([later['orders'], later['outbox']], [1, 0], 'the order of the living certificate stays');
      at.clock.now += 60 * day;
      await cleanUp(at.ctx);
      assert.ok(at.clock.now < notAfter + 30 * day);
      assert.equal((await counts())['orders'], 1);

      at.clock.now = notAfter + 31 * day;
      await cleanUp(at.ctx);
      assert.deepEqual(await counts(), { ...full, orders: 0, authorizations: 0, challenges: 0, outbox: 0 });
    });

    it('takes more than one statement can, and goes on where it was stopped', async () => {
      const account = await storedAccount(at.ctx.db);
      for (let i = 0; i < 1100; i++) await insertOrder(at.ctx.db, anOrder(account.id));
      at.clock.now += 60 * day;
      let others = 0;
      setImmediate(() => others++);
      await cleanUp(at.ctx);
      assert.equal(others, 1, 'whatever else the process does goes on between the batches');
      assert.equal((await counts())['orders'], 0);
    });

    it('is done by one process of many', async () => {
      const account = await storedAccount(at.ctx.db);
      await insertOrder(at.ctx.db, anOrder(account.id));
      at.clock.now += 60 * day;
      await takeLease(at.ctx.db, 'clean-up', 'another', 60);
      await cleanUp(at.ctx);
      assert.equal((await counts())['orders'], 1);
    });
  });
}
