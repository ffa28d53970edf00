import type { Ctx } from '../ctx.ts';
import { maxAttempts, retryPause } from '../model/message.ts';
import { type Delivery, failingLife, type Webhook } from '../model/webhook.ts';
import { type Hook, type Outcome, sendHook } from '../notify/webhook.ts';
import { dueDeliveries, settleDelivery } from '../store/webhook-deliveries.ts';
import { claimWebhooks, holdWebhook, releaseWebhook, setHealth } from '../store/webhooks.ts';
import { disable, ownRoots, receiverOf, renderHooks } from './webhook.ts';

/** Seconds that a process keeps a webhook for itself, from each attempt on: longer than one may take. */
const claim = 60;

/** Webhooks that one run serves side by side. */
const sideBySide = 10;

/** Deliveries that are read at once. */
const batch = 20;

/** Sends what is due, in every process: to each webhook by one of them, one after the other in the log's order. */
export async function deliverWebhooks(ctx: Ctx): Promise<void> {
  const claimed = await claimWebhooks(ctx.db, ctx.now(), sideBySide, claim);
  await Promise.all(claimed.map(webhook => serve(ctx, webhook)));
}

async function serve(ctx: Ctx, claimed: Webhook): Promise<void> {
  try {
    for (;;) {
      const due = await dueDeliveries(ctx.db, claimed.id, ctx.now(), batch);
      const hooks = await renderHooks(ctx, due);
      for (const delivery of due) if (!(await deliverOne(ctx, claimed, delivery, hooks.get(delivery.id)))) return;
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
    await settleDelivery(ctx.db, delivery, { state: 'dead', nextAt: ctx.now(), lastError: 'what it tells of is gone' });
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
  const now = ctx.now();
  if (outcome.took === 'taken') {
    await ctx.db.transaction(async trx => {
      await settleDelivery(trx, delivery, { state: 'sent', nextAt: now, sentAt: now });
      if (webhook.failingSince !== undefined) await setHealth(trx, webhook, { failures: 0, nextAt: now });
    });
    return true;
  }
  const { took, why: lastError } = outcome;
  const attempts = delivery.attempts + 1;
  const isDead = took === 'refused' && attempts >= maxAttempts;
  const failures = took === 'refused' ? 0 : webhook.failures + 1;
  const failingSince = webhook.failingSince ?? now;
  const nextAt = took === 'nothing' ? now + retryPause(failures) : now;
  const end =
    took === 'gone' ? lastError : now - failingSince >= failingLife ? `nothing was taken for days; at last: ${lastError}` : undefined;
  const isEnded = await ctx.db.transaction(async trx => {
    const again = took === 'refused' ? now + retryPause(attempts) : nextAt;
    await settleDelivery(trx, delivery, isDead ? { state: 'dead', nextAt: now, lastError } : { state: 'queued', nextAt: again, lastError });
    await setHealth(trx, webhook, { failures, nextAt, failingSince });
    return end !== undefined && (await disable(ctx, trx, webhook.id, end));
  });
  if (isEnded) ctx.log.warn({ webhook: webhook.id, why: end }, 'a webhook was disabled: "webhook enable" goes on where it stopped');
  return took === 'refused' && !isEnded;
}
