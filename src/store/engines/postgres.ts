import type { Knex } from 'knex';
import pg from 'pg';

const int8 = 20;

/** int8 as a number: our integers are seconds and counts, far below 2^53. */
const types = {
  getTypeParser: (oid: number, format?: string) => (oid === int8 ? Number : pg.types.getTypeParser(oid, format as 'text')),
};

export function postgresConfig(url: string): Knex.Config {
  return {
    client: 'pg',
    connection: { connectionString: url, types, application_name: 'xmpp-ca' },
    compileSqlOnError: false,
    acquireConnectionTimeout: 10_000,
    pool: { min: 0, max: 10 },
  };
}
