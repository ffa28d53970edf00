import type { AuditAction } from '../model/audit.ts';
import type { ReportedRecord } from '../model/report.ts';
import { seconds } from '../model/seconds.ts';
import { breathe, type Db, present } from './open.ts';
import { places, rowsOf } from './rows.ts';

/*
 * What the quarterly report is counted from: rows that are written once and kept. Long tables are read page by page, and whatever else the process does goes on
 * in between.
 */

const page = 2000;

interface RecordRow {
  id: number;
  at: number;
  action: AuditAction;
  subject: string;
  detail: string | null;
  log_index: number | null;
}

const recordFromRow = (r: RecordRow): ReportedRecord => ({
  ...{ id: r.id, at: r.at, action: r.action, subject: JSON.parse(r.subject), detail: JSON.parse(r.detail ?? '{}') },
  ...present({ logIndex: r.log_index }),
});

/** Records of these acts from one time, before the other, in their order. A day at a time: whoever looks for few among many reads all of them. */
export async function* recordsOf(db: Db, actions: readonly AuditAction[], from: number, until: number): AsyncGenerator<ReportedRecord[]> {
  for (let start = from; start < until; start += seconds.day) yield* pagesOf(db, actions, start, Math.min(until, start + seconds.day));
}

/** Who came and went, and which proofs were revoked, from the beginning: few records, which an index has. */
export const standingRecords = (db: Db, until: number): AsyncGenerator<ReportedRecord[]> =>
  pagesOf(db, ['member.added', 'member.activated', 'member.left', 'domain.revoked'], 0, until);

/** The actions are ours: they stand in the text, where the index is found by them. */
async function* pagesOf(db: Db, actions: readonly AuditAction[], from: number, until: number): AsyncGenerator<ReportedRecord[]> {
  const sql = `select id, at, action, subject, detail, log_index from audit
    where action in (${actions.map(action => `'${action}'`).join(', ')}) and (at, id) > (?, ?) and at < ? order by at, id limit ${page}`;
  for (let after: [number, number] = [from - 1, Number.MAX_SAFE_INTEGER]; ; ) {
    const rows = await rowsOf<RecordRow>(db, sql, [...after, until]);
    if (rows.length) yield rows.map(recordFromRow);
    await breathe();
    const last = rows.at(-1);
    if (!last || rows.length < page) return;
    after = [last.at, last.id];
  }
}

export async function firstRecordAt(db: Db): Promise<number | undefined> {
  return (await rowsOf<{ at: number }>(db, 'select at from audit order by at, id limit 1', []))[0]?.at;
}

/** What a certificate is to the report; nothing of it ever changes. */
export interface ReportedCertificate {
  serial: string;
  issuerId: string;
  /** Of the CRL that it names. */
  shard: number;
  profile: string;
  memberId?: string;
  /** It came after another: one that its order named, or one of the same holder with the same names. */
  isRenewal: boolean;
}

interface ReportedRow {
  serial: string;
  issuer_id: string;
  shard: number;
  profile: string;
  member_id: string | null;
  renewal: number | boolean;
}

export async function reportedCertificates(db: Db, serials: readonly string[]): Promise<Map<string, ReportedCertificate>> {
  const rows = await rowsOf<ReportedRow>(
    db,
    `select serial, issuer_id, shard, profile, member_id, (replaces is not null or exists (
       select 1 from certificates before where before.names_hash = certificates.names_hash and before.state = 'issued'
       and (before.committed_at, before.serial) < (certificates.committed_at, certificates.serial))) as renewal
     from certificates where serial in (${places(serials)})`,
    serials,
  );
  return new Map(
    rows.map(r => [
      r.serial,
      {
        ...{ serial: r.serial, issuerId: r.issuer_id, shard: r.shard, profile: r.profile, isRenewal: Boolean(r.renewal) },
        ...present({ memberId: r.member_id }),
      },
    ]),
  );
}

/** A member's or an account's certificate, as long as it was good. */
export interface Lifetime {
  serial: string;
  memberId?: string;
  names: string[];
  /** Its first and its last second. */
  from: number;
  until: number;
}

interface LifetimeRow {
  serial: string;
  member_id: string | null;
  names: string;
  committed_at: number;
  not_after: number;
  revoked_at: number | null;
  issuer_revoked_at: number | null;
}

/** Certificates that were good at some time in a span: neither they nor their issuing CA revoked. */
export async function* lifetimes(db: Db, from: number, until: number): AsyncGenerator<Lifetime[]> {
  const sql = `select serial, member_id, names, committed_at, not_after, revoked_at,
      (select revoked_at from issuers where issuers.id = certificates.issuer_id) as issuer_revoked_at from certificates
    where not_after >= ? and (not_after, serial) > (?, ?) and committed_at < ? and order_id is not null and state = 'issued'
    order by not_after, serial limit ${page}`;
  for (let after: [number, string] = [from, '']; ; ) {
    const rows = await rowsOf<LifetimeRow>(db, sql, [from, ...after, until]);
    yield rows.map(r => ({
      ...{ serial: r.serial, names: JSON.parse(r.names), from: r.committed_at },
      until: Math.min(r.not_after, (r.revoked_at ?? Number.POSITIVE_INFINITY) - 1, (r.issuer_revoked_at ?? Number.POSITIVE_INFINITY) - 1),
      ...present({ memberId: r.member_id }),
    }));
    const last = rows.at(-1);
    if (!last || rows.length < page) return;
    after = [last.not_after, last.serial];
    await breathe();
  }
}

/** A domain proof, as long as it stands unless it is revoked. */
export interface ProofLifetime {
  id: string;
  memberId: string;
  domain: string;
  from: number;
  until: number;
}

export async function proofLifetimes(db: Db, from: number, until: number): Promise<ProofLifetime[]> {
  const rows = await rowsOf<{ id: string; member_id: string; domain: string; validated_at: number; expires_at: number }>(
    db,
    'select id, member_id, domain, validated_at, expires_at from domain_proofs where validated_at < ? and expires_at > ? order by id',
    [until, from],
  );
  return rows.map(r => ({
    ...{ id: r.id, memberId: r.member_id, domain: r.domain, from: r.validated_at, until: r.expires_at - 1 },
  }));
}
