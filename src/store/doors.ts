import type { Knex } from 'knex';
import type { EabKey, MemberDirectory, RegisteredThumbprint } from '../model/member.ts';
import { leftBefore } from './members.ts';
import { type Db, present } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, selectRow, updateRows } from './rows.ts';

interface EabRow {
  kid: string;
  member_id: string;
  label_sealed: Uint8Array | null;
  secret: Uint8Array;
  uses_left: number | null;
  expires_at: number;
  revoked_at: number | null;
  created_at: number;
}

function eabFromRow(r: EabRow): EabKey {
  return {
    kid: r.kid,
    memberId: r.member_id,
    secret: r.secret,
    expiresAt: r.expires_at,
    createdAt: r.created_at,
    ...present({ label: r.label_sealed, usesLeft: r.uses_left, revokedAt: r.revoked_at }),
  };
}

export async function insertEabKey(db: Db, key: EabKey): Promise<void> {
  await insertRows(db, 'eab_keys', {
    kid: key.kid,
    member_id: key.memberId,
    label_sealed: key.label,
    secret: key.secret,
    uses_left: key.usesLeft,
    expires_at: key.expiresAt,
    created_at: key.createdAt,
  });
}

export async function findEabKey(db: Db, kid: string): Promise<EabKey | undefined> {
  const r = await selectRow<EabRow>(db, 'eab_keys', { kid });
  return r && eabFromRow(r);
}

export async function listEabKeys(db: Db, page?: Page, memberId?: string): Promise<EabKey[]> {
  return (await inPages(ofMember(db('eab_keys'), memberId), page, { id: 'kid' })).map(eabFromRow);
}

const ofMember = (query: Knex.QueryBuilder, memberId: string | undefined): Knex.QueryBuilder =>
  memberId === undefined ? query : query.where({ member_id: memberId });

/** Takes one use. @returns false where it is used up, expired or revoked by now */
export async function useEabKey(db: Db, kid: string, now: number): Promise<boolean> {
  const used = await db('eab_keys')
    .where({ kid })
    .whereNull('revoked_at')
    .where('expires_at', '>', now)
    .where(q => q.whereNull('uses_left').orWhere('uses_left', '>', 0))
    .update({ uses_left: db.raw('uses_left - 1') });
  return used === 1;
}

/** What operators have written of a member's keys. @returns of how many */
export const eraseLabelsOfMember = (db: Db, memberId: string): Promise<number> => eraseLabels(db, q => q.where({ member_id: memberId }));

/** The same of members that have left before then. */
export const eraseLabelsOfSpent = (db: Db, before: number): Promise<number> =>
  eraseLabels(db, q => q.whereIn('member_id', leftBefore(db, before)));

const eraseLabels = (db: Db, of: (query: Knex.QueryBuilder) => Knex.QueryBuilder): Promise<number> =>
  of(db('eab_keys')).whereNotNull('label_sealed').update({ label_sealed: null });

export async function revokeEabKey(db: Db, kid: string, now: number): Promise<boolean> {
  return (await updateRows(db, 'eab_keys', { kid, revoked_at: null }, { revoked_at: now })) === 1;
}

interface DirectoryRow {
  id: string;
  member_id: string;
  profile: string | null;
  domains: string | null;
  accounts_left: number | null;
  expires_at: number | null;
  revoked_at: number | null;
  created_at: number;
}

function directoryFromRow(r: DirectoryRow): MemberDirectory {
  return {
    id: r.id,
    memberId: r.member_id,
    createdAt: r.created_at,
    ...present({
      profile: r.profile,
      domains: r.domains === null ? null : JSON.parse(r.domains),
      accountsLeft: r.accounts_left,
      expiresAt: r.expires_at,
      revokedAt: r.revoked_at,
    }),
  };
}

export async function insertDirectory(db: Db, directory: MemberDirectory, secretHash: Uint8Array): Promise<void> {
  await insertRows(db, 'directories', {
    id: directory.id,
    secret_hash: secretHash,
    member_id: directory.memberId,
    profile: directory.profile,
    domains: directory.domains && JSON.stringify(directory.domains),
    accounts_left: directory.accountsLeft,
    expires_at: directory.expiresAt,
    created_at: directory.createdAt,
  });
}

export async function findDirectory(db: Db, id: string): Promise<MemberDirectory | undefined> {
  const r = await selectRow<DirectoryRow>(db, 'directories', { id });
  return r && directoryFromRow(r);
}

export async function findDirectoryBySecret(db: Db, secretHash: Uint8Array): Promise<MemberDirectory | undefined> {
  const r = await selectRow<DirectoryRow>(db, 'directories', { secret_hash: secretHash });
  return r && directoryFromRow(r);
}

export async function listDirectories(db: Db, page?: Page, memberId?: string): Promise<MemberDirectory[]> {
  return (await inPages(ofMember(db('directories'), memberId), page)).map(directoryFromRow);
}

/** Takes one account. @returns false where none is left, or it is expired or revoked by now */
export async function useDirectory(db: Db, id: string, now: number): Promise<boolean> {
  const used = await db('directories')
    .where({ id })
    .whereNull('revoked_at')
    .where(q => q.whereNull('expires_at').orWhere('expires_at', '>', now))
    .where(q => q.whereNull('accounts_left').orWhere('accounts_left', '>', 0))
    .update({ accounts_left: db.raw('accounts_left - 1') });
  return used === 1;
}

export async function revokeDirectory(db: Db, id: string, now: number): Promise<boolean> {
  return (await updateRows(db, 'directories', { id, revoked_at: null }, { revoked_at: now })) === 1;
}

interface ThumbprintRow {
  thumbprint: string;
  member_id: string;
  created_at: number;
  used_at: number | null;
}

function thumbprintFromRow(r: ThumbprintRow): RegisteredThumbprint {
  return { thumbprint: r.thumbprint, memberId: r.member_id, createdAt: r.created_at, ...present({ usedAt: r.used_at }) };
}

export async function insertThumbprint(db: Db, registered: RegisteredThumbprint): Promise<void> {
  const { thumbprint, memberId, createdAt } = registered;
  await insertRows(db, 'thumbprints', { thumbprint, member_id: memberId, created_at: createdAt });
}

export async function findThumbprint(db: Db, thumbprint: string): Promise<RegisteredThumbprint | undefined> {
  const r = await selectRow<ThumbprintRow>(db, 'thumbprints', { thumbprint });
  return r && thumbprintFromRow(r);
}

export async function listThumbprints(db: Db, memberId: string): Promise<RegisteredThumbprint[]> {
  return (await db('thumbprints').where({ member_id: memberId }).orderBy(['created_at', 'thumbprint'])).map(thumbprintFromRow);
}

/** Its first use consumes it. */
export async function useThumbprint(db: Db, thumbprint: string, now: number): Promise<boolean> {
  return (await updateRows(db, 'thumbprints', { thumbprint, used_at: null }, { used_at: now })) === 1;
}
