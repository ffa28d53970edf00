import type { Ctx } from '../../ctx.ts';
import { Problem } from '../../model/problem.ts';
import type { Token } from '../../model/token.ts';

interface Bucket {
  left: number;
  at: number;
}

/** Requests of each token: a minute's worth at once, then as they come back. @throws Problem 429 */
export function createLimit(ctx: Ctx): (token: Token) => void {
  const most = ctx.config.admin.requestsPerMinute;
  const buckets = new Map<string, Bucket>();
  return ({ id }) => {
    const now = ctx.now();
    const bucket = buckets.get(id) ?? { left: most, at: now };
    const left = Math.min(most, bucket.left + ((now - bucket.at) * most) / 60);
    buckets.set(id, { left: left < 1 ? left : left - 1, at: now });
    if (left >= 1) return;
    const retryAfter = Math.ceil(((1 - left) * 60) / most);
    throw new Problem('rateLimited', `A token may ask ${most} times a minute; ask again in ${retryAfter} s.`, { retryAfter });
  };
}
