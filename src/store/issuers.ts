import type { RevocationReason } from '../model/certificate.ts';
import { type Db, present } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, rowsOf, selectRow, updateRows } from './rows.ts';

/** A CA certificate of ours; `key` is encrypted, and absent for the root, whose key never comes here. */
export interface IssuerRecord {
  id: string;
  kind: 'root' | 'issuing';
  certificate: Uint8Array;
  key?: Uint8Array;
  active: boolean;
  createdAt: number;
  /** By its root. */
  revocation?: { at: number; reason: RevocationReason };
}

interface IssuerRow {
  id: string;
  kind: 'root' | 'issuing';
  certificate: Uint8Array;
  key: Uint8Array | null;
  active: number;
  created_at: number;
  revoked_at: number | null;
  revocation_reason: RevocationReason | null;
}

function fromRow(r: IssuerRow): IssuerRecord {
  return {
    id: r.id,
    kind: r.kind,
    certificate: r.certificate,
    active: r.active === 1,
    createdAt: r.created_at,
    ...present({
      key: r.key,
      revocation: r.revoked_at === null ? null : { at: r.revoked_at, reason: r.revocation_reason ?? 'unspecified' },
    }),
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

export async function listIssuers(db: Db, page?: Page): Promise<IssuerRecord[]> {
  return (await inPages(db('issuers'), page)).map(fromRow);
}

/** The one that signs from now on. @returns whether there is such an issuing CA, and none has revoked it */
export async function activateIssuer(db: Db, id: string): Promise<boolean> {
  if ((await updateRows(db, 'issuers', { id, kind: 'issuing', revoked_at: null }, { active: 1 })) !== 1) return false;
  await db('issuers').whereNot({ id }).update({ active: 0 });
  return true;
}

/** One that is not active. @returns whether it moved */
export async function revokeIssuer(db: Db, id: string, at: number, reason: RevocationReason): Promise<boolean> {
  const standing = { id, kind: 'issuing', active: 0, revoked_at: null };
  return (await updateRows(db, 'issuers', standing, { revoked_at: at, revocation_reason: reason })) === 1;
}

/** Changes whenever an issuer comes, goes or takes over. */
export async function issuersVersion(db: Db): Promise<string> {
  const rows = await rowsOf<object>(db, 'select id, active, revoked_at from issuers order by id', []);
  return JSON.stringify(rows);
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

export async function readSetting(db: Db, name: string): Promise<string | undefined> {
  return (await selectRow<{ value: string }>(db, 'settings', { name }))?.value;
}

/** The first writer's value stands. */
export async function writeSetting(db: Db, name: string, value: string): Promise<void> {
  await db('settings').insert({ name, value }).onConflict('name').ignore();
}

export async function putSetting(db: Db, name: string, value: string): Promise<void> {
  await db('settings').insert({ name, value }).onConflict('name').merge();
}
