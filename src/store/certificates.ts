import {
  type Certificate,
  type CertificateState,
  type CertificateStatus,
  certificateMoves,
  type MovedWindow,
  type Revocation,
  type RevocationReason,
} from '../model/certificate.ts';
import { groupBy } from '../model/group-by.ts';
import { registrableDomain } from '../model/identifier.ts';
import { sha256 } from '../model/sha256.ts';
import { type CertificateFilter, whereLiving, whereMatches } from './certificate-filter.ts';
import { newestCertificates } from './certificate-list.ts';
import { countRevocation } from './crls.ts';
import { type Db, databaseClock, lock, present, secondsFromNow, type Trx } from './open.ts';
import type { Page } from './pages.ts';
import { insertRows, places, rowsOf, selectRow, updateRows } from './rows.ts';

interface CertificateRow {
  serial: string;
  issuer_id: string;
  shard: number;
  order_id: string | null;
  replaces: string | null;
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
  window_start: number | null;
  window_end: number | null;
  window_explanation: string | null;
}

const revocationOf = (r: CertificateRow): Revocation | null =>
  r.revoked_at === null ? null : { at: r.revoked_at, reason: r.revocation_reason ?? 'unspecified', by: r.revoked_by ?? '' };

function fromRow(r: CertificateRow): Certificate {
  const movedWindow: MovedWindow | null =
    r.window_start === null || r.window_end === null
      ? null
      : { start: r.window_start, end: r.window_end, ...present({ explanation: r.window_explanation }) };
  return {
    serial: r.serial,
    issuerId: r.issuer_id,
    shard: r.shard,
    profile: r.profile,
    names: JSON.parse(r.names),
    state: r.state,
    notBefore: r.not_before,
    notAfter: r.not_after,
    spkiHash: r.spki_hash,
    tbs: r.tbs,
    mac: r.mac,
    committedAt: r.committed_at,
    ...present({
      orderId: r.order_id,
      replaces: r.replaces,
      accountId: r.account_id,
      memberId: r.member_id,
      der: r.der,
      revocation: revocationOf(r),
      movedWindow,
    }),
  };
}

/** The row stands before anything is signed; the writer holds the claim for `seconds`. */
export async function commitCertificate(db: Db, certificate: Certificate, seconds: number): Promise<void> {
  await insertRows(db, 'certificates', {
    serial: certificate.serial,
    issuer_id: certificate.issuerId,
    shard: certificate.shard,
    order_id: certificate.orderId,
    replaces: certificate.replaces,
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
    names_hash: namesHash(certificate),
  });
  const names = certificate.names.map(name => ({
    name,
    serial: certificate.serial,
    registrable: registrableDomain(name.replace(/^\*\./, '')),
  }));
  await insertRows(db, 'certificate_names', ...names);
}

/** The same for certificates of one holder with the same names, in whatever order; our own have no holder. */
export function namesHash({ memberId, accountId, names }: Pick<Certificate, 'memberId' | 'accountId' | 'names'>): Uint8Array | undefined {
  const holder = memberId ?? accountId;
  return holder === undefined ? undefined : sha256(Buffer.from(JSON.stringify([holder, ...[...names].sort()])));
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
  if (moved) await countRevocationOf(db, serial);
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

/** In no order. */
export async function findCertificates(db: Db, serials: readonly string[]): Promise<Certificate[]> {
  return (await rowsOf<CertificateRow>(db, `select * from certificates where serial in (${places(serials)})`, serials)).map(fromRow);
}

/** What the log says of a certificate. */
export interface Logged {
  serial: string;
  issuerId: string;
  state: CertificateState;
  der: Uint8Array | null;
  revocation?: Pick<Revocation, 'at' | 'reason'>;
}

/** Of certificates by their serials, ours included. */
export async function findLogged(db: Db, serials: readonly string[]): Promise<Map<string, Logged>> {
  if (serials.length === 0) return new Map();
  const columns = 'serial, issuer_id, state, der, revoked_at, revocation_reason, revoked_by';
  const rows = await rowsOf<CertificateRow>(db, `select ${columns} from certificates where serial in (${places(serials)})`, serials);
  return new Map(
    rows.map(r => {
      const { serial, issuer_id: issuerId, state, der } = r;
      return [serial, { serial, issuerId, state, der, ...present({ revocation: revocationOf(r) }) }];
    }),
  );
}

/** How many certificates were issued, and how many are revoked or abandoned, issuing CAs included, beside how many the audit log tells of: one statement, one moment. */
export async function countLogged(db: Db): Promise<Record<'issued' | 'issuedLogged' | 'revoked' | 'revokedLogged', number>> {
  const [r] = await rowsOf<{ issued: number; issued_logged: number; revoked: number; revoked_logged: number }>(
    db,
    `select (select count(*) from certificates where state = 'issued') as issued,
      (select count(*) from certificates where revoked_at is not null)
        + (select count(*) from issuers where revoked_at is not null) as revoked,
      count(*) filter (where action in ('certificate.issued', 'credential.issued')) as issued_logged,
      count(*) filter (where action in ('certificate.revoked', 'certificate.abandoned', 'issuer.revoked')) as revoked_logged
     from audit`,
    [],
  );
  const { issued = 0, issued_logged: issuedLogged = 0, revoked = 0, revoked_logged: revokedLogged = 0 } = r ?? {};
  return { issued, issuedLogged, revoked, revokedLogged };
}

/** What a status service says of a certificate depends on. */
export type StatusFacts = Pick<Certificate, 'issuerId' | 'profile' | 'state' | 'notAfter' | 'revocation'>;

/** Without the bytes, which are most of a row. */
export async function findStatus(db: Db, serial: string): Promise<StatusFacts | undefined> {
  const columns = 'issuer_id, profile, state, not_after, revoked_at, revocation_reason, revoked_by';
  const [r] = await rowsOf<CertificateRow>(db, `select ${columns} from certificates where serial = ?`, [serial]);
  return (
    r && { issuerId: r.issuer_id, profile: r.profile, state: r.state, notAfter: r.not_after, ...present({ revocation: revocationOf(r) }) }
  );
}

/** Members' certificates, newest first. */
export async function listCertificates(
  db: Db,
  filter: CertificateFilter & { status?: CertificateStatus | undefined },
  now: number,
  page: Page,
): Promise<Certificate[]> {
  return (await newestCertificates<CertificateRow>(db, filter, now, page)).map(fromRow);
}

/** How many of them live. */
export async function countLiving(db: Db, filter: CertificateFilter, now: number): Promise<number> {
  const r = await db('certificates').modify(whereMatches, filter).modify(whereLiving, now).count('* as n').first();
  return Number(r?.['n'] ?? 0);
}

/**
 * Before a transaction writes several certificates, one such transaction at a time: they count in the same rows too, and in different orders they would wait
 * for each other in a ring.
 */
export const lockCertificates = (trx: Trx): Promise<void> => lock(trx, 'certificates');

/** Each once; a certificate that was revoked stays as it was revoked. @returns those that were revoked now */
export async function revokeCertificates(db: Db, serials: readonly string[], revocation: Revocation): Promise<Certificate[]> {
  const rows = await rowsOf<CertificateRow>(
    db,
    `update certificates set revoked_at = ?, revocation_reason = ?, revoked_by = ?
     where serial in (${places(serials)}) and state = 'issued' and revoked_at is null returning *`,
    [revocation.at, revocation.reason, revocation.by, ...serials],
  );
  const scopes = groupBy(rows, r => `${r.issuer_id} ${r.shard}`);
  for (const [first, ...others] of scopes.values())
    if (first) await countRevocation(db, { issuerId: first.issuer_id, shard: first.shard }, 1 + others.length);
  return rows.map(fromRow);
}

async function countRevocationOf(db: Db, serial: string): Promise<void> {
  const r = await selectRow<CertificateRow>(db, 'certificates', { serial });
  if (r) await countRevocation(db, { issuerId: r.issuer_id, shard: r.shard });
}

export async function serialsOfMember(db: Db, memberId: string): Promise<string[]> {
  return (await rowsOf<{ serial: string }>(db, 'select serial from certificates where member_id = ?', [memberId])).map(r => r.serial);
}

/** Whether bytes wait for their signature. */
export async function hasCommitted(db: Db): Promise<boolean> {
  return (await rowsOf(db, "select 1 from certificates where state = 'committed' limit 1", [])).length > 0;
}
