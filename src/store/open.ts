import { setImmediate } from 'node:timers/promises';
import knex, { type Knex } from 'knex';
import { migrationSource } from '../../migrations/index.ts';
import { postgresConfig } from './engines/postgres.ts';
import { holdLock, sqliteConfig } from './engines/sqlite.ts';

export type Db = Knex;
/** A transaction; a store function that takes `Db` takes it too. */
export type Trx = Knex.Transaction;

export const isSqlite = (url: string): boolean => url.startsWith('sqlite:');
const fileOf = (url: string): string => url.slice('sqlite:'.length);

/** knex's configuration for `sqlite:FILE` or `postgres://…`; knexfile.ts gives the same to knex's own command. */
export function knexConfig(url: string): Knex.Config {
  return {
    ...(isSqlite(url) ? sqliteConfig(fileOf(url)) : postgresConfig(url)),
    migrations: { migrationSource, tableName: 'migrations' },
    // What goes wrong is thrown; stderr is the caller's.
    log: { warn() {} },
  };
}

/** Why the database cannot be used, in one line without a password. */
export class DatabaseError extends Error {}

export async function openDatabase(url: string): Promise<Db> {
  const db = knex(knexConfig(url));
  try {
    await db.raw('select 1');
  } catch (error) {
    await db.destroy();
    throw new DatabaseError(
      `the database ${withoutPassword(url)} cannot be reached: ${error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : error}`,
    );
  }
  return db;
}

/** A database URL as it may be shown. */
export function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^:@/]*):[^@]*@/, '$1:…@');
}

/** Runs `work` (migrations, the making of the hierarchy) in one process at a time. */
export async function withSetupLock<T>(db: Db, url: string, work: () => Promise<T>): Promise<T> {
  if (!isSqlite(url)) {
    return db.transaction(async trx => {
      await trx.raw('select pg_advisory_xact_lock(?)', [setupLock]);
      // The work is done beside this transaction, and may take long.
      await trx.raw('set local idle_in_transaction_session_timeout = 0');
      return work();
    });
  }
  const release = holdLock(`${fileOf(url)}-setup`, 60_000);
  if (!release) throw new DatabaseError(`another process has been setting up ${fileOf(url)} for a minute`);
  try {
    return await work();
  } finally {
    release();
  }
}

/** Any number that nothing else on this PostgreSQL uses. */
const setupLock = 0x786d7070;

/** Brings the schema up to date; call it under the setup lock. A run that was killed leaves knex's own lock, which then means nothing. */
export async function migrate(db: Db): Promise<void> {
  if (await db.schema.hasTable('migrations_lock')) await db.migrate.forceFreeMigrationsLock();
  await db.migrate.latest();
}

/** One `serve` on one SQLite file. @returns the release @throws DatabaseError */
export function holdServeLock(url: string): () => void {
  if (!isSqlite(url)) return () => {};
  const release = holdLock(`${fileOf(url)}-serve`, 0);
  if (!release) throw new DatabaseError(`another server runs on ${fileOf(url)}; several need PostgreSQL`);
  return release;
}

/**
 * Between the batches of long work: statements of SQLite are synchronous, and a chain of them, transactions too, lets nothing else of the process run.
 */
export const breathe = (): Promise<void> => setImmediate();

/** Takes what was deleted or overwritten out of SQLite's files: it stands in the log of writes until that is begun anew. Whatever reads meanwhile puts it off. */
export async function forgetDeleted(db: Db): Promise<void> {
  if (!isPostgres(db)) await db.raw('pragma wal_checkpoint(truncate)');
}

/** The same where it lay in the clear: PostgreSQL keeps columns that were dropped, and old versions of rows, until a table is written anew. */
export async function forgetPlain(db: Db, tables: readonly string[]): Promise<void> {
  await forgetDeleted(db);
  if (isPostgres(db)) for (const table of tables) await db.raw('vacuum full ??', [table]);
}

export const isPostgres = (db: Db): boolean => db.client.dialect === 'postgresql';

/** The database's own clock, in epoch seconds: where processes compete, theirs may differ. */
export function databaseClock(db: Db): Knex.Raw {
  return db.raw(isPostgres(db) ? 'extract(epoch from clock_timestamp())::bigint' : 'unixepoch()');
}

/** When a claim that begins now ends, by that clock. */
export const secondsFromNow = (db: Db, seconds: number): Knex.Raw => db.raw('? + ?', [databaseClock(db), seconds]);

/** Until the transaction's end nobody else holds the lock of this name; SQLite has one writer anyway. */
export async function lock(trx: Trx, name: string): Promise<void> {
  if (isPostgres(trx)) await trx.raw('select pg_advisory_xact_lock(hashtext(?))', [name]);
}

/** Whether an insert failed because the row is there already. */
export function isDuplicate(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: string };
  return code === '23505' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY' || code === 'SQLITE_CONSTRAINT_UNIQUE';
}

/** Members of a row that are not NULL, for optional properties. */
export function present<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
