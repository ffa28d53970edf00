import assert from 'node:assert/strict';
import { underLease } from '../../src/ca/under-lease.ts';
import { takeLease } from '../../src/store/leases.ts';
import { databaseClock } from '../../src/store/open.ts';
import { engines } from '../kit/ca.ts';
import { openTestCtx } from '../kit/ctx.ts';
import { opened } from '../kit/opened.ts';
import { until } from '../kit/process.ts';

for (const engine of engines)
  describe(`work of one process of many (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));

    const lapsed = async (name: string) =>
      (await at.ctx.db('leases').where({ name }).where('until', '<=', databaseClock(at.ctx.db))).length === 1;

    it('keeps its lease for as long as it takes', async function () {
      this.timeout(30_000);
      const [{ now: begun }] = await at.ctx.db.select({ now: databaseClock(at.ctx.db) });
      const done = await underLease(
        at.ctx,
        'long',
        async held => {
          await until(async () => (await at.ctx.db.select({ now: databaseClock(at.ctx.db) }))[0].now > begun + 4);
          assert.equal(await underLease(at.ctx, 'long', async () => 'twice'), undefined);
          await at.ctx.db.transaction(held);
          return 'done';
        },
        3,
      );
      assert.equal(done, 'done');
      assert.ok(await lapsed('long'), 'it is free afterwards');
    });

    it('cannot commit when another has taken the lease meanwhile, and leaves it to that one', async () => {
      const work = underLease(at.ctx, 'frozen', async held => {
        await at.ctx.db('leases').where({ name: 'frozen' }).update({ until: 0 });
        assert.ok(await takeLease(at.ctx.db, 'frozen', 'another', 60));
        await at.ctx.db.transaction(held);
      });
      await assert.rejects(work, /the lease frozen was lost/);
      assert.equal(await lapsed('frozen'), false);
    });

    it('that fails leaves the lease free', async () => {
      await assert.rejects(
        underLease(at.ctx, 'failing', async () => {
          throw new Error('as it happens');
        }),
        /as it happens/,
      );
      assert.equal(await underLease(at.ctx, 'failing', async () => 'done'), 'done');
    });
  });
