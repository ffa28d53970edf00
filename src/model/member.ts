export const memberStatuses = ['active', 'suspended', 'left'] as const;
export type MemberStatus = (typeof memberStatuses)[number];

/** An organisation or person that belongs to the federation. */
export interface Member {
  id: string;
  status: MemberStatus;
  /** What is personal, encrypted: most work needs none of it. Absent: erased. */
  personal?: Uint8Array;
  createdAt: number;
  leftAt?: number;
  erasedAt?: number;
}

export interface MemberPersonal {
  name: string;
  /** Mail addresses that operators have verified. */
  contacts: string[];
}

/** An external account binding key (RFC 8555 §7.3.4). */
export interface EabKey {
  kid: string;
  memberId: string;
  /** Encrypted. */
  label?: Uint8Array;
  /** The MAC key, encrypted. */
  secret: Uint8Array;
  /** Absent: no limit. */
  usesLeft?: number;
  expiresAt: number;
  revokedAt?: number;
  createdAt: number;
}

/** A member's own ACME directory; its secret is stored as a hash only. */
export interface MemberDirectory {
  id: string;
  memberId: string;
  profile?: string;
  /** Absent: every domain. */
  domains?: string[];
  accountsLeft?: number;
  expiresAt?: number;
  revokedAt?: number;
  createdAt: number;
}

/** An account key's thumbprint, registered before its first use, which consumes it. */
export interface RegisteredThumbprint {
  thumbprint: string;
  memberId: string;
  createdAt: number;
  usedAt?: number;
}

export type ProofStatus = 'pending' | 'valid' | 'revoked';

/** A member's proof that it controls a domain and the names below it with the same registrable domain. */
export interface DomainProof {
  id: string;
  memberId: string;
  domain: string;
  status: ProofStatus;
  mailbox: string;
  /** While pending: the code's end; then the proof's. */
  expiresAt: number;
  createdAt: number;
  validatedAt?: number;
  evidence?: Record<string, unknown>;
}
