import type { Knex } from 'knex';

/** Long lists are read page by page in this order. */
export async function up(db: Knex): Promise<void> {
  await db.raw('create index certificates_listed on certificates (committed_at, serial) where order_id is not null');
  await db.raw('create index certificates_ending on certificates (not_after)');
  await db.raw('create index orders_listed on orders (created_at, id)');
}

export async function down(db: Knex): Promise<void> {
  for (const index of ['orders_listed', 'certificates_ending', 'certificates_listed']) await db.raw(`drop index ${index}`);
}
