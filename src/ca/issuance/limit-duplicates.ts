import type { Ctx } from '../../ctx.ts';
import type { Account } from '../../model/account.ts';
import { rfc3339 } from '../../model/encoding.ts';
import { plural } from '../../model/plural.ts';
import { Problem } from '../../model/problem.ts';
import { seconds } from '../../model/seconds.ts';
import { type Db, lock, type Trx } from '../../store/open.ts';
import { nthNewestOfNames } from '../../store/renewals.ts';

/**
 * Certificates for exactly the same names that a member gets within a week (an account, where it belongs to none): a client in a loop does no harm.
 * @throws Problem rateLimited
 */
export async function refuseDuplicates(ctx: Ctx, db: Db, { id, memberId }: Account, names: string[]): Promise<void> {
  const limit = ctx.config.policy.duplicatesPerWeek;
  const now = ctx.now();
  const holder = memberId === undefined ? { accountId: id } : { memberId };
  const oldest = await nthNewestOfNames(db, { ...holder, names }, limit, now - seconds.week);
  if (oldest === undefined) return;
  const again = oldest + seconds.week;
  throw new Problem(
    'rateLimited',
    `${plural(limit, 'certificate')} for exactly these names within 7 days is the limit, and it is reached: ${names.join(', ')}. The next one can be had at ` +
      `${rfc3339(again)}; use the newest one until then, and see why the client asks so often.`,
    { retryAfter: again - now },
  );
}

/** The same in the transaction that makes the certificate: another for these names waits for its end, and counts what it made. @throws Problem rateLimited */
export async function refuseDuplicateHere(ctx: Ctx, trx: Trx, account: Account, names: string[]): Promise<void> {
  await lock(trx, `duplicates ${[account.memberId ?? account.id, ...[...names].sort()].join(' ')}`);
  await refuseDuplicates(ctx, trx, account, names);
}
