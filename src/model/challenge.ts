import type { ProblemDocument } from './problem.ts';

export const challengeTypeNames = ['email-mailbox-01', 'http-01', 'dns-01', 'tls-alpn-01'] as const;
export type ChallengeTypeName = (typeof challengeTypeNames)[number];

/** RFC 8657 §4: the labels that `validationmethods` may carry; a method outside ACME's registry needs `ca-`. */
export const caaMethodLabels: Record<ChallengeTypeName, string> = {
  'email-mailbox-01': 'ca-email-mailbox-01',
  'http-01': 'http-01',
  'dns-01': 'dns-01',
  'tls-alpn-01': 'tls-alpn-01',
};

export const challengeStatuses = ['pending', 'processing', 'valid', 'invalid'] as const;
export type ChallengeStatus = (typeof challengeStatuses)[number];

/** RFC 8555 §7.1.6; `pending -> valid` is a challenge that is checked at once. */
export const challengeMoves: Record<ChallengeStatus, readonly ChallengeStatus[]> = {
  pending: ['processing', 'valid', 'invalid'],
  processing: ['valid', 'invalid'],
  valid: [],
  invalid: [],
};

/** What email-mailbox-01 remembers and shows. */
export interface MailboxDetail {
  mailboxes: string[];
  from: string;
  /** Mailboxes that a code was sent to, with the time of the last sending; the newest last. */
  sentTo: { mailbox: string; at: number }[];
}

export interface Challenge {
  id: string;
  authorizationId: string;
  type: ChallengeTypeName;
  /** base64url of 16 random bytes or more (RFC 8555 §8.3); for email-mailbox-01 the token's second part. */
  token: string;
  status: ChallengeStatus;
  validatedAt?: number;
  error?: ProblemDocument;
  mailbox?: MailboxDetail;
}
