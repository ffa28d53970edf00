import type { Certificate, MovedWindow } from '../model/certificate.ts';
import { seconds } from '../model/seconds.ts';
import { type CertificateFilter, whereLiving, whereMatches } from './certificate-filter.ts';
import { namesHash } from './certificates.ts';
import { type Db, isPostgres } from './open.ts';
import { rowsOf } from './rows.ts';

/**
 * SQL that is true where a row of `certificates` has been replaced: by a valid order that says so (RFC 9773 §5), or by a newer certificate of the same
 * holder that has all its names and ends no sooner. Every part of it goes by an index.
 */
export function replacedSql(db: Db): string {
  const [firstName, eachName] = isPostgres(db)
    ? ['certificates.names::json ->> 0', 'json_array_elements_text(certificates.names::json) as each_name(value)']
    : ["json_extract(certificates.names, '$[0]')", 'json_each(certificates.names) as each_name'];
  return `(
    exists (select 1 from orders where orders.replaces = certificates.serial and orders.state = 'valid')
    or exists (
      select 1 from certificate_names as shared join certificates as newer on newer.serial = shared.serial
      where shared.name = ${firstName}
        and coalesce(newer.member_id, newer.account_id) = coalesce(certificates.member_id, certificates.account_id)
        and newer.state = 'issued' and newer.revoked_at is null
        and newer.committed_at > certificates.committed_at and newer.not_after >= certificates.not_after
        and not exists (
          select 1 from ${eachName} where not exists (
            select 1 from certificate_names as covered where covered.name = each_name.value and covered.serial = newer.serial))))`;
}

export async function isReplaced(db: Db, serial: string): Promise<boolean> {
  const rows = await rowsOf(db, `select 1 from certificates where serial = ? and ${replacedSql(db)}`, [serial]);
  return rows.length === 1;
}

/** Serials of living certificates that match, in order, after one; with `isMoved` those alone whose window was moved. */
export async function livingSerials(
  db: Db,
  filter: CertificateFilter,
  now: number,
  { after, limit, isMoved }: { after: string; limit: number; isMoved: boolean },
): Promise<string[]> {
  const query = db('certificates').modify(whereMatches, filter).modify(whereLiving, now).where('certificates.serial', '>', after);
  if (isMoved) query.whereNotNull('window_start');
  return query.orderBy('certificates.serial').limit(limit).pluck('certificates.serial');
}

/** Moves the windows of these certificates, or takes that back. */
export async function setWindow(db: Db, serials: readonly string[], window: MovedWindow | undefined): Promise<void> {
  await db('certificates')
    .whereIn('serial', serials)
    .update({
      window_start: window?.start ?? null,
      window_end: window?.end ?? null,
      window_explanation: window?.explanation ?? null,
    });
}

/** How far a replacement has come. */
export interface Progress {
  /** Living certificates that match. */
  matched: number;
  /** Of these, those whose window was moved. */
  moved: number;
  /** Of those moved, how many have been replaced. */
  replaced: number;
}

export async function countProgress(db: Db, filter: CertificateFilter, now: number): Promise<Progress> {
  const r = await db('certificates')
    .modify(whereMatches, filter)
    .modify(whereLiving, now)
    .first(
      db.raw('count(*) as matched'),
      db.raw('count(window_start) as moved'),
      db.raw(`count(case when window_start is not null and ${replacedSql(db)} then 1 end) as replaced`),
    );
  return { matched: r.matched, moved: r.moved, replaced: r.replaced };
}

/**
 * When the `nth` newest certificate of one holder with exactly these names was made, where that was after `since`; undefined where there are fewer.
 * One statement by an index: every order asks.
 */
export async function nthNewestOfNames(
  db: Db,
  of: Pick<Certificate, 'memberId' | 'accountId' | 'names'>,
  nth: number,
  since: number,
): Promise<number | undefined> {
  const [r] = await rowsOf<{ committed_at: number }>(
    db,
    `select committed_at from certificates where names_hash = ? and committed_at > ? and state <> 'abandoned'
     order by committed_at desc limit 1 offset ?`,
    [namesHash(of), since, nth - 1],
  );
  return r?.committed_at;
}

/** A place among certificates in the order of their ends. */
export interface Ending {
  notAfter: number;
  serial: string;
}

/**
 * Certificates of members that end within so many days, and of which the member has not been told at this number of days or at fewer; whether something has
 * replaced each. Not those whose whole life is hardly longer: they would be named as soon as they are issued. The soonest first, after a place: most have
 * been replaced, and to look past all of them in one statement would take seconds.
 */
export async function expiringCertificates(
  db: Db,
  now: number,
  days: number,
  { after, limit }: { after: Ending; limit: number },
): Promise<(Ending & { isReplaced: boolean })[]> {
  const rows = await rowsOf<{ serial: string; not_after: number; is_replaced: number }>(
    db,
    `select serial, not_after, case when ${replacedSql(db)} then 1 else 0 end as is_replaced from certificates
     where not_after > ? and not_after <= ? and (not_after, serial) > (?, ?) and not_after - not_before >= ? and state = 'issued'
     and revoked_at is null and member_id is not null and order_id is not null and (expiry_noticed is null or expiry_noticed > ?)
     order by not_after, serial limit ?`,
    [now, now + days * seconds.day, after.notAfter, after.serial, 2 * days * seconds.day, days, limit],
  );
  return rows.map(r => ({ serial: r.serial, notAfter: r.not_after, isReplaced: r.is_replaced === 1 }));
}

/** Compare-and-swap. @returns whether this call is the one that tells */
export async function noticeExpiry(db: Db, serial: string, days: number): Promise<boolean> {
  const moved = await db('certificates')
    .where({ serial })
    .where(q => q.whereNull('expiry_noticed').orWhere('expiry_noticed', '>', days))
    .update({ expiry_noticed: days });
  return moved === 1;
}
