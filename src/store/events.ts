import { type EventType, eventTypes } from '../model/event.ts';
import { type AuditRow, fromRow, type Seal, type StoredRecord } from './audit.ts';
import type { Db } from './open.ts';
import { places, rowsOf } from './rows.ts';

/** A sealed record that machines are told of. */
export interface EventRecord extends StoredRecord {
  action: EventType;
  seal: Seal;
}

/** The list stands in the text, as it stands in the index. */
const isEvent = `action in (${eventTypes.map(type => `'${type}'`).join(', ')})`;

/** Those after one place in the log, up to another, in order. */
export async function eventRecords(db: Db, range: { after: number; upTo: number }, limit: number): Promise<EventRecord[]> {
  const sql = `select * from audit where ${isEvent} and log_index > ? and log_index <= ? order by log_index limit ?`;
  return (await rowsOf<AuditRow>(db, sql, [range.after, range.upTo, limit])).map(fromRow) as EventRecord[];
}

/** In no order. */
export async function eventRecordsAt(db: Db, indexes: readonly number[]): Promise<EventRecord[]> {
  const sql = `select * from audit where ${isEvent} and log_index in (${places(indexes)})`;
  return (await rowsOf<AuditRow>(db, sql, indexes)).map(fromRow) as EventRecord[];
}

/** The place of the first sealed record of that time or later. */
export async function placeSince(db: Db, time: number): Promise<number | undefined> {
  const [r] = await rowsOf<{ place: number | null }>(db, 'select min(log_index) as place from audit where at >= ?', [time]);
  return r?.place ?? undefined;
}
