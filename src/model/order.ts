import type { Authorization } from './authorization.ts';
import { authorizationStatus } from './authorization.ts';
import type { ProblemDocument } from './problem.ts';
import { seconds } from './seconds.ts';

/** Only finalization's outcome is stored; `open` is what `pending` and `ready` are derived from. */
export const orderStates = ['open', 'processing', 'valid', 'invalid'] as const;
export type OrderState = (typeof orderStates)[number];
export type OrderStatus = 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';

export const orderMoves: Record<OrderState, readonly OrderState[]> = {
  open: ['processing', 'invalid'],
  processing: ['valid', 'invalid'],
  valid: [],
  invalid: [],
};

/** Seconds. */
export const orderLifetime = seconds.week;

export interface Order {
  id: string;
  accountId: string;
  profile: string;
  /** As ordered: with `*.` where a name stands for all below it. */
  names: string[];
  authorizationIds: string[];
  state: OrderState;
  notBefore?: number;
  notAfter?: number;
  expiresAt: number;
  createdAt: number;
  error?: ProblemDocument;
  /** SHA-256 of the CSR that finalized it. */
  csrHash?: Uint8Array;
  /** Serial of the certificate. */
  serial?: string;
  /** The certificate that this order is to replace (RFC 9773 §5), and how the client named it. */
  replaces?: { serial: string; certId: string };
}

/** RFC 8555 §7.1.6, from the stored state, the authorizations and the clock. */
export function orderStatus(order: Order, authorizations: Authorization[], now: number): OrderStatus {
  if (order.state !== 'open') return order.state;
  if (order.expiresAt <= now) return 'invalid';
  const statuses = authorizations.map(a => authorizationStatus(a, now));
  if (statuses.some(s => s !== 'pending' && s !== 'valid')) return 'invalid';
  return statuses.every(s => s === 'valid') ? 'ready' : 'pending';
}
