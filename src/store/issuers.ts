import { type Db, present } from './open.ts';
import { insertRows, rowsOf, selectRow } from './rows.ts';

/** A CA certificate of ours; `key` is encrypted, and absent for the root, whose key never comes here. */
export interface IssuerRecord {
  id: string;
  kind: 'root' | 'issuing';
  certificate: Uint8Array;
  key?: Uint8Array;
  active: boolean;
  createdAt: number;
}

interface IssuerRow {
  id: string;
  kind: 'root' | 'issuing';
  certificate: Uint8Array;
  key: Uint8Array | null;
  active: number;
  created_at: number;
}

function fromRow(r: IssuerRow): IssuerRecord {
  return {
    id: r.id,
    kind: r.kind,
    certificate: r.certificate,
    active: r.active === 1,
    createdAt: r.created_at,
    ...present({ key: r.key }),
  };
}

export async function insertIssuer(db: Db, issuer: IssuerRecord): Promise<void> {
  await insertRows(db, 'issuers', {
    id: issuer.id,
    kind: issuer.kind,
    certificate: issuer.certificate,
    key: issuer.key,
    active: issuer.active ? 1 : 0,
    created_at: issuer.createdAt,
  });
}

export async function listIssuers(db: Db): Promise<IssuerRecord[]> {
  return (await db('issuers').orderBy(['created_at', 'id'])).map(fromRow);
}

/** A certificate with its key for a purpose of our own; the key is encrypted. */
export interface Credential {
  id: string;
  purpose: 'ocsp' | 'tls';
  /** The issuer answered for, or the host. */
  holder: string;
  issuerId: string;
  certificate: Uint8Array;
  key: Uint8Array;
  notBefore: number;
  notAfter: number;
}

export async function insertCredential(db: Db, credential: Credential): Promise<void> {
  await insertRows(db, 'credentials', {
    id: credential.id,
    purpose: credential.purpose,
    holder: credential.holder,
    issuer_id: credential.issuerId,
    certificate: credential.certificate,
    key: credential.key,
    not_before: credential.notBefore,
    not_after: credential.notAfter,
  });
}

/** The one that lasts longest. */
export async function newestCredential(db: Db, purpose: Credential['purpose'], holder: string): Promise<Credential | undefined> {
  const r = await db('credentials').where({ purpose, holder }).orderBy('not_after', 'desc').first();
  return (
    r && {
      id: r.id,
      purpose: r.purpose,
      holder: r.holder,
      issuerId: r.issuer_id,
      certificate: r.certificate,
      key: r.key,
      notBefore: r.not_before,
      notAfter: r.not_after,
    }
  );
}

export interface CrlRecord {
  issuerId: string;
  number: number;
  der: Uint8Array;
  /** How many revocations the issuer had when it was made. */
  revocations: number;
  thisUpdate: number;
  nextUpdate: number;
}

/** Revocations so far; read it before the entries of a CRL. */
export async function countRevocations(db: Db, issuerId: string): Promise<number> {
  const [r] = await rowsOf<{ revocations: number }>(db, 'select revocations from issuers where id = ?', [issuerId]);
  return r?.revocations ?? 0;
}

/** Stored as published. @throws a duplicate where the number was used */
export async function insertCrl(db: Db, crl: CrlRecord): Promise<void> {
  await insertRows(db, 'crls', {
    issuer_id: crl.issuerId,
    number: crl.number,
    der: crl.der,
    revocations: crl.revocations,
    this_update: crl.thisUpdate,
    next_update: crl.nextUpdate,
  });
}

/** Which CRL is the newest, without its bytes. */
export async function newestCrlNumber(db: Db, issuerId: string): Promise<number | undefined> {
  const [r] = await rowsOf<{ number: number }>(db, 'select number from crls where issuer_id = ? order by number desc limit 1', [issuerId]);
  return r?.number;
}

export async function newestCrl(db: Db, issuerId: string): Promise<CrlRecord | undefined> {
  const r = await db('crls').where({ issuer_id: issuerId }).orderBy('number', 'desc').first();
  return (
    r && {
      issuerId: r.issuer_id,
      number: r.number,
      der: r.der,
      revocations: r.revocations,
      thisUpdate: r.this_update,
      nextUpdate: r.next_update,
    }
  );
}

export async function readSetting(db: Db, name: string): Promise<string | undefined> {
  return (await selectRow<{ value: string }>(db, 'settings', { name }))?.value;
}

/** The first writer's value stands. */
export async function writeSetting(db: Db, name: string, value: string): Promise<void> {
  await db('settings').insert({ name, value }).onConflict('name').ignore();
}
