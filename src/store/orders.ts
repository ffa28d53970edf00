import type { Knex } from 'knex';
import type { Certificate } from '../model/certificate.ts';
import { type Order, type OrderState, orderMoves } from '../model/order.ts';
import type { ProblemDocument } from '../model/problem.ts';
import { type Db, present } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, selectRow, selectRows, updateRows } from './rows.ts';

interface OrderRow {
  id: string;
  account_id: string;
  profile: string;
  names: string;
  authorization_ids: string;
  state: OrderState;
  not_before: number | null;
  not_after: number | null;
  expires_at: number;
  created_at: number;
  error: string | null;
  csr_hash: Uint8Array | null;
  serial: string | null;
  replaces: string | null;
  replaces_cert_id: string | null;
}

function fromRow(r: OrderRow): Order {
  return {
    id: r.id,
    accountId: r.account_id,
    profile: r.profile,
    names: JSON.parse(r.names),
    authorizationIds: JSON.parse(r.authorization_ids),
    state: r.state,
    expiresAt: r.expires_at,
    createdAt: r.created_at,
    ...present({
      notBefore: r.not_before,
      notAfter: r.not_after,
      error: r.error === null ? null : (JSON.parse(r.error) as ProblemDocument),
      csrHash: r.csr_hash,
      serial: r.serial,
      replaces: r.replaces === null ? null : { serial: r.replaces, certId: r.replaces_cert_id ?? '' },
    }),
  };
}

export async function insertOrder(db: Db, order: Order): Promise<void> {
  await insertRows(db, 'orders', {
    id: order.id,
    account_id: order.accountId,
    profile: order.profile,
    names: JSON.stringify(order.names),
    authorization_ids: JSON.stringify(order.authorizationIds),
    state: order.state,
    not_before: order.notBefore,
    not_after: order.notAfter,
    expires_at: order.expiresAt,
    ends_at: order.expiresAt,
    created_at: order.createdAt,
    replaces: order.replaces?.serial,
    replaces_cert_id: order.replaces?.certId,
  });
}

export async function findOrder(db: Db, id: string): Promise<Order | undefined> {
  const r = await selectRow<OrderRow>(db, 'orders', { id });
  return r && fromRow(r);
}

/** What stands in the way of another that would replace the same certificate: all but those that are invalid; some may have become so by the clock. */
export async function ordersReplacing(db: Db, serial: string): Promise<Order[]> {
  return (await selectRows<OrderRow>(db, 'orders', { replaces: serial })).map(fromRow).filter(o => o.state !== 'invalid');
}

/** In the order of the ids. */
export async function findOrders(db: Db, ids: readonly string[]): Promise<Order[]> {
  const found = new Map((await db('orders').whereIn('id', ids)).map(r => [r.id as string, fromRow(r)]));
  return ids.flatMap(id => found.get(id) ?? []);
}

interface OrderChange {
  error?: ProblemDocument;
  csrHash?: Uint8Array;
  /** The order is kept for as long as this. */
  certificate?: Pick<Certificate, 'serial' | 'notAfter'>;
}

/** Compare-and-swap along the table of moves. @returns whether it moved */
export async function moveOrder(db: Db, id: string, from: OrderState, to: OrderState, change: OrderChange = {}): Promise<boolean> {
  if (!orderMoves[from].includes(to)) throw new Error(`an order does not move from ${from} to ${to}`);
  const { csrHash, certificate } = change;
  const error = change.error && JSON.stringify(change.error);
  const end = certificate && db.raw('case when expires_at > ? then expires_at else ? end', [certificate.notAfter, certificate.notAfter]);
  const values = { state: to, error, csr_hash: csrHash, serial: certificate?.serial, ends_at: end };
  return (await updateRows(db, 'orders', { id, state: from }, values)) === 1;
}

export interface OrderFilter {
  accountId?: string | undefined;
  memberId?: string | undefined;
  /** As stored; an open one that has expired is invalid. */
  state?: OrderState | undefined;
}

/** Orders, newest first. */
export async function listOrders(db: Db, { accountId, memberId, state }: OrderFilter, now: number, page: Page): Promise<Order[]> {
  const query = db('orders');
  if (accountId !== undefined) query.where({ account_id: accountId });
  if (memberId !== undefined) query.whereIn('account_id', db('accounts').where({ member_id: memberId }).select('id'));
  const expired = (q: Knex.QueryBuilder) => q.where({ state: 'open' }).where('expires_at', '<=', now);
  if (state === 'invalid') query.where(q => q.where({ state }).orWhere(expired));
  else if (state !== undefined) query.where({ state });
  if (state === 'open') query.where('expires_at', '>', now);
  return (await inPages(query, page, { newestFirst: true })).map(fromRow);
}

/** Ids of an account's orders that are not invalid, newest first, after a cursor (RFC 8555 §7.1.2.1). */
export async function listOrderIds(
  db: Db,
  accountId: string,
  now: number,
  limit: number,
  after?: { createdAt: number; id: string },
): Promise<{ id: string; createdAt: number }[]> {
  const query = db('orders')
    .where({ account_id: accountId })
    .whereNot({ state: 'invalid' })
    .where(q => q.whereNot({ state: 'open' }).orWhere('expires_at', '>', now))
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit)
    .select('id', 'created_at');
  if (after) {
    const { createdAt, id } = after;
    query.where(q => q.where('created_at', '<', createdAt).orWhere(same => same.where('created_at', createdAt).where('id', '<', id)));
  }
  return (await query).map(r => ({ id: r.id, createdAt: r.created_at }));
}
