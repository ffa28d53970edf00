import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';

export interface Sent {
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: Uint8Array;
}

/** One request over a connection that stands, up to the head of the answer. */
export function send(socket: Socket, url: URL, { method, headers, body }: Sent, maxHeaderSize: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // createConnection without an agent: the request cannot leave the socket whose address was checked, and asks to close it.
    const req = request({
      createConnection: () => socket,
      method,
      path: url.pathname + url.search,
      headers: { host: url.host, ...headers },
      setHost: false,
      maxHeaderSize,
    });
    req.on('error', reject);
    req.on('close', () => reject(Object.assign(new Error('no response'), { code: 'ECONNRESET' })));
    req.on('response', resolve);
    req.end(body);
  });
}
