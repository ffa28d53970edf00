import type { Ctx } from '../ctx.ts';
import { seconds } from '../model/seconds.ts';
import { deleteSpent, spentTables } from '../store/clean-up.ts';
import { breathe } from '../store/open.ts';
import { underLease } from './under-lease.ts';

/** Rows in one statement: the database is never held for long. */
const batch = 500;

/** Deletes what ended long ago, by one process of many: tables stay in proportion to what is alive. Certificates and the audit log are kept. */
export async function cleanUp(ctx: Ctx): Promise<void> {
  await underLease(ctx, 'clean-up', async () => {
    const before = ctx.now() - ctx.config.policy.keepDays * seconds.day;
    for (const table of spentTables)
      while (!ctx.background.ending.aborted && (await deleteSpent(ctx.db, table, before, batch)) === batch) await breathe();
  });
}
