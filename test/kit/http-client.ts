import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import supertest from 'supertest';
import type { Answer, Json } from './acme-client.ts';

/** HTTP to a listener, by supertest. An answer is given as it came: bytes, whatever its type, and no redirect is followed. */
export interface HttpClient {
  send(method: string, path: string, headers?: Record<string, string>, body?: string | Uint8Array): Promise<Answer>;
  get(path: string): Promise<Answer>;
  close(): void;
}

type Method = 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete' | 'options';

/** @param address its origin @param root PEM of the root that its certificate comes from */
export function httpClient(address: string, root?: string): HttpClient {
  const agent = address.startsWith('https:') ? new HttpsAgent({ keepAlive: true, ca: root }) : new HttpAgent({ keepAlive: true });
  const send: HttpClient['send'] = async (method, path, headers = {}, body) => {
    const asked = supertest(address)
      [method.toLowerCase() as Method](path)
      .agent(agent)
      .redirects(0)
      .ok(() => true)
      .buffer(true)
      .parse(bytes)
      .set({ 'Accept-Encoding': 'identity', ...headers });
    const res = await (body === undefined ? asked : asked.serialize(asIs).send(typeof body === 'string' ? body : Buffer.from(body)));
    const received = Buffer.isBuffer(res.body) ? res.body : Buffer.alloc(0);
    return { status: res.status, headers: res.headers, body: received, json: parse(received) };
  };
  return { send, get: path => send('GET', path), close: () => agent.destroy() };
}

const asIs = (body: string): string => body;

function bytes(res: supertest.Response, done: (error: Error | null, body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  const stream = res as unknown as NodeJS.ReadableStream;
  stream.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
  stream.on('end', () => done(null, Buffer.concat(chunks)));
}

function parse(body: Buffer): Json {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
