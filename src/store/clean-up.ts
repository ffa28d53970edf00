import type { Db } from './open.ts';
import { rowsOf } from './rows.ts';

/** What may go: SQL that names ids of a table, with how many times `before` is bound. Orders go with their certificates, what they point to goes with them. */
const spent = {
  orders: [
    `select id from orders where expires_at < ? and not exists
     (select 1 from certificates where certificates.serial = orders.serial and certificates.not_after >= ?)`,
    2,
  ],
  challenges: [
    'select challenges.id from challenges join authorizations on authorizations.id = challenges.authorization_id where authorizations.expires_at < ?',
    1,
  ],
  authorizations: [
    'select id from authorizations where expires_at < ? and not exists (select 1 from challenges where challenges.authorization_id = authorizations.id)',
    1,
  ],
  outbox: ["select id from outbox where state <> 'queued' and created_at < ?", 1],
  domain_proofs: ["select id from domain_proofs where status = 'pending' and expires_at < ?", 1],
  credentials: ['select id from credentials where not_after < ?', 1],
} as const satisfies Record<string, readonly [sql: string, times: number]>;

/** In this order: challenges point to authorizations. */
export const spentTables = Object.keys(spent) as (keyof typeof spent)[];

/** Deletes up to `limit` rows of a table that ended before then. @returns how many */
export async function deleteSpent(db: Db, table: keyof typeof spent, before: number, limit: number): Promise<number> {
  const [sql, times] = spent[table];
  const rows = await rowsOf(db, `delete from ${table} where id in (${sql} limit ?) returning id`, [
    ...Array<number>(times).fill(before),
    limit,
  ]);
  return rows.length;
}
