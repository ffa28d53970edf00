import { seconds } from './seconds.ts';

/** The profiles that an order can have; the first is the default. */
export const profileNames = ['xmpp-server', 'xmpp-server-addr', 'xmpp-server-short'] as const;
export type ProfileName = (typeof profileNames)[number];

/** Seconds that a notBefore may lie back, for clocks that are slow. */
export const backdate = seconds.hour;

/** RFC 5280 §5.3.1: name to number. `removeFromCRL` (8) is for delta CRLs, which we do not publish. */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;
export type RevocationReason = keyof typeof revocationReasons;

/** What a subscriber may say of its own certificate; the others are the authority's. */
export const subscriberReasons: readonly RevocationReason[] = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
];

/** What an operator may say: hold is never used (a certificate that was revoked stays revoked). */
export const operatorReasons: readonly RevocationReason[] = [...subscriberReasons, 'privilegeWithdrawn'];

/** Of an issuing CA, by its root. */
export const issuerReasons: readonly RevocationReason[] = [
  'unspecified',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
];

export function reasonName(number: number): RevocationReason | undefined {
  return (Object.keys(revocationReasons) as RevocationReason[]).find(name => revocationReasons[name] === number);
}

/** A reason by RFC 5280's name, in any case, or by its number. */
export function parseReason(text: string): RevocationReason | undefined {
  if (/^\d+$/.test(text)) return reasonName(Number(text));
  return (Object.keys(revocationReasons) as RevocationReason[]).find(name => name.toLowerCase() === text.toLowerCase());
}

/** Epoch seconds, start before end. */
export interface RenewalWindow {
  start: number;
  end: number;
}

export interface MovedWindow extends RenewalWindow {
  /** URL of a page that says why. */
  explanation?: string;
}

/**
 * `committed`: serial and bytes are known, nothing may be signed but them. `issued`: signed. `abandoned`: never left the house;
 * status services treat it as revoked.
 */
export const certificateStates = ['committed', 'issued', 'abandoned'] as const;
export type CertificateState = (typeof certificateStates)[number];

export const certificateMoves: Record<CertificateState, readonly CertificateState[]> = {
  committed: ['issued', 'abandoned'],
  issued: [],
  abandoned: [],
};

export interface Revocation {
  at: number;
  reason: RevocationReason;
  /** Who: `account:<id>`, `key`, `operator`. */
  by: string;
}

export interface Certificate {
  /** Lowercase hex of the serial number's value, no leading zero octets: 32 digits. */
  serial: string;
  issuerId: string;
  /** Of the issuer's CRLs the one that it names; 0: the complete one. */
  shard: number;
  orderId?: string;
  /** The serial of the certificate that its order named as the one to be replaced (RFC 9773 §5). */
  replaces?: string;
  accountId?: string;
  memberId?: string;
  profile: string;
  names: string[];
  state: CertificateState;
  notBefore: number;
  notAfter: number;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  spkiHash: Uint8Array;
  tbs: Uint8Array;
  /** Over the row, under a key outside the database: nobody who can write the database can have bytes signed. */
  mac: Uint8Array;
  der?: Uint8Array;
  committedAt: number;
  revocation?: Revocation;
  /** Where an operator has moved the window of its renewal. */
  movedWindow?: MovedWindow;
}

/** A serial as people write it (hex, any case, colons, leading zeros) in the stored form; undefined where it is none. */
export function parseSerial(text: string): string | undefined {
  const digits = text.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{1,64}$/.test(digits)) return undefined;
  const value = digits.replace(/^0+(?=.)/, '');
  return value.length % 2 ? `0${value}` : value;
}

export const certificateStatuses = [...certificateStates, 'revoked', 'expired'] as const;
export type CertificateStatus = (typeof certificateStatuses)[number];

/** As people ask for it; what was revoked before it expired stays revoked. */
export function certificateStatus({ state, revocation, notAfter }: Certificate, now: number): CertificateStatus {
  if (state !== 'issued') return state;
  if (revocation) return 'revoked';
  return notAfter < now ? 'expired' : state;
}
