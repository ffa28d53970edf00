import { z } from 'zod';
import { transact } from '../ca/act.ts';
import { record } from '../ca/audit/record.ts';
import type { Ctx } from '../ctx.ts';
import type { Actor, AuditAction } from '../model/audit.ts';
import type { MovedWindow } from '../model/certificate.ts';
import { rfc3339 } from '../model/encoding.ts';
import { plural } from '../model/plural.ts';
import { Problem } from '../model/problem.ts';
import { seconds } from '../model/seconds.ts';
import type { CertificateFilter } from '../store/certificate-filter.ts';
import { countLiving, lockCertificates } from '../store/certificates.ts';
import { breathe } from '../store/open.ts';
import { countProgress, livingSerials, setWindow } from '../store/renewals.ts';
import { filterOf, filterShape, narrowFilterOf } from './certificate-filter.ts';
import { moment, operation, time } from './operation.ts';

/** A transaction each: a running server waits for none of them long. */
const batchSize = 1000;
const count = z.number().int();
const dryRun = z.boolean().default(false).describe('only say how many it would be');

/** @throws Problem malformed */
function windowOf(now: number, { start = now, end = start + seconds.day }: { start?: number | undefined; end?: number | undefined }) {
  if (end <= start) throw new Problem('malformed', `The window ends at ${rfc3339(end)}, which is not after its start, ${rfc3339(start)}.`);
  return { start, end };
}

/** In batches, each recorded with it; called again, it does the same again. @returns how many */
async function setWindows(
  ctx: Ctx,
  { action, filter, window }: { action: AuditAction & `renewal.${string}`; filter: CertificateFilter; window?: MovedWindow },
  actor: Actor,
  progress?: (line: string) => void,
): Promise<number> {
  const now = ctx.now();
  let done = 0;
  for (let after = ''; ; ) {
    const batch = await transact(ctx, actor, async act => {
      await lockCertificates(act.trx);
      const serials = await livingSerials(act.trx, filter, now, { after, limit: batchSize, isMoved: !window });
      if (serials.length === 0) return serials;
      await setWindow(act.trx, serials, window);
      await record(act, { action, subject: {}, detail: { filter, ...(window && { window }), certificates: serials.length } });
      return serials;
    });
    done += batch.length;
    if (batch.length) progress?.(`${plural(done, 'certificate')} done`);
    after = batch.at(-1) ?? '';
    if (batch.length < batchSize) return done;
    await breathe();
  }
}

export const renewalOperations = [
  operation({
    name: 'renewal move',
    summary:
      'have certificates renewed in another window, by clients that ask for renewal information; without times: from now, within a day',
    scope: 'revoke',
    http: { method: 'post', path: '/renewals/move' },
    tellsProgress: true,
    input: z.object({
      ...filterShape,
      start: moment.optional().describe('when the window begins (RFC 3339); now, where nothing is said'),
      end: moment.optional().describe('when it ends; a day later, where nothing is said'),
      explanation: z
        .url({ protocol: /^https?$/, error: 'is an http or https URL' })
        .optional()
        .describe('a page for administrators that says why'),
      dryRun,
    }),
    output: z.object({ matched: count, moved: count, start: time, end: time }),
    async run(ctx, { start, end, explanation, dryRun, ...rest }, actor, progress) {
      const filter = narrowFilterOf(rest);
      const window = windowOf(ctx.now(), { start, end });
      const matched = await countLiving(ctx.db, filter, ctx.now());
      const said = { ...window, ...(explanation !== undefined && { explanation }) };
      const moved = dryRun ? 0 : await setWindows(ctx, { action: 'renewal.moved', filter, window: said }, actor, progress);
      return { matched, moved, start: rfc3339(window.start), end: rfc3339(window.end) };
    },
  }),
  operation({
    name: 'renewal status',
    summary: 'how far the replacement of certificates with a moved window has come',
    scope: 'read',
    http: { method: 'get', path: '/renewals/status' },
    input: z.object(filterShape),
    output: z.object({ matched: count, moved: count, replaced: count, remaining: count }),
    async run(ctx, input) {
      const progress = await countProgress(ctx.db, filterOf(input), ctx.now());
      return { ...progress, remaining: progress.moved - progress.replaced };
    },
  }),
  operation({
    name: 'renewal reset',
    summary: 'take moved windows back: the certificates are renewed when they would have been',
    scope: 'revoke',
    http: { method: 'post', path: '/renewals/reset' },
    tellsProgress: true,
    input: z.object({ ...filterShape, dryRun }),
    output: z.object({ matched: count, reset: count }),
    async run(ctx, { dryRun, ...rest }, actor, progress) {
      const filter = narrowFilterOf(rest);
      const matched = (await countProgress(ctx.db, filter, ctx.now())).moved;
      return { matched, reset: dryRun ? 0 : await setWindows(ctx, { action: 'renewal.reset', filter }, actor, progress) };
    },
  }),
];
