import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database as Connected, Statement } from 'better-sqlite3';
import type { Knex } from 'knex';
import BetterSqlite3Client from 'knex/lib/dialects/better-sqlite3/index.js';
import { Database } from './sqlite-driver.ts';

/**
 * knex's client for better-sqlite3 with two differences: statements are prepared once a connection, and a transaction takes the write
 * lock when it begins. Begun deferred, one that reads first would fail at its first write whenever another process had written between.
 */
class Client extends BetterSqlite3Client {
  override _driver(): unknown {
    return Database;
  }

  override async _query(connection: Connection, query: Query): Promise<Query> {
    if (query.sql === 'BEGIN;') query.sql = 'BEGIN IMMEDIATE;';
    const statement = prepared(connection, query.sql);
    const bindings = this._formatBindings(query.bindings);
    if (statement.reader) {
      query.response = statement.all(bindings);
    } else {
      const { changes, lastInsertRowid } = statement.run(bindings);
      query.response = { changes, lastInsertRowid };
      query.context = { lastID: lastInsertRowid, changes };
    }
    return query;
  }
}

/**
 * A statement by the driver, on the connection of a pool or a transaction: knex's `raw` around it takes several times as long.
 * @returns its rows, or how many it changed
 */
export async function runStatement(db: Knex, sql: string, bindings: unknown[]): Promise<{ rows: unknown[]; changed: number }> {
  if (db.isTransaction && (db as Knex.Transaction).isCompleted()) throw new Error('the transaction has ended');
  const connection: Connection = await db.client.acquireConnection();
  try {
    const statement = prepared(connection, sql);
    return statement.reader ? { rows: statement.all(bindings), changed: 0 } : { rows: [], changed: statement.run(bindings).changes };
  } finally {
    db.client.releaseConnection(connection);
  }
}

const mostStatements = 500;

function prepared(connection: Connection, sql: string): Statement {
  connection.statements ??= new Map();
  const known = connection.statements.get(sql);
  if (known) return known;
  if (connection.statements.size >= mostStatements) connection.statements.clear();
  const statement = connection.prepare(sql);
  connection.statements.set(sql, statement);
  return statement;
}

type Connection = Connected & { statements?: Map<string, Statement> };
interface Query {
  sql: string;
  bindings: unknown[];
  response: unknown;
  context?: unknown;
}

/** WAL, every commit on the disk before it is told, one connection: SQLite has one writer. */
export function sqliteConfig(file: string): Knex.Config {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  return {
    client: Client as unknown as typeof Knex.Client,
    connection: { filename: file },
    useNullAsDefault: true,
    compileSqlOnError: false,
    pool: {
      min: 1,
      max: 1,
      afterCreate: (connection: Connection, done: (error: unknown, connection: Connection) => void) => {
        connection.pragma('busy_timeout = 10000');
        connection.pragma('journal_mode = WAL');
        connection.pragma('synchronous = FULL');
        connection.pragma('foreign_keys = ON');
        // What is deleted or overwritten is nowhere in the file any more.
        connection.pragma('secure_delete = ON');
        done(null, connection);
      },
    },
  };
}

/**
 * Holds a lock that the kernel lets go when the process ends, however it ends: an exclusive transaction on a file beside the database.
 * @returns the release, or undefined where another process holds it after `wait` milliseconds
 */
export function holdLock(file: string, wait: number): (() => void) | undefined {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const lock = new Database(file, { timeout: wait });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return undefined;
    throw error;
  }
  return () => lock.close();
}
