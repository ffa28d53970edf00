import type { Knex } from 'knex';

/** What was answered under an Idempotency-Key; NULL while it is being worked on. */
export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('idempotent_answers', t => {
    t.string('token_id', 64).notNullable();
    t.string('key', 255).notNullable();
    t.binary('request_hash').notNullable();
    t.binary('answer');
    t.bigInteger('created_at').notNullable();
    t.primary(['token_id', 'key']);
    t.index('created_at');
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists('idempotent_answers');
}
