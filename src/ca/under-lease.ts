import type { Ctx } from '../ctx.ts';
import { extendLease, holdsLease, releaseLease, takeLease } from '../store/leases.ts';
import type { Trx } from '../store/open.ts';

/**
 * Runs work in one process of many. What a process that is killed leaves undone, another may take up after so many seconds: the lease is extended while the work goes on; a process that was frozen for longer has lost it, and finds that out where
 * it commits: `held` throws there. @returns undefined where another process is at it
 */
export async function underLease<T>(
  ctx: Ctx,
  name: string,
  work: (held: (trx: Trx) => Promise<void>) => Promise<T>,
  seconds = 30,
): Promise<T | undefined> {
  const taken = await takeLease(ctx.db, name, ctx.processId, seconds);
  if (!taken) return undefined;
  let extending: Promise<unknown> = Promise.resolve();
  const timer = setInterval(
    () => {
      extending = extendLease(ctx.db, taken, seconds).catch(err => ctx.log.warn({ err, lease: name }, 'a lease could not be extended'));
    },
    (seconds / 3) * 1000,
  );
  try {
    return await work(async trx => {
      if (!(await holdsLease(trx, taken))) throw new Error(`the lease ${name} was lost`);
    });
  } finally {
    clearInterval(timer);
    await extending;
    await releaseLease(ctx.db, taken);
  }
}
