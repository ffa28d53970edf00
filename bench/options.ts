import { parseArgs } from 'node:util';

export const sections = ['sqlite', 'postgres', 'pebble', 'flight', 'ocsp', 'crl', 'audit', 'million'] as const;
export type Section = (typeof sections)[number];

/** What takes minutes and gigabytes is run by name. */
const usual = sections.filter(s => s !== 'crl' && s !== 'audit' && s !== 'million');

export interface Options {
  /** Issuances that are measured, for each server. */
  n: number;
  /** Issuances before them. */
  warmup: number;
  /** Clients, each with an account and a connection of its own. */
  clients: number;
  /** Clients of the run with many in flight, and its issuances. */
  flight: { clients: number; n: number };
  /** Requests of the OCSP runs. */
  requests: number;
  /** Certificates, and audit records, in the large databases. */
  size: number;
  only: ReadonlySet<Section>;
  profile: boolean;
}

export const usage = `usage: npm run bench -- [--n 500] [--warmup 500] [--clients 4] [--quick] [--only ${sections.join('|')}]… [--profile]`;

/** @throws TypeError on words that it does not know */
export function readOptions(words: string[]): Options {
  const { values } = parseArgs({
    args: words,
    options: {
      n: { type: 'string' },
      warmup: { type: 'string' },
      clients: { type: 'string', default: '4' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      profile: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  return {
    n: readNumber('n', values.n ?? (quick ? '100' : '500')),
    warmup: readNumber('warmup', values.warmup ?? (quick ? '50' : '500'), 0),
    clients: readNumber('clients', values.clients),
    requests: quick ? 3000 : 60_000,
    size: quick ? 20_000 : 1_000_000,
    flight: { clients: 256, n: quick ? 256 : 1024 },
    only: new Set(values.only?.flatMap(list => list.split(',')).map(readSection) ?? usual),
    profile: values.profile,
  };
}

function readNumber(name: string, text: string, least = 1): number {
  if (!/^\d{1,7}$/.test(text) || Number(text) < least) throw new TypeError(`--${name} is a whole number, ${least} or more`);
  return Number(text);
}

function readSection(word: string): Section {
  const found = sections.find(s => s === word);
  if (!found) throw new TypeError(`--only is one of ${sections.join(', ')}`);
  return found;
}
