import type { Knex } from 'knex';
import { type Certificate, type CertificateState, certificateMoves, type Revocation, type RevocationReason } from '../model/certificate.ts';
import { registrableDomain } from '../model/identifier.ts';
import { type Db, databaseClock, present, secondsFromNow } from './open.ts';
import { insertRows, places, rowsOf, selectRow, updateRows } from './rows.ts';

interface CertificateRow {
  serial: string;
  issuer_id: string;
  order_id: string | null;
  account_id: string | null;
  member_id: string | null;
  profile: string;
  names: string;
  state: CertificateState;
  not_before: number;
  not_after: number;
  spki_hash: Uint8Array;
  tbs: Uint8Array;
  mac: Uint8Array;
  der: Uint8Array | null;
  committed_at: number;
  revoked_at: number | null;
  revocation_reason: RevocationReason | null;
  revoked_by: string | null;
}

const revocationOf = (r: CertificateRow): Revocation | null =>
  r.revoked_at === null ? null : { at: r.revoked_at, reason: r.revocation_reason ?? 'unspecified', by: r.revoked_by ?? '' };

function fromRow(r: CertificateRow): Certificate {
  return {
    serial: r.serial,
    issuerId: r.issuer_id,
    profile: r.profile,
    names: JSON.parse(r.names),
    state: r.state,
    notBefore: r.not_before,
    notAfter: r.not_after,
    spkiHash: r.spki_hash,
    tbs: r.tbs,
    mac: r.mac,
    committedAt: r.committed_at,
    ...present({ orderId: r.order_id, accountId: r.account_id, memberId: r.member_id, der: r.der, revocation: revocationOf(r) }),
  };
}

/** The row stands before anything is signed; the writer holds the claim for `seconds`. */
export async function commitCertificate(db: Db, certificate: Certificate, seconds: number): Promise<void> {
  await insertRows(db, 'certificates', {
    serial: certificate.serial,
    issuer_id: certificate.issuerId,
    order_id: certificate.orderId,
    account_id: certificate.accountId,
    member_id: certificate.memberId,
    profile: certificate.profile,
    names: JSON.stringify(certificate.names),
    state: 'committed',
    not_before: certificate.notBefore,
    not_after: certificate.notAfter,
    spki_hash: certificate.spkiHash,
    tbs: certificate.tbs,
    mac: certificate.mac,
    committed_at: certificate.committedAt,
    claim_until: secondsFromNow(db, seconds),
    claim_fence: firstFence,
  });
  const names = certificate.names.map(name => ({
    name,
    serial: certificate.serial,
    registrable: registrableDomain(name.replace(/^\*\./, '')),
  }));
  await insertRows(db, 'certificate_names', ...names);
}

/** The first claim's fence: the writer's own. */
export const firstFence = 1;

/** Compare-and-swap out of `committed`, by whoever holds the claim. @returns whether it moved */
export async function moveCertificate(
  db: Db,
  serial: string,
  to: Exclude<CertificateState, 'committed'>,
  fence: number,
  change: { der?: Uint8Array } = {},
): Promise<boolean> {
  if (!certificateMoves.committed.includes(to)) throw new Error(`a certificate does not move to ${to}`);
  return (await updateRows(db, 'certificates', { serial, state: 'committed', claim_fence: fence }, { state: to, der: change.der })) === 1;
}

/** Abandoned serials count as revoked: the bytes may have been signed, and nobody has them. */
export async function abandonCertificate(db: Db, serial: string, fence: number, now: number): Promise<boolean> {
  const gone = { state: 'abandoned', revoked_at: now, revocation_reason: 'cessationOfOperation', revoked_by: 'clock' };
  const moved = await updateRows(db, 'certificates', { serial, state: 'committed', claim_fence: fence }, gone);
  if (moved) await countRevocation(db, serial);
  return moved === 1;
}

/** One committed row that nobody is at, for this process alone. */
export async function claimCommitted(db: Db, seconds: number): Promise<{ certificate: Certificate; fence: number } | undefined> {
  const candidate = await db('certificates')
    .where({ state: 'committed' })
    .where('claim_until', '<=', databaseClock(db))
    .orderBy('claim_until')
    .first('serial', 'claim_fence');
  if (!candidate) return undefined;
  const rows = await db('certificates')
    .where({ serial: candidate.serial, state: 'committed', claim_fence: candidate.claim_fence })
    .update({ claim_until: secondsFromNow(db, seconds), claim_fence: db.raw('claim_fence + 1') })
    .returning<(CertificateRow & { claim_fence: number })[]>('*');
  const [r] = rows;
  return r && { certificate: fromRow(r), fence: r.claim_fence };
}

export async function findCertificate(db: Db, serial: string): Promise<Certificate | undefined> {
  const r = await selectRow<CertificateRow>(db, 'certificates', { serial });
  return r && fromRow(r);
}

/** What a status service says of a certificate depends on. */
export type CertificateStatus = Pick<Certificate, 'issuerId' | 'profile' | 'state' | 'notAfter' | 'revocation'>;

/** Without the bytes, which are most of a row. */
export async function findStatus(db: Db, serial: string): Promise<CertificateStatus | undefined> {
  const columns = 'issuer_id, profile, state, not_after, revoked_at, revocation_reason, revoked_by';
  const [r] = await rowsOf<CertificateRow>(db, `select ${columns} from certificates where serial = ?`, [serial]);
  return (
    r && { issuerId: r.issuer_id, profile: r.profile, state: r.state, notAfter: r.not_after, ...present({ revocation: revocationOf(r) }) }
  );
}

export async function findCertificateByOrder(db: Db, orderId: string): Promise<Certificate | undefined> {
  const r = await selectRow<CertificateRow>(db, 'certificates', { order_id: orderId });
  return r && fromRow(r);
}

export interface CertificateFilter {
  memberId?: string;
  name?: string;
}

/** Members' certificates, newest first; our own have no order. */
export async function listCertificates(db: Db, filter: CertificateFilter, limit: number): Promise<Certificate[]> {
  const rows = await filtered(db, filter)
    .orderBy([
      { column: 'committed_at', order: 'desc' },
      { column: 'serial', order: 'desc' },
    ])
    .limit(limit);
  return rows.map(fromRow);
}

/** How many there are to be listed. */
export async function countCertificates(db: Db, filter: CertificateFilter): Promise<number> {
  const r = await filtered(db, filter).count('* as n').first();
  return Number(r?.['n'] ?? 0);
}

function filtered(db: Db, { memberId, name }: CertificateFilter): Knex.QueryBuilder {
  const query = db('certificates').whereNotNull('order_id');
  if (memberId !== undefined) query.where({ member_id: memberId });
  if (name !== undefined) query.whereIn('serial', db('certificate_names').where({ name }).select('serial'));
  return query;
}

/** Once; a certificate that was revoked stays as it was revoked. @returns whether it moved */
export async function revokeCertificate(db: Db, serial: string, revocation: Revocation): Promise<boolean> {
  const moved = await updateRows(
    db,
    'certificates',
    { serial, state: 'issued', revoked_at: null },
    { revoked_at: revocation.at, revocation_reason: revocation.reason, revoked_by: revocation.by },
  );
  if (moved) await countRevocation(db, serial);
  return moved === 1;
}

/** What tells a CRL that it is out of date; a clock could not, since revocations commit later than they are dated. */
async function countRevocation(db: Db, serial: string): Promise<void> {
  const issuer = db('certificates').where({ serial }).select('issuer_id');
  await db('issuers').where('id', issuer).increment('revocations', 1);
}

/** What a CRL lists: revoked or abandoned, and not expired before `since`. */
export async function revokedSince(
  db: Db,
  issuerId: string,
  since: number,
): Promise<{ serial: string; revokedAt: number; reason: RevocationReason; profile: string }[]> {
  const rows = await db('certificates')
    .where({ issuer_id: issuerId })
    .whereNotNull('revoked_at')
    .where('not_after', '>=', since)
    .orderBy('serial')
    .select('serial', 'revoked_at', 'revocation_reason', 'profile');
  return rows.map(r => ({ serial: r.serial, revokedAt: r.revoked_at, reason: r.revocation_reason, profile: r.profile }));
}

export async function blockKey(db: Db, spkiHash: Uint8Array, why: string, now: number): Promise<void> {
  await db('blocked_keys')
    .insert({ spki_hash: Buffer.from(spkiHash), why, blocked_at: now })
    .onConflict('spki_hash')
    .ignore();
}

/**
 * What is known against a key: blocked for ever; or, where no status can be asked (these profiles), that a certificate of it which has not expired was
 * revoked. One statement: every finalization asks.
 */
export async function keyStanding(
  db: Db,
  spkiHash: Uint8Array,
  profiles: readonly string[],
  now: number,
): Promise<{ blocked: boolean; revoked: boolean }> {
  const rows = await rowsOf<{ standing: 'blocked' | 'revoked' }>(
    db,
    `select 'blocked' as standing from blocked_keys where spki_hash = ? union all
     select 'revoked' from certificates where spki_hash = ? and profile in (${places(profiles)}) and revoked_at is not null and not_after >= ?`,
    [spkiHash, spkiHash, ...profiles, now],
  );
  return { blocked: rows.some(r => r.standing === 'blocked'), revoked: rows.some(r => r.standing === 'revoked') };
}
