import { seconds } from './seconds.ts';

/** What the outbox can hold: kind of message, and the ids from which its text is made at delivery. */
export interface MessageRefs {
  /** A code for an email-mailbox-01 challenge. */
  'challenge-code': { challengeId: string; mailbox: string };
  /** Tells the other listed mailboxes that a code went out, without the code. */
  'challenge-notice': { challengeId: string; mailbox: string };
  /** A code for a proof begun by an operator or member. */
  'proof-code': { proofId: string; mailbox: string };
  issued: { serial: string };
  /** All of one member that one act has revoked. */
  revoked: { memberId: string; serials: string[] };
  /** Nothing has replaced it so far. */
  expiring: { serial: string };
  /** A fresh code went to `mailbox`, where it could. */
  'proof-lapsing': { proofId: string; mailbox: string };
  'account-added': { accountId: string };
  /** Somebody else asked for a domain that this member holds, or the reverse. */
  contested: { memberId: string; domain: string; role: 'holder' | 'asker' };
}
export type MessageKind = keyof MessageRefs;

export type OutboxState = 'queued' | 'sent' | 'dead';

export type Message = {
  [K in MessageKind]: {
    id: string;
    kind: K;
    refs: MessageRefs[K];
    state: OutboxState;
    attempts: number;
    createdAt: number;
    nextAt: number;
    sentAt?: number;
    lastError?: string;
    fence: number;
    /** MessagePersonal, encrypted; gone when it was sent or given up. */
    personal?: Uint8Array;
  };
}[MessageKind];

/** What the text says of the person behind a request. */
export interface MessagePersonal {
  address: string;
}

export type NewMessage = { [K in MessageKind]: { kind: K; refs: MessageRefs[K] } }[MessageKind];

/** Seconds until the next attempt after `attempts` failures: half a minute, doubled each time, six hours at most. */
export function retryPause(attempts: number): number {
  return Math.min(30 * 2 ** Math.max(0, attempts - 1), 6 * seconds.hour);
}

/** After so many failures a message is dead and waits for an operator (about two days). */
export const maxAttempts = 16;

/** The ways to people. */
export const channelNames = ['mail'] as const;
export type ChannelName = (typeof channelNames)[number];
