import { eventTypes } from './event.ts';
import { seconds } from './seconds.ts';

/** What a webhook can be told: the events, and what the log signs, so that a rollback of the database shows. */
export const webhookEvents = [...eventTypes, 'log.checkpoint'] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

/** `member.*`, …: every event of a kind, also those that later versions know. */
export const eventFamilies = [...new Set(webhookEvents.map(type => `${type.split('.')[0]}.*`))];

/** Whether one of these, types or families, has the type. */
export const covers = (events: readonly string[], type: string): boolean =>
  events.some(event => event === type || (event.endsWith('.*') && type.startsWith(event.slice(0, -1))));

/** Whom events are sent to. Secrets are encrypted here. */
export interface Webhook {
  id: string;
  url: string;
  description?: string;
  events: string[];
  secret: Uint8Array;
  /** Signs too until then: receivers have a day to take the new one up. */
  oldSecret?: { secret: Uint8Array; until: number };
  createdAt: number;
  /** Nothing is sent since then. */
  disabled?: { at: number; why: string };
  /** The last place in the log from which deliveries were made. */
  cursor: number;
  /** Attempts in a row that had no answer; nothing is sent before `nextAt`. */
  failures: number;
  nextAt: number;
  /** Nothing was taken since then. */
  failingSince?: number;
  fence: number;
}

export const deliveryStates = ['queued', 'sent', 'dead'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** One event on its way to one webhook. */
export interface Delivery {
  /** The `webhook-id`: the same at each attempt, so that the receiver knows what it has. */
  id: string;
  webhookId: string;
  type: WebhookEvent;
  /** Of the record in the log; of a checkpoint: of the last record that it covers. */
  index: number;
  /** Whose checkpoint. */
  logId?: number;
  state: DeliveryState;
  attempts: number;
  /** Attempts at which this one was refused, and not all that goes there. */
  refusals: number;
  createdAt: number;
  nextAt: number;
  sentAt?: number;
  lastError?: string;
}

/** Seconds that an old secret still signs. */
export const oldSecretLife = seconds.day;

/** Seconds that a receiver may ask to be left alone for, at most. */
export const longestPause = seconds.day;

/** Seconds after which a webhook that takes nothing is disabled. */
export const failingLife = 5 * seconds.day;
