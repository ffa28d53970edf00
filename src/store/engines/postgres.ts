import type { Knex } from 'knex';
import pg from 'pg';

const int8 = 20;

/** int8 as a number: our integers are seconds and counts, far below 2^53. */
const types = {
  getTypeParser: (oid: number, format?: string) => (oid === int8 ? Number : pg.types.getTypeParser(oid, format as 'text')),
};

/** A process that was frozen in the middle of a transaction holds its locks no longer; milliseconds. */
const idleInTransaction = 30_000;

export function postgresConfig(url: string): Knex.Config {
  return {
    client: 'pg',
    connection: {
      connectionString: url,
      types,
      application_name: 'xmpp-ca',
      idle_in_transaction_session_timeout: idleInTransaction,
    },
    compileSqlOnError: false,
    acquireConnectionTimeout: 10_000,
    pool: { min: 0, max: 10 },
  };
}
