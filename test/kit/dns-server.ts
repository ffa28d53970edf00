import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Answer, type CaaData, decode, encode, type Packet } from 'dns-packet';

/** What a name has, by type. */
export interface Answers {
  A: string;
  AAAA: string;
  CNAME: string;
  /** One string, or the parts of one record. */
  TXT: string | string[];
  MX: { exchange: string; preference: number };
  CAA: { flags?: number; tag: string; value: string };
}

export type DnsType = keyof Answers;

const rcodes = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
export type Rcode = keyof typeof rcodes;

type Source<T extends DnsType> = Answers[T][] | (() => Answers[T][]);

export interface DnsServer {
  /** `host:port`, for `validation.resolvers`. */
  address: string;
  /** All records of a name and type; a function gives each query its own. */
  set<T extends DnsType>(name: string, type: T, answers: Source<T>): void;
  /** Every query for the name, or those of one type, gets this response code. */
  fail(name: string, rcode: Rcode, type?: DnsType): void;
  /** Gives no answer at all. */
  drop(name: string, type?: DnsType): void;
  /** Forgets all records, failures and queries. */
  clear(): void;
  /** What a name gets that has no record at all; `{}` at first: NXDOMAIN. */
  fallback: { [T in DnsType]?: Answers[T][] };
  /** Whether CNAMEs are followed, as a recursive resolver does. True at first. */
  chase: boolean;
  /** Every query so far; names in lower case. */
  queries: { name: string; type: string }[];
  close(): Promise<void>;
}

type Behaviour = Rcode | 'drop';

/** A DNS server on the loopback, over UDP and TCP on one port. */
export async function startDns(): Promise<DnsServer> {
  const records = new Map<string, Map<string, Source<DnsType>>>();
  const behaviours = new Map<string, Behaviour>();
  const sockets = new Set<Socket>();
  const key = (name: string, type = '*') => `${name.toLowerCase()} ${type}`;

  const respond = (query: Packet): Packet | undefined => {
    const question = query.questions?.[0];
    if (!question) return undefined;
    const name = question.name.toLowerCase();
    server.queries.push({ name, type: question.type });
    const behaviour = behaviours.get(key(name, question.type)) ?? behaviours.get(key(name));
    if (behaviour === 'drop') return undefined;
    const answers = behaviour ? [] : find(name, question.type);
    const rcode = behaviour ? rcodes[behaviour] : known(name) ? 0 : rcodes.NXDOMAIN;
    // 0x0180: recursion desired and available.
    return { id: query.id ?? 0, type: 'response', flags: 0x0180 | rcode, questions: [question], answers };
  };

  const known = (name: string) => records.has(name) || Object.keys(server.fallback).length > 0;

  const lookUp = (name: string, type: string): Answers[DnsType][] => {
    if (!records.has(name)) return server.fallback[type as DnsType] ?? [];
    const source = records.get(name)?.get(type) ?? [];
    return typeof source === 'function' ? source() : source;
  };

  const find = (name: string, type: string, hops = 0): Answer[] => {
    const exact = lookUp(name, type).map(data => answer(name, type as DnsType, data));
    const [alias] = exact.length || type === 'CNAME' ? [] : lookUp(name, 'CNAME');
    if (typeof alias !== 'string') return exact;
    const rest = server.chase && hops < 20 ? find(alias.toLowerCase(), type, hops + 1) : [];
    return [answer(name, 'CNAME', alias), ...rest];
  };

  const udp = createSocket('udp4');
  udp.on('message', (message, peer) => {
    const query = decode(message);
    const response = respond(query);
    if (!response) return;
    const bytes = encode(response);
    // 0x0200: truncated; the client asks again over TCP.
    const fits = bytes.length <= 512;
    udp.send(fits ? bytes : encode({ ...response, flags: (response.flags ?? 0) | 0x0200, answers: [] }), peer.port, peer.address);
  });

  const tcp = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    let buffer = Buffer.alloc(0);
    socket.on('data', chunk => {
      buffer = Buffer.concat([buffer, chunk]);
      while (buffer.length >= 2 && buffer.length >= 2 + buffer.readUInt16BE(0)) {
        const end = 2 + buffer.readUInt16BE(0);
        const response = respond(decode(buffer.subarray(2, end)));
        buffer = buffer.subarray(end);
        if (response) socket.write(framed(encode(response)));
      }
    });
  });

  const server: DnsServer = {
    address: '',
    fallback: {},
    chase: true,
    queries: [],
    set(name, type, answers) {
      const owner = name.toLowerCase();
      const types = records.get(owner) ?? new Map<string, Source<DnsType>>();
      records.set(owner, types.set(type, answers as Source<DnsType>));
    },
    fail: (name, rcode, type) => void behaviours.set(key(name, type), rcode),
    drop: (name, type) => void behaviours.set(key(name, type), 'drop'),
    clear() {
      records.clear();
      behaviours.clear();
      server.queries.length = 0;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([new Promise<void>(resolve => udp.close(() => resolve())), new Promise(resolve => tcp.close(resolve))]);
    },
  };
  server.address = `127.0.0.1:${await bindBoth(udp, tcp)}`;
  return server;
}

/** One port that is free for both protocols. */
async function bindBoth(udp: ReturnType<typeof createSocket>, tcp: Server): Promise<number> {
  for (;;) {
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    const failed = once(udp, 'error').then(() => true);
    failed.catch(() => {});
    udp.bind(port, '127.0.0.1');
    const bound = new Promise<boolean>(resolve => udp.once('listening', () => resolve(false)));
    if (!(await Promise.race([failed, bound]))) return port;
    await new Promise(resolve => tcp.close(resolve));
  }
}

function framed(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function answer(name: string, type: DnsType, data: Answers[DnsType]): Answer {
  const common = { name, ttl: 0, class: 'IN' as const };
  if (type === 'TXT') return { ...common, type, data: [data].flat() as string[] };
  if (type === 'MX') return { ...common, type, data: data as Answers['MX'] };
  if (type === 'CAA') return { ...common, type, data: { ...(data as Answers['CAA']) } as CaaData };
  return { ...common, type, data: data as string };
}
