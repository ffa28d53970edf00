import type { RevocationReason } from '../model/certificate.ts';
import { seconds } from '../model/seconds.ts';
import { breathe, type Db } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, rowsOf } from './rows.ts';

/** What a CRL is of: all certificates of an issuer (shard 0), or those that name this shard. */
export interface CrlScope {
  issuerId: string;
  shard: number;
}

export interface CrlRecord extends CrlScope {
  number: number;
  der: Uint8Array;
  /** How many revocations its scope had when it was made. */
  revocations: number;
  thisUpdate: number;
  nextUpdate: number;
}

interface CrlRow {
  issuer_id: string;
  shard: number;
  number: number;
  der: Uint8Array;
  revocations: number;
  this_update: number;
  next_update: number;
}

function fromRow(r: CrlRow): CrlRecord {
  return {
    issuerId: r.issuer_id,
    shard: r.shard,
    number: r.number,
    der: r.der,
    revocations: r.revocations,
    thisUpdate: r.this_update,
    nextUpdate: r.next_update,
  };
}

/** Stored as published; of its predecessors the last one is kept. @throws a duplicate where the number was used */
export async function insertCrl(db: Db, crl: CrlRecord): Promise<void> {
  const { issuerId, shard, number } = crl;
  const scope = { issuer_id: issuerId, shard };
  await db('crls').where(scope).where('number', '<', db('crls').where(scope).max('number')).delete();
  await insertRows(db, 'crls', {
    issuer_id: issuerId,
    shard,
    number,
    der: crl.der,
    revocations: crl.revocations,
    this_update: crl.thisUpdate,
    next_update: crl.nextUpdate,
  });
}

export async function newestCrl(db: Db, { issuerId, shard }: CrlScope): Promise<CrlRecord | undefined> {
  const sql = 'select * from crls where issuer_id = ? and shard = ? order by number desc limit 1';
  const [r] = await rowsOf<CrlRow>(db, sql, [issuerId, shard]);
  return r && fromRow(r);
}

/** Which CRL is the newest, without its bytes. */
export async function newestCrlNumber(db: Db, { issuerId, shard }: CrlScope): Promise<number | undefined> {
  const sql = 'select number from crls where issuer_id = ? and shard = ? order by number desc limit 1';
  return (await rowsOf<{ number: number }>(db, sql, [issuerId, shard]))[0]?.number;
}

/** The newest of each scope, without their bytes; the complete ones first. */
export async function newestCrls(db: Db, page?: Page): Promise<Omit<CrlRecord, 'der'>[]> {
  const query = db('crls as c')
    .select('issuer_id', 'shard', 'number', 'revocations', 'this_update', 'next_update')
    .whereRaw('number = (select max(number) from crls d where d.issuer_id = c.issuer_id and d.shard = c.shard)');
  return (await inPages(query, page, { at: 'shard', id: 'issuer_id' })).map(fromRow);
}

/** All revocations of an issuer so far. */
export async function countRevocations(db: Db, issuerId: string): Promise<number> {
  const [r] = await rowsOf<{ revocations: number }>(db, 'select revocations from issuers where id = ?', [issuerId]);
  return r?.revocations ?? 0;
}

/** Revocations so far of every scope that has had any; read it before the entries of a CRL. */
export async function revocationCounts(db: Db): Promise<(CrlScope & { revocations: number })[]> {
  const sql = `select id as issuer_id, 0 as shard, revocations from issuers union all select issuer_id, shard, revocations from crl_shards`;
  const rows = await rowsOf<{ issuer_id: string; shard: number; revocations: number }>(db, sql, []);
  return rows.map(r => ({ issuerId: r.issuer_id, shard: r.shard, revocations: r.revocations }));
}

/** What tells CRLs that they are out of date; a clock could not, since revocations commit later than they are dated. In the revocation's transaction. */
export async function countRevocation(db: Db, { issuerId, shard }: CrlScope, by = 1): Promise<void> {
  await db('issuers').where({ id: issuerId }).increment('revocations', by);
  if (shard)
    await db('crl_shards')
      .insert({ issuer_id: issuerId, shard, revocations: by })
      .onConflict(['issuer_id', 'shard'])
      .merge({ revocations: db.raw('crl_shards.revocations + ?', [by]) });
}

interface RevokedRow {
  serial: string;
  revoked_at: number;
  revocation_reason: RevocationReason;
  not_after: number;
  profile: string;
}

/** An index has what is revoked of the certificates that end in one period by serial: those that ended in earlier periods are never looked at. */
const period = 30 * seconds.day;
const periodSql = `not_after / ${period}`;

const page = 5000;

/** What a CRL lists, by serial: revoked or abandoned, not expired before `since`, and not of a profile without status. Read page by page. */
export async function* revokedIn(
  db: Db,
  { issuerId, shard }: CrlScope,
  since: number,
  without: readonly string[],
): AsyncGenerator<{ serial: string; revokedAt: number; reason: RevocationReason }> {
  const scope = `issuer_id = ? ${shard ? 'and shard = ?' : ''} and revoked_at is not null`;
  const scoped = [issuerId, ...(shard ? [shard] : [])];
  const nextPage = (of: number, after: string) =>
    rowsOf<RevokedRow>(
      db,
      `select serial, revoked_at, revocation_reason, not_after, profile from certificates
       where ${scope} and ${periodSql} = ? and serial > ? order by serial limit ${page}`,
      [...scoped, of, after],
    );
  const periodFrom = async (from: number) => {
    const sql = `select ${periodSql} as period from certificates where ${scope} and ${periodSql} >= ? order by ${periodSql} limit 1`;
    return (await rowsOf<{ period: number }>(db, sql, [...scoped, from]))[0]?.period;
  };

  type Reader = { of: number; rows: RevokedRow[]; at: number };
  const open: Reader[] = [];
  for (let of = await periodFrom(Math.floor(since / period)); of !== undefined; of = await periodFrom(of + 1)) {
    open.push({ of, rows: await nextPage(of, ''), at: 0 });
    await breathe();
  }
  const serialAt = ({ rows, at }: Reader) => rows[at]?.serial ?? '';
  while (open.length) {
    let next = open[0] as Reader;
    for (const other of open) if (other !== next && serialAt(other) < serialAt(next)) next = other;
    const r = next.rows[next.at++] as RevokedRow;
    if (r.not_after >= since && !without.includes(r.profile))
      yield { serial: r.serial, revokedAt: r.revoked_at, reason: r.revocation_reason };
    if (next.at < next.rows.length) continue;
    Object.assign(next, { rows: next.rows.length < page ? [] : await nextPage(next.of, r.serial), at: 0 });
    if (!next.rows.length) open.splice(open.indexOf(next), 1);
    await breathe();
  }
}
