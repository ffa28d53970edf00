import type { Knex } from 'knex';

/** How many were given up is asked at every scrape. */
export async function up(db: Knex): Promise<void> {
  await db.raw("create index outbox_dead on outbox (created_at) where state = 'dead'");
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop index outbox_dead');
}
