import type { Knex } from 'knex';
import * as initial from './0001-initial.ts';
import * as renewal from './0003-renewal.ts';
import * as status from './0004-status.ts';

/** In order. The names carry no extension, so that source and compiled builds agree. */
const migrations: Record<string, Knex.Migration> = {
  '0001-initial': initial,
  '0003-renewal': renewal,
  '0004-status': status,
};

export const migrationSource: Knex.MigrationSource<string> = {
  getMigrations: async () => Object.keys(migrations),
  getMigrationName: name => name,
  getMigration: async name => migrations[name] as Knex.Migration,
};
