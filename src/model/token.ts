/** What a token of the admin API may do. `admin` may do everything; whoever may change a thing may read. */
export const scopes = ['read', 'members', 'revoke', 'admin'] as const;
export type Scope = (typeof scopes)[number];

const implied: Record<Scope, readonly Scope[]> = {
  read: ['read'],
  members: ['read', 'members'],
  revoke: ['read', 'revoke'],
  admin: scopes,
};

export const allows = (granted: readonly Scope[], needed: Scope): boolean => granted.some(scope => implied[scope].includes(needed));

/** A bearer token (RFC 6750) of the admin API; its secret is stored as a hash only. */
export interface Token {
  id: string;
  /** Encrypted. */
  label?: Uint8Array;
  scopes: Scope[];
  createdAt: number;
  /** Absent: no end. */
  expiresAt?: number;
  revokedAt?: number;
  /** To the minute. */
  lastUsedAt?: number;
}

export const isLiving = ({ expiresAt, revokedAt }: Token, now: number): boolean =>
  revokedAt === undefined && (expiresAt === undefined || expiresAt > now);
