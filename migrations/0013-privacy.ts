import type { Knex } from 'knex';

/**
 * What is personal is encrypted. A migration has no key: what stood here in the clear is put aside, and the next start of the program encrypts it and
 * empties the table.
 */
export async function up(db: Knex): Promise<void> {
  const binary = db.client.dialect === 'postgresql' ? 'bytea' : 'blob';
  await db.schema.createTable('unsealed', t => {
    t.increments('id');
    t.string('kind', 16).notNullable();
    t.string('row_id', 64).notNullable();
    // JSON
    t.text('value').notNullable();
  });

  // NULL: it was erased.
  await db.raw(`alter table members add column personal ${binary}`);
  await db.raw('alter table members add column left_at bigint');
  await db.raw('alter table members add column erased_at bigint');
  await db.raw('alter table members add column contacts_erased_at bigint');
  await setAside(db, 'members', 'member', ['name', 'contacts'], ({ name, contacts = '[]' }) => ({ name, contacts: JSON.parse(contacts) }));
  await db.raw(`update members set left_at = coalesce(
    (select max(at) from audit where action = 'member.left' and subject = '{"member":"' || members.id || '"}'), created_at) where status = 'left'`);
  // Keyed hashes of names and addresses, by which a member is found.
  await db.schema.createTable('member_search', t => {
    t.binary('hash').notNullable();
    t.string('member_id', 64).notNullable().references('members.id');
    t.primary(['hash', 'member_id']);
    t.index('member_id');
  });

  // NULL: the account has given none, or they were erased.
  await db.raw(`alter table accounts add column personal ${binary}`);
  await db.raw('alter table accounts add column deactivated_at bigint');
  await setAside(db, 'accounts', 'account', ['contact'], ({ contact = '[]' }) => (contact === '[]' ? undefined : JSON.parse(contact)));
  await db.raw(`update accounts set deactivated_at = coalesce(
    (select retired_at from retired_keys where retired_keys.thumbprint = accounts.thumbprint), created_at) where status <> 'valid'`);
  await db.raw('create index accounts_spent on accounts (deactivated_at) where personal is not null and deactivated_at is not null');

  // Whose request a code answers: no longer among what the message refers to.
  await db.raw(`alter table outbox add column personal ${binary}`);
  for (const { id, kind, refs, state } of await db('outbox').whereIn('kind', ['challenge-code', 'challenge-notice'])) {
    const { address, ...rest } = JSON.parse(refs);
    await db('outbox')
      .where({ id })
      .update({ refs: JSON.stringify(rest) });
    if (address && kind === 'challenge-code' && state === 'queued')
      await db('unsealed').insert({ kind: 'message', row_id: id, value: JSON.stringify({ address }) });
  }

  // What operators have written of keys and tokens may name people.
  for (const [table, kind, id, column] of operatorsWords) {
    await db.raw(`alter table ${table} add column ${column}_sealed ${binary}`);
    await setAside(db, table, kind, [column], row => row[column] ?? undefined, id);
  }

  await db.raw('create index audit_personal on audit (at, id) where personal is not null');
}

const operatorsWords = [
  ['eab_keys', 'eab', 'kid', 'label'],
  ['tokens', 'token', 'id', 'label'],
  ['blocked_keys', 'blocked', 'spki_hash', 'why'],
] as const;

/** Rows whose columns go, one by one: nothing is held in memory, and they are few beside all that refers to them. */
async function setAside(
  db: Knex,
  table: string,
  kind: string,
  columns: readonly string[],
  plainOf: (row: Record<string, string>) => unknown,
  id = 'id',
): Promise<void> {
  for (let after = ''; ; ) {
    const rows = await db(table)
      .where(id, '>', after)
      .orderBy(id)
      .limit(500)
      .select(id, ...columns);
    for (const row of rows) {
      const value = plainOf(row);
      if (value !== undefined) await db('unsealed').insert({ kind, row_id: asText(row[id]), value: JSON.stringify(value) });
    }
    if (rows.length < 500) break;
    after = rows.at(-1)[id];
  }
  for (const column of columns) await db.raw(`alter table ${table} drop column ${column}`);
}

const asText = (id: unknown): string => (id instanceof Uint8Array ? Buffer.from(id).toString('hex') : String(id));

/** Back to the clear without a key: what was encrypted is lost. */
export async function down(db: Knex): Promise<void> {
  await db.raw('drop index audit_personal');
  for (const [table, , , column] of operatorsWords) {
    await db.raw(`alter table ${table} drop column ${column}_sealed`);
    await db.raw(`alter table ${table} add column ${column} text${column === 'why' ? " not null default ''" : ''}`);
  }
  await db.raw('alter table outbox drop column personal');
  await db.raw('drop index accounts_spent');
  for (const column of ['deactivated_at', 'personal']) await db.raw(`alter table accounts drop column ${column}`);
  await db.raw("alter table accounts add column contact text not null default '[]'");
  await db.schema.dropTable('member_search');
  for (const column of ['contacts_erased_at', 'erased_at', 'left_at', 'personal'])
    await db.raw(`alter table members drop column ${column}`);
  await db.raw("alter table members add column name text not null default ''");
  await db.raw("alter table members add column contacts text not null default '[]'");
  await db.schema.dropTable('unsealed');
}
