import type { Knex } from 'knex';

/** Webhooks and what goes to them; the events of the audit log are found by an index of their own. */
export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('webhooks', t => {
    t.string('id', 32).primary();
    t.text('url').notNullable();
    t.text('description');
    t.text('events').notNullable();
    t.binary('secret').notNullable();
    t.binary('old_secret');
    t.bigInteger('old_until');
    t.bigInteger('created_at').notNullable();
    t.bigInteger('disabled_at');
    t.text('disabled_why');
    t.bigInteger('log_cursor').notNullable();
    t.integer('failures').notNullable().defaultTo(0);
    t.bigInteger('next_at').notNullable();
    t.bigInteger('failing_since');
    t.bigInteger('claim_until').notNullable().defaultTo(0);
    t.bigInteger('claim_fence').notNullable().defaultTo(0);
  });
  await db.schema.createTable('webhook_deliveries', t => {
    t.string('id', 100).primary();
    t.string('webhook_id', 32).notNullable();
    t.string('type', 64).notNullable();
    t.bigInteger('event_index').notNullable();
    t.integer('log_id');
    t.string('state', 16).notNullable();
    t.integer('attempts').notNullable().defaultTo(0);
    t.bigInteger('created_at').notNullable();
    t.bigInteger('next_at').notNullable();
    t.bigInteger('sent_at');
    t.text('last_error');
    t.index(['webhook_id', 'created_at', 'id']);
  });
  await db.raw("create index webhook_deliveries_queued on webhook_deliveries (webhook_id, event_index, id) where state = 'queued'");
  await db.raw("create index webhook_deliveries_spent on webhook_deliveries (created_at) where state <> 'queued'");
  await db.raw("create index webhook_deliveries_dead on webhook_deliveries (webhook_id) where state = 'dead'");
  await db.raw(
    `create index audit_events on audit (log_index) where action in ('authority.created', 'issuer.created', 'issuer.revoked', 'member.added',
      'member.suspended', 'member.activated', 'member.left', 'domain.proved', 'domain.revoked', 'credential.issued', 'certificate.issued',
      'certificate.abandoned', 'certificate.revoked')`,
  );
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop index audit_events');
  for (const table of ['webhook_deliveries', 'webhooks']) await db.schema.dropTable(table);
}
