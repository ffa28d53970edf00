import type { Knex } from 'knex';
import * as initial from './0001-initial.ts';
import * as tokens from './0002-tokens.ts';

/** In order. The names carry no extension, so that source and compiled builds agree. */
const migrations: Record<string, Knex.Migration> = {
  '0001-initial': initial,
  '0002-tokens': tokens,
};

export const migrationSource: Knex.MigrationSource<string> = {
  getMigrations: async () => Object.keys(migrations),
  getMigrationName: name => name,
  getMigration: async name => migrations[name] as Knex.Migration,
};
