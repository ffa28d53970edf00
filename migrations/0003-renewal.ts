import type { Knex } from 'knex';

/** Renewal information (RFC 9773), and the limit on certificates of the same names. */
export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable('orders', t => {
    // The serial of the certificate that the order replaces, and the certID by which the client named it.
    t.string('replaces', 64);
    t.text('replaces_cert_id');
  });
  await db.raw('create index orders_replaces on orders (replaces) where replaces is not null');

  await db.schema.alterTable('certificates', t => {
    // Where an operator has moved the window.
    t.bigInteger('window_start');
    t.bigInteger('window_end');
    t.text('window_explanation');
    // SHA-256 over the holder and the set of names.
    t.binary('names_hash');
  });
  await db.raw('create index certificates_names_hash on certificates (names_hash, committed_at) where names_hash is not null');
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop index certificates_names_hash');
  await db.raw('drop index orders_replaces');
  // knex would build an SQLite table anew for this; both engines drop columns by themselves.
  for (const column of ['window_start', 'window_end', 'window_explanation', 'names_hash'])
    await db.raw(`alter table certificates drop column ${column}`);
  for (const column of ['replaces', 'replaces_cert_id']) await db.raw(`alter table orders drop column ${column}`);
}
