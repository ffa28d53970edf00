import type { IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { printable } from '../model/printable.ts';
import { Problem } from '../model/problem.ts';
import type { Dial } from './connection.ts';
import { stopped, within } from './deadline.ts';
import { describe } from './error-words.ts';
import type { Limits } from './limits.ts';
import type { HttpReply, Network } from './network.ts';
import { send } from './send.ts';
import { handshake } from './tls.ts';

export interface Ports {
  http: number;
  https: number;
}

/** What a request came to: where it leads on, or the reply. */
type Outcome = { location: string } | { reply: Omit<HttpReply, 'address' | 'url'> };

const redirectStatuses = [301, 302, 303, 307, 308];

/** RFC 8555 §8.3. */
export function createGet(dial: Dial, ports: Ports, limits: Limits['http']): Network['get'] {
  return ({ name, path }, outer) =>
    within(limits.deadline, outer, async signal => {
      let url = target(`http://${name}:${ports.http}${path}`, undefined, ports);
      const visited = new Set<string>();
      for (;;) {
        visited.add(url.href);
        const { outcome, address } = await visit(url);
        if ('reply' in outcome) return { ...outcome.reply, address, url: url.href };
        url = target(outcome.location, url, ports);
        if (visited.has(url.href)) throw new Problem('connection', `${printable(url.href)} redirects in a circle.`);
        if (visited.size > limits.redirects)
          throw new Problem('connection', `${printable(name)} redirects more than ${limits.redirects} times.`);
      }

      async function visit(url: URL): Promise<{ outcome: Outcome; address: string }> {
        const port = portOf(url, ports);
        const { socket, address } = await dial(url.hostname, port, signal);
        try {
          const peer = { name: url.hostname, address, port, alpn: ['http/1.1'], signal };
          const stream = url.protocol === 'https:' ? await handshake(socket, peer) : socket;
          return { outcome: await exchange(stream, url, { address, limits, signal }), address };
        } finally {
          socket.destroy();
        }
      }
    });
}

/** The only URLs that validation asks for; never with a fragment, always with our port. @throws Problem `connection` */
function target(location: string, base: URL | undefined, ports: Ports): URL {
  const from = base ? `${printable(base.href)} redirects to ` : '';
  const refuse = (why: string) => new Problem('connection', `${from}${printable(location)}: ${why}.`);
  if (!URL.canParse(location, base?.href)) throw refuse('not a URL');
  const url = new URL(location, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('neither http nor https');
  if (url.username || url.password) throw refuse('a URL with credentials is not followed');
  url.hostname = url.hostname.replace(/\.$/, '');
  if (isIP(url.hostname.replace(/^\[|\]$/g, ''))) throw refuse('an IP address, where a domain name is due');
  if (!/^[a-z0-9_.-]{1,253}$/.test(url.hostname)) throw refuse('its host is not a domain name');
  const port = portOf(url, ports);
  if (url.port && Number(url.port) !== port) throw refuse(`only port ${port} is asked by ${url.protocol.slice(0, -1)}`);
  url.port = String(port);
  url.hash = '';
  return url;
}

const portOf = (url: URL, ports: Ports) => (url.protocol === 'https:' ? ports.https : ports.http);

interface Surroundings {
  address: string;
  limits: Limits['http'];
  signal: AbortSignal;
}

const headers = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'xmpp-ca (ACME validation)' };

async function exchange(socket: Socket, url: URL, { address, limits, signal }: Surroundings): Promise<Outcome> {
  try {
    const message = await send(socket, url, { method: 'GET', headers }, limits.headers);
    const status = message.statusCode ?? 0;
    const { location } = message.headers;
    if (redirectStatuses.includes(status) && location !== undefined) return { location };
    return { reply: { status, headers: plainHeaders(message), body: await readBody(message, limits.body) } };
  } catch (error) {
    const why = stopped(signal) ?? describe(error);
    throw new Problem('connection', `${printable(url.href)} (${address}): ${why}.`, { cause: error });
  }
}

/** The first `cap` bytes; the rest is never read. */
async function readBody(message: IncomingMessage, cap: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= cap) break;
  }
  return new Uint8Array(Buffer.concat(chunks).subarray(0, cap));
}

function plainHeaders(message: IncomingMessage): HttpReply['headers'] {
  return Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}
