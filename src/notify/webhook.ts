import { createHmac } from 'node:crypto';
import { base64 } from '../model/encoding.ts';
import { Problem } from '../model/problem.ts';
import type { Network } from '../net/network.ts';

/*
 * Standard Webhooks (standardwebhooks.com): how machines are told.
 */

/** What is told; `id` is the same at each attempt. */
export interface Hook {
  id: string;
  type: string;
  /** RFC 3339. */
  timestamp: string;
  data: object;
}

export interface Receiver {
  url: string;
  /** Each signs, the newest first. */
  secrets: readonly Uint8Array[];
}

/** What came of it: taken (2xx); `gone` for good (410); `refused`, this one; or nothing is taken now, whatever it is, nor for so many seconds. */
export type Outcome = { took: 'taken' } | { took: 'gone' | 'refused' | 'nothing'; why: string; pause?: number };

/** As it is shown, once. */
export const shownSecret = (secret: Uint8Array): string => `whsec_${base64(secret)}`;

/** Seconds since the epoch, when it is sent: receivers refuse what is too old. */
export function signatures(secrets: readonly Uint8Array[], id: string, timestamp: number, body: string): string {
  return secrets.map(secret => `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`).join(' ');
}

/** 429, and what a proxy says while nobody is behind it. */
const notNow = [429, 502, 503, 504];

/** One attempt. @throws only what the signal's abortion throws */
export async function sendHook(
  net: Network,
  { url, secrets }: Receiver,
  { id, ...payload }: Hook,
  { now, roots, signal }: { now: number; roots: readonly string[]; signal: AbortSignal },
): Promise<Outcome> {
  const body = JSON.stringify(payload);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'xmpp-ca (webhook)',
    'content-length': String(Buffer.byteLength(body)),
    'webhook-id': id,
    'webhook-timestamp': String(now),
    'webhook-signature': signatures(secrets, id, now, body),
  };
  try {
    const { status, retryAfter } = await net.post({ url, headers, body: Buffer.from(body), roots }, signal);
    if (status >= 200 && status < 300) return { took: 'taken' };
    const why = `the answer was ${status}`;
    if (status === 410) return { took: 'gone', why };
    return notNow.includes(status) ? { took: 'nothing', why, ...pauseOf(retryAfter, now) } : { took: 'refused', why };
  } catch (error) {
    if (!(error instanceof Problem) || signal.aborted) throw error;
    return { took: 'nothing', why: error.detail };
  }
}

/** Retry-After: seconds, or a date (RFC 9110 §10.2.3). */
function pauseOf(text = '', now: number): { pause?: number } {
  const pause = /^\d{1,9}$/.test(text) ? Number(text) : Math.ceil(Date.parse(text) / 1000) - now;
  return pause > 0 ? { pause } : {};
}
