import { z } from 'zod';
import { readFeed } from '../ca/events/feed.ts';
import { eventTypes } from '../model/event.ts';
import { operation, time } from './operation.ts';

const data = z.object({
  member: z.string().optional(),
  account: z.string().optional(),
  proof: z.string().optional(),
  domain: z.string().optional(),
  id: z.string().optional().describe('of a CA certificate'),
  issuer: z.string().optional().describe('id of the CA that signed it'),
  serial: z.string().optional(),
  profile: z.string().optional(),
  names: z.array(z.string()).optional(),
  notBefore: time.optional(),
  notAfter: time.optional(),
  certificate: z.string().optional().describe('PEM'),
  reason: z.string().optional().describe("RFC 5280's name"),
  by: z.string().optional().describe('who wanted the revocation'),
});

const event = z.object({ index: z.number().int(), type: z.enum(eventTypes), time, data });

/** Rows in memory at a time. */
const atOnce = 500;

export const feedOperations = [
  operation({
    name: 'feed show',
    summary: 'certificates issued and revoked, members and domains that came and went, in the order of the audit log',
    scope: 'read',
    http: { method: 'get', path: '/feed' },
    input: z.object({
      after: z
        .number()
        .int()
        .min(0)
        .optional()
        .describe('events after this place in the log: the "next" of the last answer; without: from the beginning'),
      limit: z
        .number()
        .int()
        .min(1)
        .max(1000)
        .optional()
        .describe('at most so many; 100 unless said, 1000 at most; as NDJSON all of them unless said'),
    }),
    output: z.object({
      events: z.array(event),
      next: z.number().int().optional().describe('what to give as "after" next time, also where nothing came'),
      more: z.boolean().describe('whether there are more already'),
    }),
    run: (ctx, { after, limit = 100 }) => readFeed(ctx, { after, limit }),
    // The last line has the cursor, and tells that nothing was cut off.
    async *rows(ctx, { after, limit = Number.POSITIVE_INFINITY }) {
      for (let [from, left] = [after, limit]; ; ) {
        const { events, next, more } = await readFeed(ctx, { after: from, limit: Math.min(atOnce, left) });
        left -= events.length;
        from = next;
        if (events.length) yield events;
        if (more && left > 0) continue;
        yield [{ ...(next !== undefined && { next }), more }];
        return;
      }
    },
  }),
];
