import type { Knex } from 'knex';

/** Notices of what ends soon, and what is cleaned up when it has ended. */
export async function up(db: Knex): Promise<void> {
  // The days before the end of which the member has been told, the last of them.
  await db.raw('alter table certificates add column expiry_noticed integer');
  await db.raw('alter table domain_proofs add column lapse_noticed integer');
  await db.raw('create index orders_ending on orders (expires_at)');
  await db.raw('create index authorizations_ending on authorizations (expires_at)');
}

export async function down(db: Knex): Promise<void> {
  for (const index of ['authorizations_ending', 'orders_ending']) await db.raw(`drop index ${index}`);
  await db.raw('alter table domain_proofs drop column lapse_noticed');
  await db.raw('alter table certificates drop column expiry_noticed');
}
