import type { Ctx } from '../../ctx.ts';
import { rfc3339 } from '../../model/encoding.ts';
import type { EventData, EventType } from '../../model/event.ts';
import { Problem } from '../../model/problem.ts';
import { eventRecords } from '../../store/events.ts';
import { lastCheckpoint } from '../../store/log.ts';
import { eventsOf } from './describe-event.ts';

export interface FeedPage {
  events: { index: number; type: EventType; time: string; data: EventData }[];
  /** The place in the log from which to go on; absent while the log is empty. */
  next?: number;
  /** Whether there are events after these already. */
  more: boolean;
}

/**
 * Events after a place in the audit log, in its order. Only what is under a checkpoint is told: no record can come to stand before it any more, so that whoever goes on from `next`
 * misses none.
 * @throws Problem 409 where the log ends before that place
 */
export async function readFeed(
  { db }: Pick<Ctx, 'db'>,
  { after = -1, limit }: { after?: number | undefined; limit: number },
): Promise<FeedPage> {
  const upTo = ((await lastCheckpoint(db))?.size ?? 0) - 1;
  if (after > upTo)
    throw new Problem(
      'malformed',
      `The audit log ends at ${upTo}, before ${after}: the cursor is that of another log, or the database was rolled back.`,
      { status: 409 },
    );
  // One more than wanted tells whether there are more.
  const records = await eventRecords(db, { after, upTo }, limit + 1);
  const more = records.length > limit;
  const events = (await eventsOf(db, records.slice(0, limit))).map(({ index, type, time, data }) => ({
    index,
    type,
    time: rfc3339(time),
    data,
  }));
  const next = more ? events.at(-1)?.index : upTo;
  return { events, more, ...(next !== undefined && next >= 0 && { next }) };
}
