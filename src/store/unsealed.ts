import type { Db } from './open.ts';
import { rowsOf } from './rows.ts';

/** What a migration has put aside, in the clear: it has no key to encrypt it with. */
export interface Unsealed {
  id: number;
  kind: UnsealedKind;
  rowId: string;
  value: unknown;
}

export type UnsealedKind = 'member' | 'account' | 'message' | 'eab' | 'token' | 'blocked';

interface UnsealedRow {
  id: number;
  kind: UnsealedKind;
  row_id: string;
  value: string;
}

/** What the value of a settled row becomes. The last ones stay until the clear text is out of the files, as a sign that it is not yet. */
const settled = 'null';

export async function listUnsealed(db: Db, limit: number): Promise<Unsealed[]> {
  const rows = await rowsOf<UnsealedRow>(db, 'select * from unsealed where value <> ? order by id limit ?', [settled, limit]);
  return rows.map(r => ({ id: r.id, kind: r.kind, rowId: r.row_id, value: JSON.parse(r.value) }));
}

const places: Record<UnsealedKind, { table: string; id: string; column: string }> = {
  member: { table: 'members', id: 'id', column: 'personal' },
  account: { table: 'accounts', id: 'id', column: 'personal' },
  message: { table: 'outbox', id: 'id', column: 'personal' },
  eab: { table: 'eab_keys', id: 'kid', column: 'label_sealed' },
  token: { table: 'tokens', id: 'id', column: 'label_sealed' },
  blocked: { table: 'blocked_keys', id: 'spki_hash', column: 'why_sealed' },
};

/** Where it had lain before, and where it was put aside. */
export const unsealedTables: readonly string[] = [...Object.values(places).map(({ table }) => table), 'unsealed'];

/** Puts the encrypted form in its place, and takes the clear one away. */
export async function settleUnsealed(trx: Db, { id, kind, rowId }: Unsealed, sealed: Uint8Array): Promise<void> {
  const { table, id: name, column } = places[kind];
  const row = kind === 'blocked' ? Buffer.from(rowId, 'hex') : rowId;
  await trx(table)
    .where({ [name]: row })
    .update({ [column]: Buffer.from(sealed) });
  await trx('unsealed').where({ id }).update({ value: settled });
}

export async function hasSettled(db: Db): Promise<boolean> {
  return (await rowsOf(db, 'select id from unsealed where value = ? limit 1', [settled])).length > 0;
}

export async function deleteSettled(db: Db): Promise<void> {
  await db('unsealed').where({ value: settled }).delete();
}
