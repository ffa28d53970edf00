import type { Knex } from 'knex';

/** What a list, a CRL or the clean-up leaves out is passed over by an index. An expression stands here as it stands in the queries. */
export async function up(db: Knex): Promise<void> {
  // The end of an order or of its certificate, whichever is later.
  await db.raw('alter table orders add column ends_at bigint');
  await db.raw(`update orders set ends_at = coalesce(
    (select not_after from certificates where certificates.serial = orders.serial and certificates.not_after > orders.expires_at), expires_at)`);
  await db.raw('drop index orders_ending');
  await db.raw('create index orders_ending on orders (ends_at)');

  // By periods of 30 days in which certificates end.
  for (const index of ['certificates_revoked_shard', 'certificates_revoked']) await db.raw(`drop index ${index}`);
  for (const [index, scope] of [
    ['certificates_revoked', 'issuer_id'],
    ['certificates_revoked_shard', 'issuer_id, shard'],
  ])
    await db.raw(`create index ${index} on certificates (${scope}, (not_after / 2592000), serial) where revoked_at is not null`);

  // By kind and standing, newest first. The days lead: no query that does not name them is drawn to this index by the issuer.
  await db.raw(`create index certificates_of_kind on certificates (((not_after - committed_at) / 86400), issuer_id, profile,
    (case when state = 'issued' and revoked_at is not null then 'revoked' else state end), committed_at, serial) where order_id is not null`);
}

export async function down(db: Knex): Promise<void> {
  for (const index of ['certificates_of_kind', 'certificates_revoked_shard', 'certificates_revoked', 'orders_ending'])
    await db.raw(`drop index ${index}`);
  await db.raw('create index certificates_revoked on certificates (issuer_id, serial) where revoked_at is not null');
  await db.raw('create index certificates_revoked_shard on certificates (issuer_id, shard, serial) where revoked_at is not null');
  await db.raw('create index orders_ending on orders (expires_at)');
  await db.raw('alter table orders drop column ends_at');
}
