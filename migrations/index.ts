import type { Knex } from 'knex';
import * as initial from './0001-initial.ts';
import * as tokens from './0002-tokens.ts';
import * as renewal from './0003-renewal.ts';
import * as status from './0004-status.ts';
import * as notices from './0005-notices.ts';
import * as listing from './0006-listing.ts';
import * as idempotency from './0007-idempotency.ts';
import * as outboxDead from './0008-outbox-dead.ts';
import * as scans from './0009-scans.ts';
import * as audit from './0010-audit.ts';
import * as report from './0011-report.ts';
import * as webhooks from './0012-webhooks.ts';
import * as privacy from './0013-privacy.ts';
import * as refusals from './0014-refusals.ts';

/** In order. The names carry no extension, so that source and compiled builds agree. */
const migrations: Record<string, Knex.Migration> = {
  '0001-initial': initial,
  '0002-tokens': tokens,
  '0003-renewal': renewal,
  '0004-status': status,
  '0005-notices': notices,
  '0006-listing': listing,
  '0007-idempotency': idempotency,
  '0008-outbox-dead': outboxDead,
  '0009-scans': scans,
  '0010-audit': audit,
  '0011-report': report,
  '0012-webhooks': webhooks,
  '0013-privacy': privacy,
  '0014-refusals': refusals,
};

export const migrationSource: Knex.MigrationSource<string> = {
  getMigrations: async () => Object.keys(migrations),
  getMigrationName: name => name,
  getMigration: async name => migrations[name] as Knex.Migration,
};
