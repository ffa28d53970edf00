import { Problem } from '../../src/model/problem.ts';
import type { CaaProperty, MxRecord, Network, Post } from '../../src/net/network.ts';

/** A Network in memory. Names are keys as they are asked, in lower case; what is absent is an empty answer, a 404 or no connection. */
export interface FakeNetwork extends Network {
  dns: { txt: Map<string, string[]>; caa: Map<string, CaaProperty[]>; mx: Map<string, MxRecord[]> };
  /** By `http://name/path`. */
  pages: Map<string, string>;
  /** By URL: what answers a POST, with a status. */
  hooks: Map<string, (request: Post) => number | Promise<number>>;
  /** What every hook sends besides. */
  retryAfter?: string;
  peers: Map<string, { alpn: string | undefined; certificate: Uint8Array }>;
  /** By what is asked: `txt:name`, `caa:name`, `mx:name`, `get:name`, `post:url`, `tls:name`. They come first. */
  failures: Map<string, Problem>;
  /** Everything asked so far, as the keys of `failures`. */
  asked: string[];
  /** Awaited before each answer. */
  delay?: (() => Promise<void>) | undefined;
}

const address = '192.0.2.1';

export function fakeNetwork(): FakeNetwork {
  const ask = async (what: string, signal: AbortSignal | undefined) => {
    fake.asked.push(what);
    await fake.delay?.();
    if (signal?.aborted) throw new Problem('connection', `${what}: the check was cancelled.`);
    const failure = fake.failures.get(what);
    if (failure) throw failure;
  };
  const fake: FakeNetwork = {
    dns: { txt: new Map(), caa: new Map(), mx: new Map() },
    pages: new Map(),
    hooks: new Map(),
    peers: new Map(),
    failures: new Map(),
    asked: [],
    async txt(name, signal) {
      await ask(`txt:${name}`, signal);
      return fake.dns.txt.get(name) ?? [];
    },
    async caa(name, signal) {
      await ask(`caa:${name}`, signal);
      return fake.dns.caa.get(name) ?? [];
    },
    async mx(name, signal) {
      await ask(`mx:${name}`, signal);
      return fake.dns.mx.get(name) ?? [];
    },
    async get({ name, path }, signal) {
      await ask(`get:${name}`, signal);
      const url = `http://${name}${path}`;
      const page = fake.pages.get(url);
      return { status: page === undefined ? 404 : 200, headers: {}, body: new TextEncoder().encode(page ?? ''), address, url };
    },
    async post(request, signal) {
      await ask(`post:${request.url}`, signal);
      const hook = fake.hooks.get(request.url);
      if (!hook) throw new Problem('connection', `Cannot connect to ${request.url}: ${address}: the connection was refused.`);
      const status = await hook(request);
      return { status, address, ...(fake.retryAfter !== undefined && { retryAfter: fake.retryAfter }) };
    },
    async tls(name, _alpn, signal) {
      await ask(`tls:${name}`, signal);
      const peer = fake.peers.get(name);
      if (!peer) throw new Problem('connection', `Cannot connect to ${name} on port 443: ${address}: the connection was refused.`);
      return { ...peer, address };
    },
  };
  return fake;
}
