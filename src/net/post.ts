import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { printable } from '../model/printable.ts';
import { Problem } from '../model/problem.ts';
import { refusal } from './addresses.ts';
import type { Dial } from './connection.ts';
import { stopped, within } from './deadline.ts';
import { describe } from './error-words.ts';
import type { Limits } from './limits.ts';
import type { Network } from './network.ts';
import { send } from './send.ts';
import { handshake } from './tls.ts';

/** Why a URL is none that we send to, or undefined. `closed`: in a network where private addresses and plain HTTP are allowed. */
export function whyNoTarget(text: string, closed: boolean): string | undefined {
  if (!URL.canParse(text)) return 'cannot be read';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(closed && url.protocol === 'http:')) return 'is not an https URL';
  if (url.username || url.password) return 'has credentials: a webhook is known by its signature';
  if (url.hash) return 'has a fragment';
  const host = hostOf(url);
  const special = isIP(host) && !closed ? refusal(host) : undefined;
  return special === undefined ? undefined : `is at an address that is ${special}: not a public address`;
}

/** To the very address that was checked, with no redirect followed and nothing of the answer read but its status and when to come back. */
export function createPost(
  dial: Dial,
  closed: boolean,
  trust: (roots: readonly string[]) => SecureContext,
  limits: Pick<Limits, 'http' | 'post'>,
): Network['post'] {
  return ({ url: text, headers, body, roots }, outer) =>
    within(limits.post.deadline, outer, async signal => {
      const wrong = whyNoTarget(text, closed);
      if (wrong !== undefined) throw new Problem('connection', `The URL ${wrong}.`);
      const url = new URL(text);
      const name = hostOf(url);
      const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
      const { socket, address } = await dial(name, port, signal);
      try {
        const peer = { name, address, port, alpn: ['http/1.1'], signal, trust: trust(roots) };
        const stream = url.protocol === 'https:' ? await handshake(socket, peer) : socket;
        const { statusCode = 0, headers: answered } = await send(stream, url, { method: 'POST', headers, body }, limits.http.headers).catch(
          error => {
            throw new Problem('connection', `${printable(url.origin)} (${address}): ${stopped(signal) ?? describe(error)}.`, {
              cause: error,
            });
          },
        );
        const retryAfter = answered['retry-after'];
        return { status: statusCode, address, ...(retryAfter !== undefined && { retryAfter }) };
      } finally {
        socket.destroy();
      }
    });
}

const hostOf = (url: URL) => url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
