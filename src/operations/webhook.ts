import { z } from 'zod';
import { transact } from '../ca/act.ts';
import { record } from '../ca/audit/record.ts';
import { createWebhook, replay, rotateSecret, setEnabled, testWebhook } from '../ca/events/manage-webhook.ts';
import type { Ctx } from '../ctx.ts';
import { rfc3339 } from '../model/encoding.ts';
import { type Delivery, deliveryStates, eventFamilies, type Webhook, webhookEvents } from '../model/webhook.ts';
import { listDeliveries } from '../store/webhook-deliveries.ts';
import { countDeliveries, deleteWebhook, findWebhook, listWebhooks } from '../store/webhooks.ts';
import { byCreation, listing } from './listing.ts';
import { found, moment, operation, time } from './operation.ts';

const facts = {
  id: z.string(),
  url: z.string(),
  description: z.string().optional(),
  events: z.array(z.string()),
  status: z.enum(['enabled', 'disabled']),
  disabledAt: time.optional(),
  disabledWhy: z.string().optional(),
  cursor: z.number().int().describe('the last place in the audit log from which deliveries were made'),
  failingSince: time.optional(),
  nextAttempt: time.optional(),
  oldSecretUntil: time.optional(),
  createdAt: time,
};
const shown = z.object({ ...facts, queued: z.number().int(), dead: z.number().int() });
const withSecret = z.object({ ...facts, secret: z.string() });

const show = (ctx: Ctx, w: Webhook) => ({
  id: w.id,
  url: w.url,
  ...(w.description !== undefined && { description: w.description }),
  events: w.events,
  status: w.disabled ? ('disabled' as const) : ('enabled' as const),
  ...(w.disabled && { disabledAt: rfc3339(w.disabled.at), disabledWhy: w.disabled.why }),
  cursor: w.cursor,
  ...(w.failingSince !== undefined && { failingSince: rfc3339(w.failingSince), nextAttempt: rfc3339(w.nextAt) }),
  ...(w.oldSecret && w.oldSecret.until > ctx.now() && { oldSecretUntil: rfc3339(w.oldSecret.until) }),
  createdAt: rfc3339(w.createdAt),
});

async function showAll(ctx: Ctx, webhooks: readonly Webhook[]) {
  const ids = webhooks.map(({ id }) => id);
  const counts = await countDeliveries(ctx.db, ids);
  return webhooks.map(w => ({ ...show(ctx, w), queued: 0, dead: 0, ...counts.get(w.id) }));
}

const webhookOf = async (ctx: Ctx, id: string): Promise<Webhook> => found(await findWebhook(ctx.db, id), `webhook ${id}`);

async function showOne(ctx: Ctx, id: string) {
  const [one] = await showAll(ctx, [await webhookOf(ctx, id)]);
  return found(one, `webhook ${id}`);
}

const delivery = z.object({
  id: z.string(),
  type: z.string(),
  index: z.number().int().describe('place in the audit log'),
  state: z.enum(deliveryStates),
  attempts: z.number().int(),
  createdAt: time,
  nextAttempt: time.optional(),
  sentAt: time.optional(),
  lastError: z.string().optional(),
});

const showDelivery = ({ id, type, index, state, attempts, createdAt, nextAt, sentAt, lastError }: Delivery) => ({
  ...{ id, type, index, state, attempts },
  createdAt: rfc3339(createdAt),
  ...(state === 'queued' && { nextAttempt: rfc3339(nextAt) }),
  ...(sentAt !== undefined && { sentAt: rfc3339(sentAt) }),
  ...(lastError !== undefined && { lastError }),
});

const id = z.string();
const onOne = { scope: 'admin', positional: ['id'] } as const;
const act = (verb: string) => ({ name: `webhook ${verb}`, ...onOne, http: { method: 'post', path: `/webhooks/{id}/${verb}` } as const });

export const webhookOperations = [
  operation({
    name: 'webhook add',
    summary: 'have events sent to a URL; the secret that signs them is shown once',
    scope: 'admin',
    http: { method: 'post', path: '/webhooks', creates: true },
    input: z.object({
      url: z.string().max(2000).describe('where to; https'),
      events: z
        .array(z.enum([...webhookEvents, ...eventFamilies]))
        .min(1)
        .describe(`with commas between: ${eventFamilies.join(', ')}, or single ones such as certificate.issued`),
      description: z.string().max(200).optional().describe('what it is for; no names of persons'),
    }),
    output: withSecret,
    async run(ctx, { url, events, description }, actor) {
      const { webhook, secret } = await createWebhook(ctx, { url, events, description }, actor);
      return { ...show(ctx, webhook), secret };
    },
  }),
  listing({
    name: 'webhook list',
    summary: 'all webhooks, how they fare, and how many deliveries wait or were given up',
    scope: 'admin',
    http: { method: 'get', path: '/webhooks' },
    input: z.object({}),
    item: shown,
    read: (ctx, _, page) => listWebhooks(ctx.db, page),
    show: showAll,
    at: byCreation,
  }),
  operation({
    name: 'webhook show',
    summary: 'one webhook',
    ...onOne,
    http: { method: 'get', path: '/webhooks/{id}' },
    input: z.object({ id }),
    output: shown,
    run: (ctx, input) => showOne(ctx, input.id),
  }),
  operation({
    ...act('remove'),
    summary: 'send nothing more, and forget the webhook and its deliveries',
    input: z.object({ id }),
    output: z.object(facts),
    async run(ctx, input, actor) {
      const webhook = await webhookOf(ctx, input.id);
      await transact(ctx, actor, async act => {
        if (await deleteWebhook(act.trx, webhook.id)) await record(act, { action: 'webhook.removed', subject: { webhook: webhook.id } });
      });
      return show(ctx, webhook);
    },
  }),
  operation({
    ...act('disable'),
    summary: 'send nothing for now; what comes meanwhile is sent after "webhook enable"',
    input: z.object({ id }),
    output: shown,
    async run(ctx, input, actor) {
      await setEnabled(ctx, await webhookOf(ctx, input.id), false, actor);
      return showOne(ctx, input.id);
    },
  }),
  operation({
    ...act('enable'),
    summary: 'go on where it stopped',
    input: z.object({ id }),
    output: shown,
    async run(ctx, input, actor) {
      await setEnabled(ctx, await webhookOf(ctx, input.id), true, actor);
      return showOne(ctx, input.id);
    },
  }),
  operation({
    ...act('rotate'),
    summary: 'make a new secret, shown once; for 24 hours the old one signs too',
    input: z.object({ id }),
    output: withSecret,
    async run(ctx, input, actor) {
      const { webhook, secret } = await rotateSecret(ctx, await webhookOf(ctx, input.id), actor);
      return { ...show(ctx, webhook), secret };
    },
  }),
  listing({
    name: 'webhook deliveries',
    summary: 'what was sent to a webhook, waits for it or was given up, the newest first',
    ...onOne,
    http: { method: 'get', path: '/webhooks/{id}/deliveries' },
    input: z.object({ id, state: z.enum(deliveryStates).optional().describe('in this state only') }),
    item: delivery,
    read: async (ctx, { id, state }, page) => listDeliveries(ctx.db, (await webhookOf(ctx, id)).id, state, page),
    show: (_, deliveries) => deliveries.map(showDelivery),
    at: byCreation,
  }),
  operation({
    ...act('replay'),
    summary: 'send again: what was given up, or everything since a time or from a place in the audit log on',
    input: z.object({
      id,
      since: moment.optional().describe('everything since then (RFC 3339)'),
      index: z.number().int().min(0).optional().describe('everything from this place in the audit log on'),
    }),
    output: shown.extend({ requeued: z.number().int().describe('deliveries that had been given up') }),
    async run(ctx, input, actor) {
      const requeued = await replay(ctx, await webhookOf(ctx, input.id), input, actor);
      return { ...(await showOne(ctx, input.id)), requeued };
    },
  }),
  operation({
    ...act('test'),
    summary: 'send a "webhook.test" now, once',
    input: z.object({ id }),
    output: z.object({ id: z.string().describe('of the delivery'), type: z.string(), timestamp: time }),
    run: async (ctx, input) => testWebhook(ctx, await webhookOf(ctx, input.id)),
  }),
];
