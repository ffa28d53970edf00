import type { CaaRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { printable } from '../model/printable.ts';
import { Problem } from '../model/problem.ts';
import { createLimiter, type Limiter } from './concurrency.ts';
import { onAbort, stopped, within } from './deadline.ts';
import { codeOf } from './error-words.ts';
import type { Limits } from './limits.ts';
import type { CaaProperty, MxRecord, Network } from './network.ts';

export interface Dns extends Pick<Network, 'txt' | 'caa' | 'mx'> {
  /** Every IPv6 and IPv4 address of the name, in this order; never an empty list. @throws Problem `dns` */
  addresses(name: string, signal?: AbortSignal): Promise<{ ipv6: string[]; ipv4: string[] }>;
}

/** What one lookup goes through: the resolver, until when, and how much. */
interface Lookup {
  resolver: Resolver;
  signal: AbortSignal;
  limits: Limits['dns'];
  limiter: Limiter;
}

type Type = 'A' | 'AAAA' | 'TXT' | 'CAA' | 'MX' | 'CNAME';
type Ask<T> = (resolver: Resolver, name: string) => Promise<T[]>;

const askA: Ask<string> = (resolver, name) => resolver.resolve4(name);
const askAaaa: Ask<string> = (resolver, name) => resolver.resolve6(name);
const askCname: Ask<string> = (resolver, name) => resolver.resolveCname(name);

/** @param servers `host:port` of the resolvers to ask; none: the system's. @throws TypeError for one that is no IP address */
export function createDns(servers: readonly string[], limits: Limits['dns']): Dns {
  const newResolver = () => {
    const resolver = new Resolver({ timeout: limits.timeout, tries: limits.tries });
    if (servers.length) resolver.setServers(servers);
    return resolver;
  };
  newResolver();
  // More at once would overflow the socket buffers between us and the resolver, and each loss costs a retry of seconds.
  const limiter = createLimiter(limits.inFlight);
  // To make a Resolver costs more than to ask it. Cancelling ends every query of one, and c-ares keeps a cache with each, so the lookups
  // of one check share one, and no others.
  const shared = new WeakMap<AbortSignal, Resolver>();
  const resolverFor = (check: AbortSignal | undefined) => {
    const resolver = (check && shared.get(check)) ?? newResolver();
    if (check) shared.set(check, resolver);
    return resolver;
  };
  const lookup = <T>(outer: AbortSignal | undefined, work: (lookup: Lookup) => Promise<T>) =>
    within(limits.deadline, outer, async signal => {
      const resolver = resolverFor(outer);
      const forget = onAbort(signal, () => resolver.cancel());
      try {
        return await work({ resolver, signal, limits, limiter });
      } finally {
        forget();
      }
    });

  return {
    txt: (name, outer) => lookup(outer, async l => (await follow(l, name, 'TXT', (r, n) => r.resolveTxt(n))).map(parts => parts.join(''))),
    // Two or three for each name, twice for each certificate: the resolvers are recursive, and follow an alias themselves (RFC 8659 §3).
    caa: (name, outer) => lookup(outer, async l => (await ask(l, name, 'CAA', (r, n) => r.resolveCaa(n))).map(caaProperty)),
    mx: (name, outer) => lookup(outer, l => exchanges(l, name)),
    addresses: (name, outer) => lookup(outer, l => bothFamilies(l, name)),
  };
}

/** An alias could be moved to another's mailboxes: its MX set is not the owner's. */
async function exchanges(l: Lookup, name: string): Promise<MxRecord[]> {
  const records = await ask(l, name, 'MX', (r, n) => r.resolveMx(n));
  if (records.length && (await ask(l, name, 'CNAME', askCname)).length) return [];
  return records.map(({ exchange, priority }) => ({ exchange: exchange.toLowerCase().replace(/\.$/, ''), preference: priority }));
}

async function bothFamilies(l: Lookup, name: string): Promise<{ ipv6: string[]; ipv4: string[] }> {
  const [aaaa, a] = await Promise.allSettled([follow(l, name, 'AAAA', askAaaa), follow(l, name, 'A', askA)]);
  const ipv6 = aaaa.status === 'fulfilled' ? aaaa.value : [];
  const ipv4 = a.status === 'fulfilled' ? a.value : [];
  if (ipv6.length || ipv4.length) return { ipv6, ipv4 };
  for (const result of [a, aaaa]) if (result.status === 'rejected') throw result.reason;
  throw new Problem('dns', `${printable(name)} has no A or AAAA record.`);
}

/** The records at the end of a chain of CNAMEs. Most resolvers follow it themselves; some hand out the alias alone. */
async function follow<T>(l: Lookup, name: string, type: Type, how: Ask<T>): Promise<T[]> {
  const seen = new Set<string>();
  for (let owner = name; ; ) {
    const records = await ask(l, owner, type, how);
    if (records.length) return records;
    seen.add(fold(owner));
    const [target] = await ask(l, owner, 'CNAME', askCname);
    if (!target) return [];
    if (seen.has(fold(target))) throw new Problem('dns', `The CNAME records of ${printable(name)} run in a circle.`);
    if (seen.size > l.limits.cnames)
      throw new Problem('dns', `${printable(name)} has more than ${l.limits.cnames} CNAME records in a row.`);
    owner = target;
  }
}

const fold = (name: string) => name.toLowerCase().replace(/\.$/, '');

const none = ['ENOTFOUND', 'ENODATA'];

/** One query; no such name and no such record are an empty list. */
async function ask<T>(l: Lookup, name: string, type: Type, how: Ask<T>): Promise<T[]> {
  try {
    const records = await l.limiter(async () => {
      if (l.signal.aborted) throw new Error('aborted');
      return how(l.resolver, name);
    });
    if (records.length <= l.limits.records) return records;
  } catch (error) {
    const why = stopped(l.signal);
    if (why === undefined && none.includes(codeOf(error))) return [];
    throw new Problem('dns', `The ${type} lookup of ${printable(name)} failed: ${why ?? dnsWords(error)}.`, { cause: error });
  }
  throw new Problem('dns', `${printable(name)} has more than ${l.limits.records} ${type} records.`);
}

const words: Record<string, string> = {
  ESERVFAIL: 'the resolver reports a failure (SERVFAIL)',
  EREFUSED: 'the resolver refuses to answer (REFUSED)',
  ENOTIMP: 'the resolver does not know such queries (NOTIMP)',
  EFORMERR: 'the resolver calls the query malformed (FORMERR)',
  ETIMEOUT: 'the resolver did not answer in time',
  ECONNREFUSED: 'the resolver cannot be reached',
  EBADRESP: 'the answer is malformed',
  EBADNAME: 'the name is malformed',
  EBADQUERY: 'the name is malformed',
  ECANCELLED: 'another lookup of the same check had no end in time',
};

function dnsWords(error: unknown): string {
  const code = codeOf(error);
  return Object.hasOwn(words, code) ? words[code]! : `no answer (${code})`;
}

/** Node gives the flags octet as `critical` and the property under its tag; from version 24 on, the record's own `type` besides. */
function caaProperty(record: CaaRecord): CaaProperty {
  const { critical: flags, type: _, ...property } = record as unknown as Record<string, unknown>;
  const [entry, ...more] = Object.entries(property);
  // A tag of the name of one of those two has overwritten it: unknown to us, so the worst is taken for true.
  if (typeof flags !== 'number' || !entry || more.length) return { critical: true, tag: 'unreadable', value: '' };
  // RFC 8659 §4.1: bit 0, the highest; the others mean nothing.
  return { critical: (flags & 0x80) !== 0, tag: entry[0].toLowerCase(), value: String(entry[1]) };
}
