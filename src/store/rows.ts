import type { Knex } from 'knex';
import { runStatement } from './engines/sqlite.ts';
import { type Db, isPostgres } from './open.ts';

/** What a column is compared with or set to; `undefined` is NULL in an insert, and leaves the column alone in an update. */
type Value = string | number | Uint8Array | null | undefined | Knex.Raw;
type Values = Record<string, Value>;

/*
 * Plain statements on one table, in SQL that both engines read. Most of an issuance is such statements, and knex's builder takes several times
 * as long to write one as the database to run it. Whatever is more than equality and values is the builder's.
 */

/** Rows whose columns equal these values; NULL equals NULL. */
export function selectRows<Row>(db: Db, table: string, where: Values): Promise<Row[]> {
  const { sql, bindings } = equalities(where);
  return rowsOf<Row>(db, `select * from ${table} where ${sql}`, bindings);
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
  const tuples = rows.map(row => joined(columns.map(column => place(row[column]))));
  const sql = tuples.map(tuple => `(${tuple.sql})`).join(', ');
  await run(
    db,
    `insert into ${table} (${columns.join(', ')}) values ${sql}`,
    tuples.flatMap(tuple => tuple.bindings),
  );
}

/** Compare-and-swap. @returns how many rows it touched */
export async function updateRows(db: Db, table: string, where: Values, change: Values): Promise<number> {
  const columns = Object.keys(change).filter(column => change[column] !== undefined);
  const assignments = joined(columns.map(column => place(change[column], `${column} = `)));
  const { sql, bindings } = equalities(where);
  return (await run(db, `update ${table} set ${assignments.sql} where ${sql}`, [...assignments.bindings, ...bindings])).changed;
}

/** What a statement of another form reads. */
export async function rowsOf<Row>(db: Db, sql: string, bindings: readonly unknown[]): Promise<Row[]> {
  return (await run(db, sql, bindings.map(bindable))).rows as Row[];
}

/** What stands within the brackets of `in (…)`; nothing equals NULL. */
export const places = (values: readonly unknown[]): string => (values.length ? values.map(() => '?').join(', ') : 'null');

async function run(db: Db, sql: string, bindings: unknown[]): Promise<{ rows: unknown[]; changed: number }> {
  if (!isPostgres(db)) return runStatement(db, sql, bindings);
  const { rows, rowCount } = await db.raw(sql, bindings as Knex.RawBinding[]);
  return { rows, changed: rowCount };
}

/** A part of a statement. */
interface Part {
  sql: string;
  bindings: unknown[];
}

/** An expression of the database's stands as it is. */
function place(value: Value, before = ''): Part {
  if (!isRaw(value)) return { sql: `${before}?`, bindings: [bindable(value)] };
  const { sql, bindings } = value.toSQL();
  return { sql: before + sql, bindings: [...bindings] };
}

const isRaw = (value: Value): value is Knex.Raw => typeof value === 'object' && value !== null && 'toSQL' in value;

const joined = (parts: Part[], by = ', '): Part => ({ sql: parts.map(p => p.sql).join(by), bindings: parts.flatMap(p => p.bindings) });

const equalities = (where: Values): Part =>
  joined(
    Object.entries(where).map(([column, value]) =>
      value === null ? { sql: `${column} is null`, bindings: [] } : place(value, `${column} = `),
    ),
    ' and ',
  );

/** Drivers want a Buffer, and none of them `undefined`. */
function bindable(value: unknown): unknown {
  if (value instanceof Uint8Array && !Buffer.isBuffer(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value ?? null;
}
