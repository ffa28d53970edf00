import type { Ctx } from '../../ctx.ts';
import { clock } from '../../model/audit.ts';
import { maxAttempts, retryPause } from '../../model/message.ts';
import { type Delivery, failingLife, longestPause, type Webhook } from '../../model/webhook.ts';
import { type Hook, type Outcome, sendHook } from '../../notify/webhook.ts';
import { dueDeliveries, isAwaited, settleDelivery } from '../../store/webhook-deliveries.ts';
import { claimWebhooks, holdWebhook, releaseWebhook, setHealth } from '../../store/webhooks.ts';
import { type Act, transact } from '../act.ts';
import { disable } from './disable-webhook.ts';
import { ownRoots, receiverOf, renderHooks } from './render-webhook.ts';

/** Seconds that a process keeps a webhook for itself, from each attempt on: longer than one may take. */
const claim = 60;

/** Webhooks that one run serves side by side. */
const sideBySide = 10;

/** Seconds after which it is another webhook's turn. */
const turn = 30;

/** Deliveries that are read at once. */
const batch = 20;

/** Sends what is due, in every process: to each webhook by one of them, one after the other in the log's order. */
export async function deliverWebhooks(ctx: Ctx): Promise<void> {
  const claimed = await claimWebhooks(ctx.db, ctx.now(), sideBySide, claim);
  await Promise.all(claimed.map(webhook => serve(ctx, webhook)));
}

async function serve(ctx: Ctx, claimed: Webhook): Promise<void> {
  const until = ctx.now() + turn;
  try {
    for (;;) {
      const due = await dueDeliveries(ctx.db, claimed.id, ctx.now(), batch);
      const hooks = await renderHooks(ctx, due);
      for (const delivery of due) if (!(await deliverOne(ctx, claimed, delivery, hooks.get(delivery.id))) || ctx.now() >= until) return;
      if (due.length < batch) return;
    }
  } finally {
    await releaseWebhook(ctx.db, claimed);
  }
}

/** At least once: a crash between sending and marking sends again, under the same id. @returns whether the webhook takes more now */
async function deliverOne(ctx: Ctx, claimed: Webhook, delivery: Delivery, hook: Hook | undefined): Promise<boolean> {
  if (ctx.background.ending.aborted) return false;
  const webhook = await holdWebhook(ctx.db, claimed, claim);
  if (!webhook) return false;
  if (!hook) {
    const { refusals } = delivery;
    await settleDelivery(ctx.db, delivery, { state: 'dead', refusals, nextAt: ctx.now(), lastError: 'what it tells of is gone' });
    return true;
  }
  const outcome = await attempt(ctx, webhook, hook);
  // Cut short by the end of this process, which says nothing about the receiver.
  if (outcome.took !== 'taken' && ctx.background.ending.aborted) return false;
  return settle(ctx, webhook, delivery, outcome);
}

export async function attempt(ctx: Ctx, webhook: Webhook, hook: Hook): Promise<Outcome> {
  const terms = { now: ctx.now(), roots: ownRoots(ctx), signal: ctx.background.ending };
  try {
    return await sendHook(ctx.net, receiverOf(ctx, webhook), hook, terms);
  } catch (error) {
    if (!terms.signal.aborted) ctx.log.error({ err: error, webhook: webhook.id, delivery: hook.id }, 'a webhook failed unexpectedly');
    return { took: 'nothing', why: 'it could not be sent' };
  }
}

/**
 * What one delivery came to, and what that says of the webhook. Where the receiver takes nothing, all that waits goes on waiting, the webhook alone is tried again with
 * growing pauses, and no delivery is given up for it; a delivery that is refused has pauses and attempts of its own.
 */
async function settle(ctx: Ctx, webhook: Webhook, delivery: Delivery, outcome: Outcome): Promise<boolean> {
  if (outcome.took === 'taken') {
    await transact(ctx, clock, async ({ trx, now }) => {
      await settleDelivery(trx, delivery, { state: 'sent', refusals: delivery.refusals, nextAt: now, sentAt: now });
      if (webhook.failingSince !== undefined) await setHealth(trx, webhook, { failures: 0, nextAt: now });
    });
    return true;
  }
  const { isEnded, why } = await transact(ctx, clock, async act => {
    const failingSince = webhook.failingSince ?? act.now;
    const failed = { webhook, delivery, failingSince, outcome };
    if (outcome.took === 'refused') await refuse(act, failed);
    else await wait(act, failed);
    const why = outcome.took === 'gone' || act.now - failingSince >= failingLife ? whyEnded(outcome) : undefined;
    return { why, isEnded: why !== undefined && (await disable(act, webhook.id, why)) };
  });
  if (isEnded) ctx.log.warn({ webhook: webhook.id, why }, 'a webhook was disabled: "webhook enable" goes on where it stopped');
  return outcome.took === 'refused' && !isEnded;
}

type Failure = Exclude<Outcome, { took: 'taken' }>;

/** A delivery that was not taken. */
interface Failed {
  webhook: Webhook;
  delivery: Delivery;
  failingSince: number;
  outcome: Failure;
}

const whyEnded = ({ took, why }: Failure): string => (took === 'gone' ? why : `nothing was taken for days; at last: ${why}`);

/** One is refused. Where it is given up and nothing else waits, nothing fails any more. */
async function refuse({ trx, now }: Act, { webhook, delivery, failingSince, outcome }: Failed): Promise<void> {
  const refusals = delivery.refusals + 1;
  const isDead = refusals >= maxAttempts;
  const nextAt = isDead ? now : now + retryPause(refusals);
  await settleDelivery(trx, delivery, { state: isDead ? 'dead' : 'queued', refusals, nextAt, lastError: outcome.why });
  const isWell = isDead && !(await isAwaited(trx, webhook.id));
  await setHealth(trx, webhook, { failures: 0, nextAt: now, ...(!isWell && { failingSince }) });
}

/** Nothing is taken, for as long as it says itself or longer. */
async function wait({ trx, now }: Act, { webhook, delivery, failingSince, outcome }: Failed): Promise<void> {
  const { why: lastError, pause = 0 } = outcome;
  const failures = webhook.failures + 1;
  const nextAt = now + Math.max(retryPause(failures), Math.min(pause, longestPause));
  await settleDelivery(trx, delivery, { state: 'queued', refusals: delivery.refusals, nextAt, lastError });
  await setHealth(trx, webhook, { failures, nextAt, failingSince });
}
