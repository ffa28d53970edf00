import type { ChallengeTypeName } from './challenge.ts';
import { seconds } from './seconds.ts';

export const authorizationStatuses = ['pending', 'valid', 'invalid', 'deactivated', 'revoked'] as const;
export type StoredAuthorizationStatus = (typeof authorizationStatuses)[number];
export type AuthorizationStatus = StoredAuthorizationStatus | 'expired';

/** RFC 8555 §7.1.6. */
export const authorizationMoves: Record<StoredAuthorizationStatus, readonly StoredAuthorizationStatus[]> = {
  pending: ['valid', 'invalid', 'deactivated'],
  valid: ['deactivated', 'revoked'],
  invalid: [],
  deactivated: [],
  revoked: [],
};

export const authorizationLifetime = { pending: seconds.week, valid: 30 * seconds.day } as const;

export interface Authorization {
  id: string;
  accountId: string;
  /** The dns name, without `*.`. */
  name: string;
  wildcard: boolean;
  status: StoredAuthorizationStatus;
  expiresAt: number;
  createdAt: number;
  /** The domain proof it was made from. */
  proofId?: string;
  /** How it became valid: what CAA's `validationmethods` is compared with (RFC 8657 §4). */
  method?: ChallengeTypeName;
}

/** What a client is told at this time. */
export function authorizationStatus(authorization: Authorization, now: number): AuthorizationStatus {
  const { status, expiresAt } = authorization;
  return (status === 'valid' || status === 'pending') && expiresAt <= now ? 'expired' : status;
}
