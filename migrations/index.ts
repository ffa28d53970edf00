import type { Knex } from 'knex';
import * as initial from './0001-initial.ts';
import * as tokens from './0002-tokens.ts';
import * as listing from './0003-listing.ts';
import * as idempotency from './0004-idempotency.ts';

/** In order. The names carry no extension, so that source and compiled builds agree. */
const migrations: Record<string, Knex.Migration> = {
  '0001-initial': initial,
  '0002-tokens': tokens,
  '0003-listing': listing,
  '0004-idempotency': idempotency,
};

export const migrationSource: Knex.MigrationSource<string> = {
  getMigrations: async () => Object.keys(migrations),
  getMigrationName: name => name,
  getMigration: async name => migrations[name] as Knex.Migration,
};
