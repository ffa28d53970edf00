import type { AuditAction, AuditEvent } from '../model/audit.ts';
import type { Db } from './open.ts';
import { insertRows } from './rows.ts';

/** Always in the transaction of what it tells. */
export async function record(db: Db, now: number, ...events: AuditEvent[]): Promise<void> {
  const rows = events.map(({ action, actor, subject, detail }) => ({
    at: now,
    action,
    who: actor.who,
    door: actor.door,
    address: actor.address,
    subject: JSON.stringify(subject),
    detail: detail && JSON.stringify(detail),
  }));
  await insertRows(db, 'audit', ...rows);
}

export interface AuditRecord {
  id: number;
  at: number;
  action: AuditAction;
  who: string;
  door: string;
  subject: Record<string, string>;
  detail?: Record<string, unknown>;
}

export async function listAudit(db: Db, filter: { action?: AuditAction } = {}): Promise<AuditRecord[]> {
  const query = db('audit').orderBy('id');
  if (filter.action !== undefined) query.where({ action: filter.action });
  return (await query).map(r => ({
    id: r.id,
    at: r.at,
    action: r.action,
    who: r.who,
    door: r.door,
    subject: JSON.parse(r.subject),
    ...(r.detail !== null && { detail: JSON.parse(r.detail) }),
  }));
}
