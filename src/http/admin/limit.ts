import type { Ctx } from '../../ctx.ts';
import { Lru } from '../../model/lru.ts';
import { plural } from '../../model/plural.ts';
import { Problem } from '../../model/problem.ts';

interface Bucket {
  left: number;
  at: number;
  /** Of one each: so many are kept. */
  size: 1;
}

const mostBuckets = 10_000;

/** Requests of each: a minute's worth at once, then as they come back. @throws Problem 429 */
export function createLimit(ctx: Ctx, who: string): (id: string) => void {
  const most = ctx.config.admin.requestsPerMinute;
  const buckets = new Lru<Bucket>(mostBuckets);
  return id => {
    const now = ctx.now();
    const bucket = buckets.get(id) ?? { left: most, at: now };
    const left = Math.min(most, bucket.left + ((now - bucket.at) * most) / 60);
    buckets.set(id, { left: left < 1 ? left : left - 1, at: now, size: 1 });
    if (left >= 1) return;
    const retryAfter = Math.ceil(((1 - left) * 60) / most);
    throw new Problem('rateLimited', `${who} may ask ${plural(most, 'time')} a minute; ask again in ${retryAfter} s.`, { retryAfter });
  };
}
