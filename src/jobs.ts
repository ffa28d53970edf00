import cron, { type ScheduledTask } from 'node-cron';
import { sealRegularly } from './ca/audit/seal.ts';
import { renewResponders } from './ca/authority/credentials.ts';
import { reloadAuthority } from './ca/authority/hierarchy.ts';
import { remindOfRootCrl } from './ca/authority/issuers.ts';
import { publishDueCrls } from './ca/authority/publish-crl.ts';
import { cleanUp } from './ca/clean-up.ts';
import { resumeValidations } from './ca/domains/validate.ts';
import { deliverWebhooks } from './ca/events/deliver-webhooks.ts';
import { dispatchWebhooks } from './ca/events/dispatch-webhooks.ts';
import { recoverCommitted } from './ca/issuance/finalize.ts';
import { deliverDue } from './ca/mail/deliver.ts';
import { forgetDue } from './ca/members/expire-personal-data.ts';
import { remindOfExpiry, remindOfLapse } from './ca/members/remind.ts';
import { closeReports } from './ca/report/report.ts';
import type { Ctx } from './ctx.ts';
import { pruneAnswers } from './store/idempotency.ts';
import type { Nonces } from './store/nonces.ts';

/** Due work, run by every process; claims and leases see to it that each piece is done once. */
export interface Job {
  name: string;
  /** Six fields: the first are seconds. */
  schedule: string;
  run(ctx: Ctx, nonces: Nonces): Promise<void>;
  /** How many runs may be under way at once in a process; one, where nothing is said. */
  atOnce?: number;
}

const jobs: Job[] = [
  // A mail server that is slow with one message does not hold up the next ones.
  { name: 'deliver', schedule: '* * * * * *', run: deliverDue, atOnce: 4 },
  { name: 'seal the audit log', schedule: '* * * * * *', run: sealRegularly },
  { name: 'dispatch webhooks', schedule: '* * * * * *', run: dispatchWebhooks },
  // A receiver that is slow does not hold up the others.
  { name: 'deliver webhooks', schedule: '* * * * * *', run: deliverWebhooks, atOnce: 4 },
  { name: 'resume validations', schedule: '*/5 * * * * *', run: resumeValidations },
  { name: 'reload issuing CAs', schedule: '* * * * * *', run: reloadAuthority },
  { name: 'recover committed certificates', schedule: '*/5 * * * * *', run: recoverCommitted },
  { name: 'publish CRLs', schedule: '*/5 * * * * *', run: publishDueCrls },
  { name: 'remind of expiry', schedule: '0 7 * * * *', run: remindOfExpiry },
  { name: 'remind of lapse', schedule: '0 17 * * * *', run: remindOfLapse },
  { name: 'close reports', schedule: '0 37 * * * *', run: closeReports },
  { name: 'forget', schedule: '0 47 * * * *', run: forgetDue },
  { name: 'clean up', schedule: '0 27 * * * *', run: cleanUp },
  { name: 'remind of the root CRL', schedule: '0 0 8 * * *', run: remindOfRootCrl },
  { name: 'prune idempotent answers', schedule: '0 20 * * * *', run: ctx => pruneAnswers(ctx.db, ctx.now()) },
  { name: 'renew OCSP responders', schedule: '30 * * * * *', run: renewResponders },
  { name: 'prune nonces', schedule: '0 */10 * * * *', run: (_, nonces) => nonces.prune() },
];

/**
 * What falls due while the process stalls is run late, once, unless it is due again by then. The metrics tell how late; the console, which the clock would write to
 * around our log, is not told.
 */
const options = { missedExecutionTolerance: 86_400_000, suppressMissedWarning: true };

/** Starts the clock, with jobs of this process's own. @returns its end, when nothing of it is under way */
export function startJobs(ctx: Ctx, nonces: Nonces, own: Job[] = []): () => Promise<void> {
  const running = new Set<Promise<void>>();
  const busy = new Map<string, number>();
  const begin = (job: Job, late: number): void => {
    const already = busy.get(job.name) ?? 0;
    if (already >= (job.atOnce ?? 1)) return;
    busy.set(job.name, already + 1);
    const ended = ctx.metrics.beginJob(job.name, late);
    const done = job
      .run(ctx, nonces)
      .then(() => ended('done'))
      .catch(error => {
        ended('failed');
        ctx.log.error({ err: error, job: job.name }, 'job failed');
      })
      .finally(() => {
        busy.set(job.name, (busy.get(job.name) ?? 1) - 1);
        running.delete(done);
      });
    running.add(done);
  };
  const tasks: ScheduledTask[] = [...jobs, ...own].map(job =>
    cron.schedule(job.schedule, ({ date, triggeredAt }) => begin(job, (triggeredAt.getTime() - date.getTime()) / 1000), options),
  );
  return async () => {
    for (const task of tasks) await task.destroy();
    await Promise.all(running);
  };
}
