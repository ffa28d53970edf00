import { z } from 'zod';
import type { Ctx } from '../ctx.ts';
import type { Authorization } from '../model/authorization.ts';
import { rfc3339 } from '../model/encoding.ts';
import { type Order, orderStates, orderStatus } from '../model/order.ts';
import { findAuthorizations } from '../store/authorizations.ts';
import { findOrder, listOrders } from '../store/orders.ts';
import { byCreation, listing } from './listing.ts';
import { found, memberId, operation, time } from './operation.ts';

export const orderShown = z.object({
  id: z.string(),
  accountId: z.string(),
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  names: z.array(z.string()),
  profile: z.string(),
  serial: z.string().optional(),
  error: z.string().optional(),
  expires: time,
  createdAt: time,
});

/** What is pending, ready or invalid is derived from the authorizations. */
export async function showOrders(ctx: Ctx, orders: Order[]): Promise<z.input<typeof orderShown>[]> {
  const now = ctx.now();
  const ids = [...new Set(orders.filter(o => o.state === 'open').flatMap(o => o.authorizationIds))];
  const authorizations = new Map<string, Authorization>();
  // No statement takes any number of values.
  for (let i = 0; i < ids.length; i += 1000)
    for (const found of await findAuthorizations(ctx.db, ids.slice(i, i + 1000))) authorizations.set(found.id, found);
  return orders.map(order => ({
    id: order.id,
    accountId: order.accountId,
    status: orderStatus(
      order,
      order.authorizationIds.flatMap(id => authorizations.get(id) ?? []),
      now,
    ),
    names: order.names,
    profile: order.profile,
    ...(order.serial !== undefined && { serial: order.serial }),
    ...(order.error && { error: order.error.detail }),
    expires: rfc3339(order.expiresAt),
    createdAt: rfc3339(order.createdAt),
  }));
}

export const orderOperations = [
  listing({
    name: 'order list',
    summary: 'orders, newest first',
    scope: 'read',
    http: { method: 'get', path: '/orders' },
    input: z.object({
      account: z.string().optional().describe('of this account only'),
      member: memberId.optional().describe('of the accounts of this member only'),
      state: z.enum(orderStates).optional().describe('in this state only; open: pending or ready'),
    }),
    item: orderShown,
    read: (ctx, { account, member, state }, page) => listOrders(ctx.db, { accountId: account, memberId: member, state }, ctx.now(), page),
    show: showOrders,
    at: byCreation,
  }),
  operation({
    name: 'order show',
    summary: 'one order',
    scope: 'read',
    http: { method: 'get', path: '/orders/{id}' },
    positional: ['id'],
    input: z.object({ id: z.string() }),
    output: orderShown,
    async run(ctx, { id }) {
      const [order] = await showOrders(ctx, [found(await findOrder(ctx.db, id), `order ${id}`)]);
      return order as z.input<typeof orderShown>;
    },
  }),
];
