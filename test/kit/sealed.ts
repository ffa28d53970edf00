import { sealAudit } from '../../src/ca/audit/seal.ts';
import type { Ctx } from '../../src/ctx.ts';
import { oldestUnsealed } from '../../src/store/audit.ts';
import { until } from './process.ts';

/** Seals all that is recorded, also where the server's own clock is at it: it does that once. */
export async function allSealed(ctx: Ctx): Promise<void> {
  await until(async () => {
    await sealAudit(ctx);
    return (await oldestUnsealed(ctx.db)) === undefined;
  });
}
