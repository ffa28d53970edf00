import type { Member, MemberStatus } from '../model/member.ts';
import type { Db } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, selectRow, updateRows } from './rows.ts';

export interface MemberRow {
  id: string;
  name: string;
  status: MemberStatus;
  contacts: string;
  created_at: number;
}

export function memberFromRow(r: MemberRow): Member {
  return { id: r.id, name: r.name, status: r.status, contacts: JSON.parse(r.contacts), createdAt: r.created_at };
}

export async function insertMember(db: Db, member: Member): Promise<void> {
  const { id, name, status, contacts, createdAt } = member;
  await insertRows(db, 'members', { id, name, status, contacts: JSON.stringify(contacts), created_at: createdAt });
}

export async function findMember(db: Db, id: string): Promise<Member | undefined> {
  const r = await selectRow<MemberRow>(db, 'members', { id });
  return r && memberFromRow(r);
}

export async function listMembers(db: Db, page?: Page): Promise<Member[]> {
  return (await inPages(db('members'), page)).map(memberFromRow);
}

/** Compare-and-swap. @returns whether it moved */
export async function moveMember(db: Db, id: string, from: MemberStatus, to: MemberStatus): Promise<boolean> {
  return (await updateRows(db, 'members', { id, status: from }, { status: to })) === 1;
}
