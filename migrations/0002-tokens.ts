import type { Knex } from 'knex';

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('tokens', t => {
    t.string('id', 64).primary();
    t.binary('secret_hash').notNullable().unique();
    t.text('label');
    t.text('scopes').notNullable();
    t.bigInteger('created_at').notNullable();
    t.bigInteger('expires_at');
    t.bigInteger('revoked_at');
    t.bigInteger('last_used_at');
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists('tokens');
}
