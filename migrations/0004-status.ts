import type { Knex } from 'knex';

/** CRLs by shard, whose entries are read in the order of their serials, page by page; issuing CAs that come and go. */
export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable('certificates', t => {
    // 0: the certificate names the complete CRL of its issuer.
    t.integer('shard').notNullable().defaultTo(0);
  });
  await db.raw('drop index certificates_gone');
  await db.raw('create index certificates_revoked on certificates (issuer_id, serial) where revoked_at is not null');
  await db.raw('create index certificates_revoked_shard on certificates (issuer_id, shard, serial) where revoked_at is not null');

  await db.schema.alterTable('issuers', t => {
    // What the root's CRL lists.
    t.bigInteger('revoked_at');
    t.string('revocation_reason', 32);
  });

  // How many revocations a shard has had: what issuers.revocations is to the complete CRL.
  await db.schema.createTable('crl_shards', t => {
    t.string('issuer_id', 64).notNullable();
    t.integer('shard').notNullable();
    t.integer('revocations').notNullable();
    t.primary(['issuer_id', 'shard']);
  });

  // Every CRL so far is complete.
  await remake(db, t => t.integer('shard').notNullable(), ['issuer_id', 'shard', 'number'], 'issuer_id, 0');
}

export async function down(db: Knex): Promise<void> {
  await db('crls').where('shard', '>', 0).delete();
  await remake(db, () => {}, ['issuer_id', 'number'], 'issuer_id');
  await db.schema.dropTable('crl_shards');
  for (const index of ['certificates_revoked_shard', 'certificates_revoked']) await db.raw(`drop index ${index}`);
  await db.schema.alterTable('issuers', t => t.dropColumns('revoked_at', 'revocation_reason'));
  await db.schema.alterTable('certificates', t => t.dropColumn('shard'));
  await db.raw('create index certificates_gone on certificates (issuer_id, revoked_at) where revoked_at is not null');
}

/** SQLite cannot give a table another primary key. */
async function remake(db: Knex, more: (t: Knex.CreateTableBuilder) => void, key: string[], scope: string): Promise<void> {
  await db.schema.renameTable('crls', 'crls_before');
  await db.schema.createTable('crls', t => {
    t.string('issuer_id', 64).notNullable();
    more(t);
    t.bigInteger('number').notNullable();
    t.integer('revocations').notNullable();
    t.bigInteger('this_update').notNullable();
    t.bigInteger('next_update').notNullable();
    // Last: SQLite would read through it to what stands behind it.
    t.binary('der').notNullable();
    t.primary(key, `crls_by_${key.join('_')}`);
  });
  const columns = 'number, revocations, this_update, next_update, der';
  const into = key.includes('shard') ? 'issuer_id, shard' : 'issuer_id';
  await db.raw(`insert into crls (${into}, ${columns}) select ${scope}, ${columns} from crls_before`);
  await db.schema.dropTable('crls_before');
}
