import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import { rfc3339 } from '../../model/encoding.ts';
import { Problem } from '../../model/problem.ts';
import { oldSecretLife, type Webhook } from '../../model/webhook.ts';
import { whyNoTarget } from '../../net/post.ts';
import { type Hook, shownSecret } from '../../notify/webhook.ts';
import { placeSince } from '../../store/events.ts';
import { lastCheckpoint } from '../../store/log.ts';
import { hastenDeliveries, requeueDead } from '../../store/webhook-deliveries.ts';
import { enableWebhook, insertWebhook, replaceSecret, rewindCursor, unpauseWebhook } from '../../store/webhooks.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { newId } from '../ids.ts';
import { attempt } from './deliver-webhooks.ts';
import { disable } from './disable-webhook.ts';
import { openSecret, sealSecret } from './render-webhook.ts';

/** As the specification asks: 24 to 64 bytes. */
const secretSize = 32;

/** It is told what is sealed from now on. @returns the secret as it is shown, once @throws Problem */
export async function createWebhook(
  ctx: Ctx,
  { url, events, description }: { url: string; events: string[]; description?: string | undefined },
  actor: Actor,
): Promise<{ webhook: Webhook; secret: string }> {
  const wrong = whyNoTarget(url, ctx.config.validation.allowPrivateAddresses);
  if (wrong !== undefined) throw new Problem('malformed', `The URL ${wrong}.`);
  const id = newId(ctx);
  const secret = ctx.random(secretSize);
  const now = ctx.now();
  const cursor = ((await lastCheckpoint(ctx.db))?.size ?? 0) - 1;
  const webhook = {
    ...{ id, url, events: [...new Set(events)], secret: sealSecret(ctx, id, secret), createdAt: now, cursor },
    ...(description !== undefined && { description }),
  };
  await transact(ctx, actor, async act => {
    await insertWebhook(act.trx, webhook);
    // The host alone: a path may be a secret of the receiver's.
    const detail = { host: new URL(url).host, events: webhook.events };
    await record(act, { action: 'webhook.created', subject: { webhook: id }, detail });
  });
  return { webhook: { ...webhook, failures: 0, nextAt: now, fence: 0 }, secret: shownSecret(secret) };
}

/** @throws Problem where another did it meanwhile */
export async function rotateSecret(ctx: Ctx, webhook: Webhook, actor: Actor): Promise<{ webhook: Webhook; secret: string }> {
  const { id } = webhook;
  const now = ctx.now();
  const secret = ctx.random(secretSize);
  const sealed = sealSecret(ctx, id, secret);
  const oldSecret = { secret: sealSecret(ctx, id, openSecret(ctx, id, webhook.secret), 'old_secret'), until: now + oldSecretLife };
  await transact(ctx, actor, async act => {
    if (!(await replaceSecret(act.trx, webhook, sealed, oldSecret)))
      throw new Problem('malformed', `The webhook ${id} changed meanwhile; try again.`, { status: 409 });
    await record(act, { action: 'webhook.rotated', subject: { webhook: id } });
  });
  return { webhook: { ...webhook, secret: sealed, oldSecret }, secret: shownSecret(secret) };
}

/** @throws Problem where it is so already */
export async function setEnabled(ctx: Ctx, { id }: Webhook, enabled: boolean, actor: Actor): Promise<void> {
  await transact(ctx, actor, async act => {
    const { trx, now } = act;
    const moved = enabled ? await enableWebhook(trx, id, now) : await disable(act, id, 'by an operator');
    if (!moved) throw new Problem('malformed', `The webhook ${id} is ${enabled ? 'enabled' : 'disabled'} already.`);
    if (!enabled) return;
    await hastenDeliveries(trx, id, now);
    await record(act, { action: 'webhook.enabled', subject: { webhook: id } });
  });
}

/**
 * Everything from a place in the log on, or since a time, is told again, under the ids that it had; without either what was given up.
 * @returns how many deliveries that had been given up are queued again
 */
export async function replay(
  ctx: Ctx,
  { id }: Webhook,
  { since, index }: { since?: number | undefined; index?: number | undefined },
  actor: Actor,
): Promise<number> {
  if (since !== undefined && index !== undefined) throw new Problem('malformed', 'Give a time or a place in the log, not both.');
  const from = since === undefined ? index : await placeSince(ctx.db, since);
  const isFromLog = since !== undefined || index !== undefined;
  return transact(ctx, actor, async act => {
    const { trx, now } = act;
    if (from !== undefined) await rewindCursor(trx, id, from - 1);
    const requeued = isFromLog ? 0 : await requeueDead(trx, id, now);
    await unpauseWebhook(trx, id, now);
    const detail = isFromLog ? { from: from ?? null } : { requeued };
    await record(act, { action: 'webhook.replayed', subject: { webhook: id }, detail });
    return requeued;
  });
}

/** One attempt, also where the webhook is disabled. It is no delivery: nothing is lost where it fails. @throws Problem where it is not taken */
export async function testWebhook(ctx: Ctx, webhook: Webhook): Promise<Hook> {
  const test = { webhook: webhook.id };
  const hook = { id: `${webhook.id}-test-${newId(ctx)}`, type: 'webhook.test', timestamp: rfc3339(ctx.now()), data: test };
  const outcome = await attempt(ctx, webhook, hook);
  if (outcome.took !== 'taken') throw new Problem('connection', `The test was not taken: ${outcome.why.replace(/\.$/, '')}.`);
  return hook;
}
