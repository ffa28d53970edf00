import type { Knex } from 'knex';

/** Times are epoch seconds, bytes are binary, lists and objects are JSON text: the same on both engines. */
export async function up(db: Knex): Promise<void> {
  const postgres = db.client.dialect === 'postgresql';
  const id = (t: Knex.CreateTableBuilder, name = 'id') => t.string(name, 64).primary();
  const at = (t: Knex.CreateTableBuilder, name: string) => t.bigInteger(name);

  await db.schema.createTable('settings', t => {
    id(t, 'name');
    t.text('value').notNullable();
  });

  await db.schema.createTable('issuers', t => {
    id(t);
    t.string('kind', 16).notNullable();
    t.binary('certificate').notNullable();
    t.binary('key');
    t.integer('active').notNullable();
    // Grows with each revocation, in its transaction: a CRL that was made at a lower number is out of date.
    t.integer('revocations').notNullable().defaultTo(0);
    at(t, 'created_at').notNullable();
  });

  await db.schema.createTable('credentials', t => {
    id(t);
    t.string('purpose', 16).notNullable();
    t.string('holder', 255).notNullable();
    t.string('issuer_id', 64).notNullable();
    t.binary('certificate').notNullable();
    t.binary('key').notNullable();
    at(t, 'not_before').notNullable();
    at(t, 'not_after').notNullable();
    t.index(['purpose', 'holder', 'not_after']);
  });

  await db.schema.createTable('members', t => {
    id(t);
    t.text('name').notNullable();
    t.string('status', 16).notNullable();
    t.text('contacts').notNullable();
    at(t, 'created_at').notNullable();
  });

  await db.schema.createTable('eab_keys', t => {
    id(t, 'kid');
    t.string('member_id', 64).notNullable().references('members.id');
    t.text('label');
    t.binary('secret').notNullable();
    t.integer('uses_left');
    at(t, 'expires_at').notNullable();
    at(t, 'revoked_at');
    at(t, 'created_at').notNullable();
    t.index('member_id');
  });

  await db.schema.createTable('directories', t => {
    id(t);
    t.binary('secret_hash').notNullable().unique();
    t.string('member_id', 64).notNullable().references('members.id');
    t.string('profile', 64);
    t.text('domains');
    t.integer('accounts_left');
    at(t, 'expires_at');
    at(t, 'revoked_at');
    at(t, 'created_at').notNullable();
    t.index('member_id');
  });

  await db.schema.createTable('thumbprints', t => {
    id(t, 'thumbprint');
    t.string('member_id', 64).notNullable().references('members.id');
    at(t, 'created_at').notNullable();
    at(t, 'used_at');
  });

  await db.schema.createTable('accounts', t => {
    id(t);
    t.string('member_id', 64).references('members.id');
    t.string('door', 16).notNullable();
    t.string('door_id', 64);
    t.text('jwk').notNullable();
    t.string('thumbprint', 64).notNullable().unique();
    t.string('status', 16).notNullable();
    t.text('contact').notNullable();
    t.text('terms_agreed');
    t.text('external_account_binding');
    at(t, 'created_at').notNullable();
    t.index('member_id');
    t.index('door_id');
  });

  // A key once replaced or deactivated is never accepted again.
  await db.schema.createTable('retired_keys', t => {
    id(t, 'thumbprint');
    t.string('account_id', 64).notNullable();
    at(t, 'retired_at').notNullable();
  });

  await db.schema.createTable('domain_proofs', t => {
    id(t);
    t.string('member_id', 64).notNullable().references('members.id');
    t.string('domain', 255).notNullable();
    t.string('registrable', 255).notNullable();
    t.string('status', 16).notNullable();
    t.text('mailbox').notNullable();
    at(t, 'expires_at').notNullable();
    at(t, 'created_at').notNullable();
    at(t, 'validated_at');
    t.text('evidence');
    t.index(['member_id', 'domain']);
    t.index('registrable');
  });

  await db.schema.createTable('orders', t => {
    id(t);
    t.string('account_id', 64).notNullable().references('accounts.id');
    t.string('profile', 64).notNullable();
    t.text('names').notNullable();
    t.text('authorization_ids').notNullable();
    t.string('state', 16).notNullable();
    at(t, 'not_before');
    at(t, 'not_after');
    at(t, 'expires_at').notNullable();
    at(t, 'created_at').notNullable();
    t.text('error');
    t.binary('csr_hash');
    t.string('serial', 64);
    t.index(['account_id', 'created_at', 'id']);
  });

  await db.schema.createTable('authorizations', t => {
    id(t);
    t.string('account_id', 64).notNullable().references('accounts.id');
    t.string('name', 255).notNullable();
    t.integer('wildcard').notNullable();
    t.string('status', 16).notNullable();
    at(t, 'expires_at').notNullable();
    at(t, 'created_at').notNullable();
    t.string('proof_id', 64);
    t.string('method', 32);
    t.index(['account_id', 'name', 'status']);
    t.index('proof_id');
  });

  await db.schema.createTable('challenges', t => {
    id(t);
    t.string('authorization_id', 64).notNullable().references('authorizations.id');
    t.string('type', 32).notNullable();
    t.string('token', 64).notNullable();
    t.string('status', 16).notNullable();
    at(t, 'validated_at');
    t.text('error');
    t.text('mailbox');
    at(t, 'claim_until').notNullable().defaultTo(0);
    t.integer('claim_fence').notNullable().defaultTo(0);
    t.index('authorization_id');
  });
  await db.raw("create index challenges_processing on challenges (claim_until) where status = 'processing'");

  await db.schema.createTable('certificates', t => {
    id(t, 'serial');
    t.string('issuer_id', 64).notNullable();
    t.string('order_id', 64).unique();
    t.string('account_id', 64);
    t.string('member_id', 64);
    t.string('profile', 64).notNullable();
    t.text('names').notNullable();
    t.string('state', 16).notNullable();
    at(t, 'not_before').notNullable();
    at(t, 'not_after').notNullable();
    t.binary('spki_hash').notNullable();
    t.binary('tbs').notNullable();
    t.binary('mac').notNullable();
    t.binary('der');
    at(t, 'committed_at').notNullable();
    at(t, 'claim_until').notNullable().defaultTo(0);
    t.integer('claim_fence').notNullable().defaultTo(0);
    at(t, 'revoked_at');
    t.string('revocation_reason', 32);
    t.string('revoked_by', 80);
    t.index(['member_id', 'committed_at']);
    t.index('account_id');
    t.index('spki_hash');
  });
  await db.raw("create index certificates_committed on certificates (claim_until) where state = 'committed'");
  await db.raw('create index certificates_gone on certificates (issuer_id, revoked_at) where revoked_at is not null');

  await db.schema.createTable('certificate_names', t => {
    t.string('name', 255).notNullable();
    t.string('serial', 64).notNullable();
    t.string('registrable', 255).notNullable();
    t.primary(['name', 'serial']);
    t.index('registrable');
  });

  await db.schema.createTable('blocked_keys', t => {
    t.binary('spki_hash').primary();
    t.text('why').notNullable();
    at(t, 'blocked_at').notNullable();
  });

  await db.schema.createTable('crls', t => {
    t.string('issuer_id', 64).notNullable();
    t.bigInteger('number').notNullable();
    t.binary('der').notNullable();
    t.integer('revocations').notNullable().defaultTo(0);
    at(t, 'this_update').notNullable();
    at(t, 'next_update').notNullable();
    t.primary(['issuer_id', 'number']);
  });

  await db.schema.createTable('outbox', t => {
    id(t);
    t.string('kind', 32).notNullable();
    t.text('refs').notNullable();
    t.string('member_id', 64);
    t.string('domain', 255);
    t.string('state', 16).notNullable();
    t.integer('attempts').notNullable();
    at(t, 'created_at').notNullable();
    at(t, 'next_at').notNullable();
    at(t, 'sent_at');
    t.text('last_error');
    at(t, 'claim_until').notNullable().defaultTo(0);
    t.integer('claim_fence').notNullable().defaultTo(0);
    t.index(['domain', 'created_at']);
    t.index(['member_id', 'created_at']);
  });
  await db.raw("create index outbox_queued on outbox (next_at) where state = 'queued'");

  await db.schema.createTable('audit', t => {
    t.bigIncrements('id');
    at(t, 'at').notNullable();
    t.string('action', 48).notNullable();
    t.string('who', 80).notNullable();
    t.string('door', 16).notNullable();
    t.string('address', 64);
    t.text('subject').notNullable();
    t.text('detail');
  });

  await db.schema.createTable('leases', t => {
    id(t, 'name');
    t.string('holder', 64).notNullable();
    t.integer('fence').notNullable();
    at(t, 'until').notNullable();
  });

  // Key and used set of the nonces vanish together after a crash of the database: no durable write for a nonce.
  // On SQLite both live in the memory of the one server process.
  if (postgres) {
    await db.raw('create unlogged table nonce_keys (id integer primary key, key bytea not null)');
    await db.raw('create unlogged table used_nonces (nonce text primary key, used_at bigint not null)');
    await db.raw('create index used_nonces_at on used_nonces (used_at)');
  }
}

export async function down(db: Knex): Promise<void> {
  const tables = [
    'leases',
    'audit',
    'outbox',
    'crls',
    'blocked_keys',
    'certificate_names',
    'certificates',
    'challenges',
    'authorizations',
    'orders',
    'domain_proofs',
    'retired_keys',
    'accounts',
    'thumbprints',
    'directories',
    'eab_keys',
    'members',
    'credentials',
    'issuers',
    'settings',
    'nonce_keys',
    'used_nonces',
  ];
  for (const table of tables) await db.schema.dropTableIfExists(table);
}
