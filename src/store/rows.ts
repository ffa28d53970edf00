import type { Knex } from 'knex';
import type { Db } from './open.ts';

/** What a column is compared with or set to; `undefined` is NULL in an insert, and leaves the column alone in an update. */
type Value = string | number | Uint8Array | null | undefined | Knex.Raw;
type Values = Record<string, Value>;

/*
 * Plain statements on one table, in SQL that both engines read. Most of an issuance is such statements, and knex's builder takes several times
 * as long to write one as the database to run it. Whatever is more than equality and values is the builder's.
 */

/** Rows whose columns equal these values; NULL equals NULL. */
export function selectRows<Row>(db: Db, table: string, where: Values): Promise<Row[]> {
  const [condition, bindings] = equalities(where);
  return rowsOf<Row>(db, `select * from ${table} where ${condition}`, bindings);
}

/** The one row of these values. */
export async function selectRow<Row>(db: Db, table: string, where: Values): Promise<Row | undefined> {
  return (await selectRows<Row>(db, table, where))[0];
}

/** Rows of the same columns, in one statement. */
export async function insertRows(db: Db, table: string, ...rows: Values[]): Promise<void> {
  const [first] = rows;
  if (!first) return;
  const columns = Object.keys(first);
  const tuple = `(${places(columns)})`;
  const bindings = rows.flatMap(row => columns.map(column => bindable(row[column])));
  await db.raw(`insert into ${table} (${columns.join(', ')}) values ${rows.map(() => tuple).join(', ')}`, bindings);
}

/** Compare-and-swap. @returns how many rows it touched */
export async function updateRows(db: Db, table: string, where: Values, change: Values): Promise<number> {
  const columns = Object.keys(change).filter(column => change[column] !== undefined);
  const [condition, bindings] = equalities(where);
  const assignments = columns.map(column => `${column} = ?`).join(', ');
  const values = [...columns.map(column => change[column]), ...bindings];
  const result = await db.raw(`update ${table} set ${assignments} where ${condition}`, values.map(bindable));
  return result.changes ?? result.rowCount;
}

/** What a statement of another form reads. */
export async function rowsOf<Row>(db: Db, sql: string, bindings: readonly Value[]): Promise<Row[]> {
  const result = await db.raw(sql, bindings.map(bindable));
  return result.rows ?? result;
}

/** What stands within the brackets of `in (…)`; nothing equals NULL. */
export const places = (values: readonly Value[]): string => (values.length ? values.map(() => '?').join(', ') : 'null');

function equalities(where: Values): [condition: string, bindings: Value[]] {
  const columns = Object.keys(where);
  const condition = columns.map(column => (where[column] === null ? `${column} is null` : `${column} = ?`)).join(' and ');
  return [condition, columns.map(column => where[column]).filter(value => value !== null)];
}

/** Drivers want a Buffer, and knex refuses `undefined`. */
function bindable(value: Value): Knex.RawBinding {
  if (value instanceof Uint8Array && !Buffer.isBuffer(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return (value ?? null) as Knex.RawBinding;
}
