import type { Account, AccountStatus, Door, Jwk } from '../model/account.ts';
import type { Member } from '../model/member.ts';
import { leftBefore, type MemberRow, memberFromRow } from './members.ts';
import { type Db, present } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, rowsOf, selectRow, selectRows, updateRows } from './rows.ts';

interface AccountRow {
  id: string;
  member_id: string | null;
  door: Door;
  door_id: string | null;
  jwk: string;
  thumbprint: string;
  status: AccountStatus;
  personal: Uint8Array | null;
  terms_agreed: string | null;
  external_account_binding: string | null;
  created_at: number;
}

function fromRow(r: AccountRow): Account {
  return {
    id: r.id,
    door: r.door,
    jwk: JSON.parse(r.jwk),
    thumbprint: r.thumbprint,
    status: r.status,
    createdAt: r.created_at,
    ...present({
      memberId: r.member_id,
      contact: r.personal,
      doorId: r.door_id,
      termsAgreed: r.terms_agreed,
      externalAccountBinding: r.external_account_binding === null ? null : JSON.parse(r.external_account_binding),
    }),
  };
}

export async function insertAccount(db: Db, account: Account): Promise<void> {
  await insertRows(db, 'accounts', {
    id: account.id,
    member_id: account.memberId,
    door: account.door,
    door_id: account.doorId,
    jwk: JSON.stringify(account.jwk),
    thumbprint: account.thumbprint,
    status: account.status,
    personal: account.contact,
    terms_agreed: account.termsAgreed,
    external_account_binding: account.externalAccountBinding && JSON.stringify(account.externalAccountBinding),
    created_at: account.createdAt,
  });
}

export async function findAccount(db: Db, id: string): Promise<Account | undefined> {
  const r = await selectRow<AccountRow>(db, 'accounts', { id });
  return r && fromRow(r);
}

export async function findAccountByKey(db: Db, thumbprint: string): Promise<Account | undefined> {
  const r = await selectRow<AccountRow>(db, 'accounts', { thumbprint });
  return r && fromRow(r);
}

/** An account with the member it belongs to, in one statement: every signed request begins with it. */
export async function findAccountAndMember(db: Db, id: string): Promise<{ account: Account; member?: Member } | undefined> {
  type Row = AccountRow & { [K in Exclude<keyof MemberRow, 'id'> as `member_${K}`]: MemberRow[K] };
  const [r] = await rowsOf<Row>(
    db,
    `select a.*, m.status as member_status, m.personal as member_personal, m.created_at as member_created_at, m.left_at as member_left_at,
     m.erased_at as member_erased_at
     from accounts a left join members m on m.id = a.member_id where a.id = ?`,
    [id],
  );
  if (!r) return undefined;
  const account = fromRow(r);
  if (r.member_id === null) return { account };
  const member = memberFromRow({
    id: r.member_id,
    status: r.member_status,
    personal: r.member_personal,
    created_at: r.member_created_at,
    left_at: r.member_left_at,
    erased_at: r.member_erased_at,
  });
  return { account, member };
}

export async function listAccounts(db: Db, filter: { memberId?: string } = {}, page?: Page): Promise<Account[]> {
  const query = inPages(db('accounts'), page);
  if (filter.memberId !== undefined) query.where({ member_id: filter.memberId });
  return (await query).map(fromRow);
}

/** Accounts that came in by one EAB key, directory or thumbprint. */
export async function listAccountsByDoor(db: Db, door: Door, doorId: string): Promise<Account[]> {
  return (await selectRows<AccountRow>(db, 'accounts', { door, door_id: doorId, status: 'valid' })).map(fromRow);
}

export async function updateContact(db: Db, id: string, contact: Uint8Array | undefined): Promise<void> {
  await updateRows(db, 'accounts', { id }, { personal: contact ?? null });
}

/** @returns of how many accounts */
export async function eraseContactsOfMember(db: Db, memberId: string): Promise<number> {
  return db('accounts').where({ member_id: memberId }).whereNotNull('personal').update({ personal: null });
}

/** Of accounts that were deactivated before then, or whose members have left before then. @returns of how many */
export async function eraseContactsOfSpent(db: Db, before: number): Promise<number> {
  const kept = () => db('accounts').whereNotNull('personal');
  return (
    (await kept().where('deactivated_at', '<', before).update({ personal: null })) +
    (await kept().whereIn('member_id', leftBefore(db, before)).update({ personal: null }))
  );
}

export async function updateTerms(db: Db, id: string, termsAgreed: string): Promise<void> {
  await updateRows(db, 'accounts', { id }, { terms_agreed: termsAgreed });
}

/** `valid -> deactivated`; the key is retired with it. @returns whether it moved */
export async function moveToDeactivated(db: Db, account: Account, now: number): Promise<boolean> {
  const moved = await updateRows(db, 'accounts', { id: account.id, status: 'valid' }, { status: 'deactivated', deactivated_at: now });
  if (moved) await retireKey(db, account.thumbprint, account.id, now);
  return moved === 1;
}

/** Compare-and-swap on the old key (RFC 8555 §7.3.5). @throws a duplicate where the new key has an account */
export async function changeKey(db: Db, account: Account, jwk: Jwk, thumbprint: string, now: number): Promise<boolean> {
  const unchanged = { id: account.id, thumbprint: account.thumbprint, status: 'valid' };
  const moved = await updateRows(db, 'accounts', unchanged, { jwk: JSON.stringify(jwk), thumbprint });
  if (moved) await retireKey(db, account.thumbprint, account.id, now);
  return moved === 1;
}

async function retireKey(db: Db, thumbprint: string, accountId: string, now: number): Promise<void> {
  await db('retired_keys').insert({ thumbprint, account_id: accountId, retired_at: now }).onConflict('thumbprint').ignore();
}

/** Whether the key has or had an account. */
export async function isAccountKey(db: Db, thumbprint: string): Promise<boolean> {
  const sql = 'select 1 as found from accounts where thumbprint = ? union all select 1 from retired_keys where thumbprint = ?';
  return (await rowsOf(db, sql, [thumbprint, thumbprint])).length > 0;
}

export async function isRetired(db: Db, thumbprint: string): Promise<boolean> {
  return (await selectRow(db, 'retired_keys', { thumbprint })) !== undefined;
}

/** A key that an account had before. */
export interface RetiredKey {
  accountId: string;
  thumbprint: string;
  retiredAt: number;
}

export async function retiredKeysOfMember(db: Db, memberId: string): Promise<RetiredKey[]> {
  const rows = await rowsOf<{ account_id: string; thumbprint: string; retired_at: number }>(
    db,
    'select r.* from retired_keys r join accounts a on a.id = r.account_id where a.member_id = ? order by r.retired_at, r.thumbprint',
    [memberId],
  );
  return rows.map(r => ({ accountId: r.account_id, thumbprint: r.thumbprint, retiredAt: r.retired_at }));
}
