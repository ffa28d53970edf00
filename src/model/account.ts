/** The public JWK of an account (RFC 7517), only the members that its kind needs. */
export type Jwk =
  | { kty: 'EC'; crv: string; x: string; y: string }
  | { kty: 'RSA'; e: string; n: string }
  | { kty: 'OKP'; crv: string; x: string };

export type AccountStatus = 'valid' | 'deactivated' | 'revoked';

/** How an account came to its member, for good: closing a door can deactivate what came through it. */
export const doors = ['eab', 'directory', 'thumbprint', 'open'] as const;
export type Door = (typeof doors)[number];

export interface Account {
  id: string;
  /** Absent only where the policy admits accounts of no member. */
  memberId?: string;
  door: Door;
  /** The EAB kid, directory id or thumbprint that bound it. */
  doorId?: string;
  jwk: Jwk;
  /** RFC 7638, base64url. */
  thumbprint: string;
  status: AccountStatus;
  /** The mailto URLs of its contact, encrypted. Absent: none were given, or they were erased. */
  contact?: Uint8Array;
  /** The terms-of-service URL that was agreed to. */
  termsAgreed?: string;
  /** The EAB object as it was sent, shown in the account (RFC 8555 §7.1.2). */
  externalAccountBinding?: Record<string, unknown>;
  createdAt: number;
}
