import type { Knex } from 'knex';

/** The audit log becomes a Merkle tree whose checkpoints are signed; what is personal in it is encrypted, and can be erased. */
export async function up(db: Knex): Promise<void> {
  const binary = db.client.dialect === 'postgresql' ? 'bytea' : 'blob';
  await db.raw("alter table audit add column outcome varchar(16) not null default 'done'");
  // The hash stays when what it is of has been erased.
  await db.raw(`alter table audit add column personal ${binary}`);
  await db.raw(`alter table audit add column personal_hash ${binary}`);
  // NULL until the record is sealed.
  await db.raw('alter table audit add column log_index bigint');
  await db.raw(`alter table audit add column salt ${binary}`);
  await db.raw(`alter table audit add column record_hash ${binary}`);
  // Nothing was released that kept addresses in the clear.
  await db.raw('alter table audit drop column address');
  await db.raw('create unique index audit_log_index on audit (log_index) where log_index is not null');
  await db.raw('create index audit_unsealed on audit (id) where log_index is null');
  await db.raw('create index audit_at on audit (at, id)');

  // The log has another identity after each loss of what it had published.
  await db.schema.createTable('logs', t => {
    t.increments('id');
    t.string('origin', 255).notNullable().unique();
    t.binary('public_key').notNullable();
    t.binary('key').notNullable();
    t.bigInteger('began_at').notNullable();
    t.bigInteger('began_size').notNullable();
  });
  await db.schema.createTable('log_tiles', t => {
    t.integer('level').notNullable();
    t.bigInteger('tile_index').notNullable();
    t.binary('hashes').notNullable();
    t.primary(['level', 'tile_index']);
  });
  await db.schema.createTable('checkpoints', t => {
    t.integer('log_id').notNullable();
    t.bigInteger('size').notNullable();
    t.bigInteger('at').notNullable();
    t.text('note').notNullable();
    t.primary(['log_id', 'size']);
  });
}

export async function down(db: Knex): Promise<void> {
  for (const table of ['checkpoints', 'log_tiles', 'logs']) await db.schema.dropTable(table);
  for (const index of ['audit_at', 'audit_unsealed', 'audit_log_index']) await db.raw(`drop index ${index}`);
  for (const column of ['record_hash', 'salt', 'log_index', 'personal_hash', 'personal', 'outcome'])
    await db.raw(`alter table audit drop column ${column}`);
  await db.raw('alter table audit add column address varchar(64)');
}
