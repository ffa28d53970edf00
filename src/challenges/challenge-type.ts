import type { Challenge, MailboxDetail } from '../model/challenge.ts';
import type { DnsName } from '../model/identifier.ts';
import type { Network } from '../net/network.ts';

/** What was seen, for the audit log. */
export type Evidence = Record<string, unknown>;

/** The next state of a challenge that a client has answered. */
export type Answer =
  /** `check` goes out in the background. */
  | { next: 'processing' }
  /** The answer itself was the proof. */
  | { next: 'valid'; evidence: Evidence }
  /** It stays pending; a code goes to this mailbox. */
  | { next: 'pending'; mailbox: string };

export interface AnswerContext {
  /** RFC 7638, of the account's key. */
  thumbprint: string;
  /** Epoch seconds. */
  now: number;
  /** The code that was mailed to this mailbox for this challenge; more than one where a key was changed since. */
  codesFor(mailbox: string): string[];
}

export interface Task {
  name: string;
  token: string;
  /** RFC 7638, of the account's key. */
  thumbprint: string;
}

export interface MailSettings {
  /** Local parts. */
  mailboxes: readonly string[];
  from: string;
}

/** A challenge type: no database, and no network but the one handed in. */
export interface ChallengeType {
  /** Whether it can prove this name at all. */
  proves(name: DnsName): boolean;
  /** What the challenge shows from its beginning; undefined where it cannot be offered. Absent: nothing to prepare. */
  prepare?(net: Network, name: string, settings: MailSettings, signal?: AbortSignal): Promise<MailboxDetail | undefined>;
  /** @throws Problem */
  respond(challenge: Challenge, payload: Record<string, unknown>, context: AnswerContext): Answer;
  /** Absent where `respond` decides. @throws Problem with what was wrong */
  check?(net: Network, task: Task, signal?: AbortSignal): Promise<Evidence>;
}

/** RFC 8555 §8.1. */
export const keyAuthorization = ({ token, thumbprint }: Pick<Task, 'token' | 'thumbprint'>): string => `${token}.${thumbprint}`;
