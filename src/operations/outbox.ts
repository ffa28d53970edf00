import { z } from 'zod';
import { deliver } from '../ca/mail/deliver.ts';
import { rfc3339 } from '../model/encoding.ts';
import type { Message } from '../model/message.ts';
import { findMessages, listMessages, retryMessages } from '../store/outbox.ts';
import { byCreation, listing } from './listing.ts';
import { operation, time } from './operation.ts';

const states = ['queued', 'sent', 'dead'] as const;

export const outboxShown = z.object({
  id: z.string(),
  kind: z.string(),
  about: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  state: z.enum(states),
  attempts: z.number(),
  createdAt: time,
  nextAttempt: time.optional(),
  sentAt: time.optional(),
  lastError: z.string().optional(),
});

export const showOutbox = ({ id, kind, refs, state, attempts, createdAt, nextAt, sentAt, lastError }: Message) => ({
  id,
  kind,
  about: { ...refs },
  state,
  attempts,
  createdAt: rfc3339(createdAt),
  ...(state === 'queued' && { nextAttempt: rfc3339(nextAt) }),
  ...(sentAt !== undefined && { sentAt: rfc3339(sentAt) }),
  ...(lastError !== undefined && { lastError }),
});

export const outboxOperations = [
  listing({
    name: 'outbox list',
    summary: 'messages that wait or have failed for good',
    scope: 'read',
    http: { method: 'get', path: '/messages' },
    input: z.object({ state: z.enum(states).optional().describe('in this state only') }),
    item: outboxShown,
    read: (ctx, { state }, page) => listMessages(ctx.db, state ? [state] : ['queued', 'dead'], page),
    show: (_, messages) => messages.map(showOutbox),
    at: byCreation,
  }),
  operation({
    name: 'outbox retry',
    summary: 'try waiting and failed messages again now',
    scope: 'admin',
    http: { method: 'post', path: '/messages/retry' },
    input: z.object({ id: z.string().optional().describe('this message only') }),
    output: z.array(outboxShown),
    async run(ctx, { id }) {
      const ids = await retryMessages(ctx.db, ctx.now(), id);
      await deliver(ctx, ids);
      return (await findMessages(ctx.db, ids)).map(showOutbox);
    },
  }),
];
