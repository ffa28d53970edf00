import type { Knex } from 'knex';
import type { Member, MemberStatus } from '../model/member.ts';
import { type Db, lock, present, type Trx } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, rowsOf, selectRow, updateRows } from './rows.ts';

export interface MemberRow {
  id: string;
  status: MemberStatus;
  personal: Uint8Array | null;
  created_at: number;
  left_at: number | null;
  erased_at: number | null;
}

export function memberFromRow(r: MemberRow): Member {
  return {
    id: r.id,
    status: r.status,
    createdAt: r.created_at,
    ...present({ personal: r.personal, leftAt: r.left_at, erasedAt: r.erased_at }),
  };
}

/** `hashes` of what the member is found by. */
export async function insertMember(db: Db, member: Member, hashes: readonly Uint8Array[] = []): Promise<void> {
  const { id, status, personal, createdAt, leftAt } = member;
  await insertRows(db, 'members', { id, status, personal, created_at: createdAt, left_at: leftAt });
  await insertHashes(db, id, hashes);
}

const insertHashes = (db: Db, id: string, hashes: readonly Uint8Array[]): Promise<void> =>
  insertRows(db, 'member_search', ...hashes.map(hash => ({ hash, member_id: id })));

/** Puts this in the place of all that is personal of a member, where it is still what it was. @returns whether it was */
export async function replacePersonal(
  trx: Db,
  { id, personal: before }: Member,
  personal: Uint8Array | undefined,
  hashes: readonly Uint8Array[],
): Promise<boolean> {
  if ((await updateRows(trx, 'members', { id, personal: before ?? null }, { personal: personal ?? null })) !== 1) return false;
  await setHashes(trx, id, hashes);
  return true;
}

export async function setHashes(trx: Db, id: string, hashes: readonly Uint8Array[]): Promise<void> {
  await trx('member_search').where({ member_id: id }).delete();
  await insertHashes(trx, id, hashes);
}

export async function markErased(trx: Db, id: string, now: number): Promise<boolean> {
  return (await updateRows(trx, 'members', { id, erased_at: null }, { erased_at: now })) === 1;
}

export async function findMember(db: Db, id: string): Promise<Member | undefined> {
  const r = await selectRow<MemberRow>(db, 'members', { id });
  return r && memberFromRow(r);
}

/**
 * As it is, and until the transaction's end nobody else opens an account of it, stores what is personal of its accounts or keys, or erases that: what is
 * erased stays erased.
 */
export async function lockMember(trx: Trx, id: string): Promise<Member | undefined> {
  await lock(trx, `member ${id}`);
  return findMember(trx, id);
}

/** `found`: for each thing that is looked for, the hashes that it may have. */
export async function listMembers(db: Db, page?: Page, found: readonly (readonly Uint8Array[])[] = []): Promise<Member[]> {
  const query = inPages(db('members'), page);
  for (const hashes of found)
    query.whereIn(
      'id',
      db('member_search')
        .whereIn(
          'hash',
          hashes.map(h => Buffer.from(h)),
        )
        .select('member_id'),
    );
  return (await query).map(memberFromRow);
}

/** Compare-and-swap. @returns whether it moved */
export async function moveMember(db: Db, id: string, from: MemberStatus, to: MemberStatus, now: number): Promise<boolean> {
  const change = { status: to, left_at: to === 'left' ? now : null, erased_at: null, contacts_erased_at: null };
  return (await updateRows(db, 'members', { id, status: from }, change)) === 1;
}

/** Ids of members that left before then. */
export const leftBefore = (db: Db, before: number): Knex.QueryBuilder =>
  db('members').where({ status: 'left' }).where('left_at', '<', before).select('id');

/** Members that left before then and whose contacts are kept still; some of them. */
export async function contactsToErase(db: Db, before: number, limit: number): Promise<Member[]> {
  const sql = "select * from members where status = 'left' and left_at < ? and personal is not null and contacts_erased_at is null limit ?";
  return (await rowsOf<MemberRow>(db, sql, [before, limit])).map(memberFromRow);
}

export async function markContactsErased(trx: Db, id: string, now: number): Promise<void> {
  await updateRows(trx, 'members', { id }, { contacts_erased_at: now });
}
