import type { Knex } from 'knex';

/** The quarterly report: costs, incidents, what the CA saw of its own status services, notices by the day, and reports as they were closed. */
export async function up(db: Knex): Promise<void> {
  // The serial that the order named: orders are deleted, the report is asked for later.
  await db.raw('alter table certificates add column replaces varchar(64)');
  await db.raw('update certificates set replaces = (select replaces from orders where orders.serial = certificates.serial)');

  await db.schema.createTable('ledger', t => {
    t.string('id', 64).primary();
    t.string('date', 10).notNullable();
    t.string('category', 40).notNullable();
    // Minor units of the currency.
    t.bigInteger('amount').notNullable();
    t.string('currency', 3).notNullable();
    t.string('per', 16).notNullable();
    t.text('note').notNullable();
    // Entries are never edited: another one takes the first back, once.
    t.string('reverses', 64).unique().references('ledger.id');
    t.string('who', 80).notNullable();
    t.bigInteger('created_at').notNullable();
    t.index('date');
    t.index(['created_at', 'id']);
  });

  await db.schema.createTable('incidents', t => {
    t.string('id', 64).primary();
    t.bigInteger('at').notNullable();
    t.string('severity', 16).notNullable();
    t.text('what').notNullable();
    t.string('who', 80).notNullable();
    t.bigInteger('created_at').notNullable();
    t.index(['at', 'id']);
  });

  // JSON as it was closed; the hash is over its bytes.
  await db.schema.createTable('reports', t => {
    t.string('quarter', 7).primary();
    t.text('report').notNullable();
    t.string('sha256', 64).notNullable();
    t.bigInteger('closed_at').notNullable();
  });

  // By the hour, or the day: few rows.
  await db.schema.createTable('status_observations', t => {
    t.bigInteger('hour').notNullable();
    t.string('service', 16).notNullable();
    t.integer('asked').notNullable();
    t.integer('answered').notNullable();
    t.bigInteger('last_at').notNullable();
    t.text('last_failure');
    t.primary(['hour', 'service']);
  });
  await db.schema.createTable('notice_counts', t => {
    t.bigInteger('day').notNullable();
    t.string('kind', 32).notNullable();
    t.string('outcome', 16).notNullable();
    t.bigInteger('notices').notNullable();
    t.primary(['day', 'kind', 'outcome']);
  });

  // Who is a member, and which proofs stand, is told by few records among many.
  await db.raw(
    "create index audit_standing on audit (at, id) where action in ('member.added', 'member.activated', 'member.left', 'domain.revoked')",
  );
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop index audit_standing');
  for (const table of ['notice_counts', 'status_observations', 'reports', 'incidents', 'ledger']) await db.schema.dropTable(table);
  await db.raw('alter table certificates drop column replaces');
}
