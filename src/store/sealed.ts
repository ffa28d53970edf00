import type { Db } from './open.ts';
import { rowsOf, updateRows } from './rows.ts';

/** A column whose values are encrypted. */
export interface SealedColumn {
  table: string;
  column: string;
  /** Columns that name the row in the vault's place: bytes in hex, with a space between. */
  row: readonly string[];
  /** By which rows are found in order, where not by these. */
  by?: readonly string[];
}

/** Every encrypted column of the database: what is not in this list is lost when keys are changed. */
export const sealedColumns: readonly SealedColumn[] = [
  { table: 'issuers', column: 'key', row: ['id'] },
  { table: 'credentials', column: 'key', row: ['id'] },
  { table: 'logs', column: 'key', row: ['origin'] },
  { table: 'eab_keys', column: 'secret', row: ['kid'] },
  { table: 'eab_keys', column: 'label_sealed', row: ['kid'] },
  { table: 'tokens', column: 'label_sealed', row: ['id'] },
  { table: 'blocked_keys', column: 'why_sealed', row: ['spki_hash'] },
  { table: 'members', column: 'personal', row: ['id'] },
  { table: 'accounts', column: 'personal', row: ['id'] },
  { table: 'outbox', column: 'personal', row: ['id'] },
  { table: 'webhooks', column: 'secret', row: ['id'] },
  { table: 'webhooks', column: 'old_secret', row: ['id'] },
  { table: 'idempotent_answers', column: 'answer', row: ['token_id', 'key'] },
  { table: 'audit', column: 'personal', row: ['personal_hash'], by: ['at', 'id'] },
];

type Value = string | number | Uint8Array;

/** A row that holds something encrypted. */
export interface SealedRow {
  /** In the vault's place. */
  row: string;
  sealed: Uint8Array;
  /** Where it stands in the order. */
  at: readonly Value[];
}

const orderOf = ({ row, by }: SealedColumn): readonly string[] => by ?? row;

const isUnderOther = (column: string, keyIds: number) =>
  `${column} is not null and substr(${column}, 1, 8) not in (${Array(keyIds).fill('?').join(', ')})`;

const bytesOf = (keyIds: readonly string[]): Uint8Array[] => keyIds.map(id => Buffer.from(id, 'hex'));

/** Rows after one whose value is encrypted under none of these keys, in their order. */
export async function sealedUnderOther(
  db: Db,
  of: SealedColumn,
  keyIds: readonly string[],
  after: readonly Value[] | undefined,
  limit: number,
): Promise<SealedRow[]> {
  const order = orderOf(of);
  const beyond = after ? ` and (${order.join(', ')}) > (${order.map(() => '?').join(', ')})` : '';
  const columns = [...new Set([...order, ...of.row, of.column])].join(', ');
  const rows = await rowsOf<Record<string, Value>>(
    db,
    `select ${columns} from ${of.table} where ${isUnderOther(of.column, keyIds.length)}${beyond} order by ${order.join(', ')} limit ?`,
    [...bytesOf(keyIds), ...(after ?? []), limit],
  );
  return rows.map(r => ({
    row: of.row.map(name => asText(r[name])).join(' '),
    sealed: r[of.column] as Uint8Array,
    at: order.map(name => r[name] as Value),
  }));
}

const asText = (value: Value | undefined): string => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value));

/** Compare-and-swap. @returns whether it was still what it had been */
export async function replaceSealed(trx: Db, of: SealedColumn, { at, sealed }: SealedRow, anew: Uint8Array): Promise<boolean> {
  const where = Object.fromEntries(orderOf(of).map((name, i) => [name, at[i]]));
  return (await updateRows(trx, of.table, { ...where, [of.column]: sealed }, { [of.column]: anew })) === 1;
}

/** How many values are encrypted under each key, by its id. */
export async function countSealed(db: Db, { table, column }: SealedColumn): Promise<Map<string, number>> {
  const rows = await rowsOf<{ key: Uint8Array; n: number }>(
    db,
    `select substr(${column}, 1, 8) as key, count(*) as n from ${table} where ${column} is not null group by 1`,
    [],
  );
  return new Map(rows.map(r => [Buffer.from(r.key).toString('hex'), Number(r.n)]));
}
