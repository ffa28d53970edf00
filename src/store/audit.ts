import type { AuditAction, AuditOutcome } from '../model/audit.ts';
import { seconds } from '../model/seconds.ts';
import { type Db, present } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, places, rowsOf, updateRows } from './rows.ts';

/** A record as it is written: what is personal is sealed already. */
export interface NewAuditRecord {
  at: number;
  action: AuditAction;
  outcome: AuditOutcome;
  who: string;
  door: string;
  /** JSON, kept as text: hashes are over it. */
  subject: string;
  detail?: string;
  /** Encrypted; absent where there is nothing personal, or it was erased. */
  personal?: Uint8Array;
  /** Of what is personal, also where that was erased. */
  personalHash?: Uint8Array;
  commitment: Commitment;
}

/** Of the whole record, salted: what the log will know of it. Made with the record, so that its row has its length and is not moved when it gets its place. */
export interface Commitment {
  salt: Uint8Array;
  recordHash: Uint8Array;
}

/** A record as it is stored. */
export interface StoredRecord extends Omit<NewAuditRecord, 'commitment'> {
  id: number;
  /** Absent of what was recorded before there was a log. */
  commitment?: Commitment;
  /** Its place in the log, once it is sealed. */
  seal?: Seal;
}

export interface Seal extends Commitment {
  index: number;
}

/** A record as it is read. */
export interface AuditRecord extends Omit<StoredRecord, 'subject' | 'detail'> {
  subject: Record<string, string>;
  detail?: Record<string, unknown>;
}

export interface AuditRow {
  id: number;
  at: number;
  action: AuditAction;
  outcome: AuditOutcome;
  who: string;
  door: string;
  subject: string;
  detail: string | null;
  personal: Uint8Array | null;
  personal_hash: Uint8Array | null;
  log_index: number | null;
  salt: Uint8Array | null;
  record_hash: Uint8Array | null;
}

export function fromRow(r: AuditRow): StoredRecord {
  const { id, at, action, outcome, who, door, subject, log_index: index } = r;
  return {
    ...{ id, at, action, outcome, who, door, subject },
    ...present({
      detail: r.detail,
      personal: r.personal,
      personalHash: r.personal_hash,
      commitment: r.salt && r.record_hash && { salt: r.salt, recordHash: r.record_hash },
      seal: index === null ? null : { index, salt: r.salt ?? new Uint8Array(), recordHash: r.record_hash ?? new Uint8Array() },
    }),
  };
}

function read({ subject, detail, ...rest }: StoredRecord): AuditRecord {
  return { ...rest, subject: JSON.parse(subject), ...(detail !== undefined && { detail: JSON.parse(detail) }) };
}

/** Always in the transaction of what they tell. */
export async function insertAudit(trx: Db, ...records: NewAuditRecord[]): Promise<void> {
  const rows = records.map(({ at, action, outcome, who, door, subject, detail, personal, personalHash, commitment }) => ({
    ...{ at, action, outcome, who, door, subject, detail, personal },
    personal_hash: personalHash,
    salt: commitment.salt,
    record_hash: commitment.recordHash,
  }));
  await insertRows(trx, 'audit', ...rows);
}

/** Those that have no place in the log yet, in the order in which they were written. */
export async function unsealedAudit(db: Db, limit: number): Promise<StoredRecord[]> {
  return (await rowsOf<AuditRow>(db, 'select * from audit where log_index is null order by id limit ?', [limit])).map(fromRow);
}

/** When the oldest record that has no place yet was written. */
export async function oldestUnsealed(db: Db): Promise<number | undefined> {
  const [r] = await rowsOf<{ at: number }>(db, 'select at from audit where log_index is null order by id limit 1', []);
  return r?.at;
}

export async function countUnsealedAudit(db: Db): Promise<number> {
  const [r] = await rowsOf<{ n: number }>(db, 'select count(*) as n from audit where log_index is null', []);
  return r?.n ?? 0;
}

/** Gives records that are committed to their places, in one statement. Compare-and-swap. @throws where one was sealed meanwhile */
export async function placeAuditRecords(trx: Db, placed: readonly { id: number; index: number }[]): Promise<void> {
  if (placed.length === 0) return;
  const rows = placed.map(() => '(cast(? as bigint), cast(? as bigint))').join(', ');
  const done = await rowsOf(
    trx,
    `with placed(record, place) as (values ${rows})
     update audit set log_index = placed.place from placed where audit.id = placed.record and audit.log_index is null returning audit.id`,
    placed.flatMap(({ id, index }) => [id, index]),
  );
  if (done.length !== placed.length) throw new Error('an audit record was sealed by another');
}

/** The same of one that nothing was committed to when it was written. @throws where it was sealed meanwhile */
export async function sealAuditRecord(trx: Db, id: number, { index, salt, recordHash }: Seal): Promise<void> {
  const sealed = await updateRows(trx, 'audit', { id, log_index: null }, { log_index: index, salt, record_hash: recordHash });
  if (sealed !== 1) throw new Error(`the audit record ${id} was sealed by another`);
}

/** Sealed records by their place in the log, from one on. */
export async function sealedAudit(db: Db, from: number, limit: number): Promise<StoredRecord[]> {
  const rows = await rowsOf<AuditRow>(db, 'select * from audit where log_index >= ? order by log_index limit ?', [from, limit]);
  return rows.map(fromRow);
}

/** A record in a place that no log has. */
export async function strayAudit(db: Db): Promise<StoredRecord | undefined> {
  return (await rowsOf<AuditRow>(db, 'select * from audit where log_index < 0 order by log_index limit 1', [])).map(fromRow)[0];
}

/** Exactly this text occurs: `like` knows wildcards, and its case differs between the engines. */
const hasSubject = "replace(subject, ?, '') <> subject";
const subjectText = (name: string, value: string): string => JSON.stringify({ [name]: value }).slice(1, -1);

/** The first sealed record of such an act upon a certificate, at a time or within the hour after it. */
export async function sealedRecordOf(
  db: Db,
  actions: readonly AuditAction[],
  serial: string,
  since: number,
): Promise<StoredRecord | undefined> {
  const rows = await rowsOf<AuditRow>(
    db,
    `select * from audit where at between ? and ? and action in (${places(actions)}) and log_index is not null and ${hasSubject}
     order by at, id limit 1`,
    [since, since + seconds.hour, ...actions, subjectText('serial', serial)],
  );
  return rows.map(fromRow)[0];
}

export interface AuditFilter {
  action?: AuditAction | undefined;
  outcome?: AuditOutcome | undefined;
  who?: string | undefined;
  door?: string | undefined;
  /** Members of the subject: `member`, `account`, `serial`, … */
  subject?: Record<string, string> | undefined;
  /** Epoch seconds, both inclusive. */
  since?: number | undefined;
  until?: number | undefined;
}

/** Newest first. */
export async function listAudit(db: Db, filter: AuditFilter = {}, page?: Page): Promise<AuditRecord[]> {
  const { action, outcome, who, door, subject = {}, since, until } = filter;
  const query = db('audit');
  if (action !== undefined) query.where({ action });
  if (outcome !== undefined) query.where({ outcome });
  if (who !== undefined) query.where({ who });
  if (door !== undefined) query.where({ door });
  for (const [name, value] of Object.entries(subject)) query.whereRaw(hasSubject, [subjectText(name, value)]);
  if (since !== undefined) query.where('at', '>=', since);
  if (until !== undefined) query.where('at', '<=', until);
  return (await inPages(query, page, { at: 'at', newestFirst: true })).map((r: AuditRow) => read(fromRow(r)));
}

/** Records in the order in which they were written, after one; of those that hold something personal, where that is said. */
export async function recordsAfter(db: Db, after: number, limit: number, only?: 'personal'): Promise<AuditRecord[]> {
  const rows = await rowsOf<AuditRow>(
    db,
    `select * from audit where id > ? ${only ? 'and personal is not null' : ''} order by id limit ?`,
    [after, limit],
  );
  return rows.map(r => read(fromRow(r)));
}

/** What is personal in these records; their hashes stay, and with them the log. */
export async function erasePersonal(db: Db, ids: readonly number[]): Promise<void> {
  await rowsOf(db, `update audit set personal = null where id in (${places(ids)})`, ids);
}

/** The same in up to `limit` records of before then. @returns in how many */
export async function erasePersonalBefore(db: Db, before: number, limit: number): Promise<number> {
  const old = 'select id from audit where personal is not null and at < ? order by at, id limit ?';
  return (await rowsOf(db, `update audit set personal = null where id in (${old}) returning id`, [before, limit])).length;
}
