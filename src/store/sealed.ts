import { type SealedColumn, splitName } from '../vault/places.ts';
import type { Db } from './open.ts';
import { rowsOf, updateRows } from './rows.ts';

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
  const { table, column } = splitName(of.name);
  const columns = [...new Set([...order, ...of.row, column])].join(', ');
  const rows = await rowsOf<Record<string, Value>>(
    db,
    `select ${columns} from ${table} where ${isUnderOther(column, keyIds.length)}${beyond} order by ${order.join(', ')} limit ?`,
    [...bytesOf(keyIds), ...(after ?? []), limit],
  );
  return rows.map(r => ({
    row: of.row.map(name => asText(r[name])).join(' '),
    sealed: r[column] as Uint8Array,
    at: order.map(name => r[name] as Value),
  }));
}

const asText = (value: Value | undefined): string => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value));

/** Compare-and-swap. @returns whether it was still what it had been */
export async function replaceSealed(trx: Db, of: SealedColumn, { at, sealed }: SealedRow, anew: Uint8Array): Promise<boolean> {
  const where = Object.fromEntries(orderOf(of).map((name, i) => [name, at[i]]));
  const { table, column } = splitName(of.name);
  return (await updateRows(trx, table, { ...where, [column]: sealed }, { [column]: anew })) === 1;
}

/** How many values are encrypted under each key, by its id. */
export async function countSealed(db: Db, { name }: SealedColumn): Promise<Map<string, number>> {
  const { table, column } = splitName(name);
  const rows = await rowsOf<{ key: Uint8Array; n: number }>(
    db,
    `select substr(${column}, 1, 8) as key, count(*) as n from ${table} where ${column} is not null group by 1`,
    [],
  );
  return new Map(rows.map(r => [Buffer.from(r.key).toString('hex'), Number(r.n)]));
}
