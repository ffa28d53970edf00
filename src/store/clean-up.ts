import type { Db } from './open.ts';
import { rowsOf } from './rows.ts';

/** What may go: SQL that names ids of a table that ended before a bound time. Orders go with their certificates, what they point to goes with them. */
const spent = {
  orders: 'select id from orders where ends_at < ?',
  challenges:
    'select challenges.id from challenges join authorizations on authorizations.id = challenges.authorization_id where authorizations.expires_at < ?',
  authorizations:
    'select id from authorizations where expires_at < ? and not exists (select 1 from challenges where challenges.authorization_id = authorizations.id)',
  outbox: "select id from outbox where state <> 'queued' and created_at < ?",
  webhook_deliveries: "select id from webhook_deliveries where state <> 'queued' and created_at < ?",
  domain_proofs: "select id from domain_proofs where status = 'pending' and expires_at < ?",
  credentials: 'select id from credentials where not_after < ?',
} as const;

/** In this order: challenges point to authorizations. */
export const spentTables = Object.keys(spent) as (keyof typeof spent)[];

/** Deletes up to `limit` rows of a table that ended before then. @returns how many */
export async function deleteSpent(db: Db, table: keyof typeof spent, before: number, limit: number): Promise<number> {
  const rows = await rowsOf(db, `delete from ${table} where id in (${spent[table]} limit ?) returning id`, [before, limit]);
  return rows.length;
}
