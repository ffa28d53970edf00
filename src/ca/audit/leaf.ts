import type { AuditAction } from '../../model/audit.ts';
import { base64, rfc3339 } from '../../model/encoding.ts';
import { sha256 } from '../../model/sha256.ts';
import { readCertificate } from '../../pki/certificate.ts';
import type { Commitment, StoredRecord } from '../../store/audit.ts';
import { findLogged, type Logged } from '../../store/certificates.ts';
import { listIssuers } from '../../store/issuers.ts';
import type { Db } from '../../store/open.ts';

/*
 * What the log holds of a record. Each leaf is a JSON text that commits to the whole record by a salted hash; that of an issuance holds the certificate too, that
 * of a revocation what a CRL says of it. Everything else is nobody's business but the CA's and its auditors'.
 */

/** Salted hash over everything in a record that is not erased with a member. */
export function recordHashOf(
  { at, action, outcome, who, door, subject, detail, personalHash }: Omit<StoredRecord, 'id' | 'seal' | 'commitment'>,
  salt: Uint8Array,
): Uint8Array {
  const text = JSON.stringify([at, action, outcome, who, door, subject, detail ?? null, personalHash ? base64(personalHash) : null]);
  return sha256(Buffer.concat([salt, Buffer.from(text)]));
}

const saltSize = 16;

export function commitTo(record: Omit<StoredRecord, 'id' | 'seal' | 'commitment'>, random: (size: number) => Uint8Array): Commitment {
  const salt = random(saltSize);
  return { salt, recordHash: recordHashOf(record, salt) };
}

/** Records that tell the world of a certificate, by what their subject names it. */
const issuances: Partial<Record<AuditAction, 'serial' | 'issuer'>> = {
  'certificate.issued': 'serial',
  'credential.issued': 'serial',
  'issuer.created': 'issuer',
  'authority.created': 'issuer',
};
const revocations: typeof issuances = { 'certificate.revoked': 'serial', 'certificate.abandoned': 'serial', 'issuer.revoked': 'issuer' };

/** What stands in leaves of certificates, read for all records of a batch at once; nothing for a record whose subject was made unreadable. */
export type LoggedOf = (record: StoredRecord) => Logged | undefined;

export async function readLogged(db: Db, records: readonly StoredRecord[]): Promise<LoggedOf> {
  const named = new Map<StoredRecord, { by: 'serial' | 'issuer'; id: string }>();
  for (const record of records) {
    const by = issuances[record.action] ?? revocations[record.action];
    const id = by && subjectOf(record)?.[by];
    if (by && id !== undefined) named.set(record, { by, id });
  }
  const wanted = (kind: 'serial' | 'issuer') => [...new Set([...named.values()].filter(({ by }) => by === kind).map(({ id }) => id))];
  const certificates = await findLogged(db, wanted('serial'));
  const authorities = wanted('issuer').length ? await loggedIssuers(db) : new Map<string, Logged>();
  return record => {
    const { by, id = '' } = named.get(record) ?? {};
    return (by === 'serial' ? certificates : authorities).get(id);
  };
}

function subjectOf({ subject }: StoredRecord): Record<string, string> | undefined {
  try {
    return JSON.parse(subject);
  } catch {
    return undefined;
  }
}

async function loggedIssuers(db: Db): Promise<Map<string, Logged>> {
  const issuers = await listIssuers(db);
  const root = issuers.find(i => i.kind === 'root')?.id ?? '';
  return new Map(
    issuers.map(({ id, certificate: der, revocation }) => [
      id,
      { serial: readCertificate(der).serial, issuerId: root, state: 'issued', der, ...(revocation && { revocation }) },
    ]),
  );
}

/** The bytes of a leaf. @throws Error where the certificate that it is about is not there */
export function leafOf(record: StoredRecord, recordHash: Uint8Array, logged: Logged | undefined): Uint8Array {
  return Buffer.from(JSON.stringify({ ...publicPart(record, logged), record: base64(recordHash) }));
}

function publicPart(record: StoredRecord, logged: Logged | undefined): object {
  const { action, at } = record;
  if (issuances[action]) {
    if (!logged?.der) throw new Error('its certificate is gone');
    return { type: 'certificate', certificate: base64(logged.der) };
  }
  if (!revocations[action]) return { type: 'record' };
  if (!logged) throw new Error('its certificate is gone');
  return { type: 'revocation', issuer: logged.issuerId, serial: logged.serial, time: rfc3339(at), reason: reasonOf(record) };
}

/** Of a revocation. What was abandoned has bytes that nobody has, and nobody shall trust. */
const reasonOf = ({ action, detail }: StoredRecord): unknown =>
  action === 'certificate.abandoned' ? 'cessationOfOperation' : JSON.parse(detail ?? '{}').reason;

/** The certificate must stand as it was recorded: what was issued stays so, and the first revocation stands for ever. @throws Error */
export function checkBorneOut(record: StoredRecord, logged: Logged | undefined): void {
  const { action, at } = record;
  if (issuances[action] && logged && logged.state !== 'issued') throw new Error(`the certificate is recorded as ${logged.state}`);
  if (!revocations[action]) return;
  if (logged?.revocation?.at !== at || logged.revocation.reason !== reasonOf(record))
    throw new Error('the certificate is not recorded as revoked then, for that reason');
}
