import type { Ctx } from '../ctx.ts';
import { releaseLease, takeLease } from '../store/leases.ts';

/** Runs work in one process of many; where another is at it, nothing. The lease is longer than the work takes; where it lapses all the same, work that may be done twice. */
export async function underLease(ctx: Ctx, name: string, seconds: number, work: () => Promise<void>): Promise<void> {
  if ((await takeLease(ctx.db, name, ctx.processId, seconds)) === undefined) return;
  try {
    await work();
  } finally {
    await releaseLease(ctx.db, name, ctx.processId);
  }
}
