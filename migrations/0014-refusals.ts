import type { Knex } from 'knex';

/** How often a delivery was refused is counted apart from attempts at which nobody took anything. */
export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable('webhook_deliveries', t => {
    t.integer('refusals').notNullable().defaultTo(0);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable('webhook_deliveries', t => {
    t.dropColumn('refusals');
  });
}
