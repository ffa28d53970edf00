import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { groupBy } from '../src/model/group-by.ts';

/** The house's rules on who may import what: read off the sources themselves. */

const root = fileURLToPath(new URL('..', import.meta.url));

/** Rooms by rank: a file imports only from rooms of a lower rank, or from its own. Rooms of one rank do not know each other. */
const ranks: Record<string, number> = {
  model: 0,
  shipped: 0,
  files: 0,
  config: 1,
  vault: 2,
  pki: 2,
  net: 2,
  html: 2,
  tlog: 2,
  store: 3,
  challenges: 3,
  notify: 3,
  metrics: 2,
  ctx: 4,
  background: 5,
  ca: 5,
  operations: 6,
  http: 7,
  jobs: 7,
  listener: 8,
  app: 9,
  cli: 10,
  main: 11,
};

interface Source {
  /** Relative to the repository. */
  path: string;
  text: string;
  imports: string[];
}

function sources(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(f => /\.tsx?$/.test(f) && !f.endsWith('.d.ts'))
    .map(f => {
      const path = join(folder, f);
      const text = readFileSync(join(root, path), 'utf8');
      const imports = [...text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'|^import '([^']+)'/gm)].map(m => m[1] ?? m[2] ?? '');
      return { path, text, imports };
    });
}

/** The rooms of `ca`, from the ground up: a file imports only from a room before its own. */
const caRooms = ['', 'sealed', 'audit', 'mail', 'authority', 'domains', 'events', 'revocation', 'issuance', 'members', 'report'];

const room = (path: string): string => path.split(sep)[1]?.replace(/\.tsx?$/, '') ?? '';

/** The room within `ca`; `''` for the files that lie in none. */
const caRoom = (path: string): string => (path.split(sep).length > 3 ? (path.split(sep)[2] ?? '') : '');

/** Why one file may not import the other; undefined where it may. */
function whyNot(path: string, target: string): string | undefined {
  const [from, to] = [room(path), room(target)];
  const [low, high] = [ranks[to], ranks[from]];
  if (low === undefined || high === undefined) return `no rank for ${from} or ${to}`;
  if (from !== to) return low < high ? undefined : `imports ${target}`;
  if (from !== 'ca' || caRoom(path) === caRoom(target)) return undefined;
  const [below, above] = [caRooms.indexOf(caRoom(target)), caRooms.indexOf(caRoom(path))];
  if (below < 0 || above < 0) return `no place in the order for ca/${caRoom(path)} or ca/${caRoom(target)}`;
  return below < above ? undefined : `imports ${target}`;
}
const src = sources('src');
const faults = (rule: (source: Source) => string[]): string[] => src.flatMap(s => rule(s).map(f => `${s.path}: ${f}`));

describe('the house', () => {
  it('imports go one way', () => {
    assert.deepEqual(
      faults(({ path, imports }) =>
        imports
          .filter(i => i.startsWith('.'))
          .map(i => normalize(join(dirname(path), i)))
          .flatMap(target => {
            if (target.startsWith(`migrations${sep}`)) return path === join('src', 'store', 'open.ts') ? [] : [`imports ${target}`];
            return whyNot(path, target) ?? [];
          }),
      ),
      [],
    );
  });

  const only: [string, RegExp, (path: string) => boolean][] = [
    ['ASN.1 stays in pki/', /^(pkijs|asn1js|@peculiar\/webcrypto)$/, p => room(p) === 'pki'],
    ['SQL stays in store/', /^(knex(\/.*)?|pg|better-sqlite3(-13)?)$/, p => room(p) === 'store'],
    ['the clock of jobs stays in jobs.ts', /^node-cron$/, p => p === join('src', 'jobs.ts')],
    ['express stays in http/', /^(express|helmet)$/, p => room(p) === 'http'],
    ['metrics stay in metrics.ts', /^prom-client$/, p => p === join('src', 'metrics.ts')],
    ['rendering stays in html/', /^preact-render-to-string$/, p => room(p) === 'html'],
    ['mail stays in notify/', /^nodemailer$/, p => room(p) === 'notify'],
    ['looking outside stays in net/', /^node:(dns|tls|http2|dgram)/, p => room(p) === 'net'],
  ];
  for (const [rule, module, allowed] of only) {
    it(rule, () =>
      assert.deepEqual(
        faults(({ path, imports }) => (allowed(path) ? [] : imports.filter(i => module.test(i)))),
        [],
      ),
    );
  }

  it('time and chance are arguments', () => {
    const inPlace = /Date\.now\(|new Date\(\)|Math\.random\(/g;
    assert.deepEqual(
      faults(({ path, text }) => (path === join('src', 'app.ts') ? [] : [...text.matchAll(inPlace)].map(m => m[0]))),
      [],
    );
  });

  it('has no drawers, no any, no silenced types', () => {
    assert.deepEqual(
      faults(({ path, text }) => [
        ...(/(^|[/\\])(utils?|helpers?|index)\.ts$/.test(path) ? ['a drawer'] : []),
        ...[...text.matchAll(/:\s*any\b|\bas any\b|@ts-(ignore|expect-error|nocheck)/g)].map(m => m[0]),
      ]),
      [],
    );
  });

  it('tests mirror src: each lies in a room of the same name', () => {
    const own = ['kit', 'vectors', 'scenarios', 'conformance'];
    const folders = readdirSync(join(root, 'test'), { recursive: true, withFileTypes: true })
      .filter(d => d.isDirectory())
      .map(d => relative(join(root, 'test'), join(d.parentPath, d.name)))
      .filter(f => !own.includes(f.split(sep)[0] ?? ''));
    assert.deepEqual(
      folders.filter(f => !existsSync(join(root, 'src', f)) && !(f in ranks)),
      [],
    );
  });

  it('a room with more than five files has a README of at most five lines', () => {
    const files = groupBy(src, s => dirname(s.path));
    const faulty = [...files].filter(([, inside]) => inside.length > 5).filter(([folder]) => !isShort(join(root, folder, 'README.md')));
    assert.deepEqual(
      faulty.map(([folder]) => folder),
      [],
    );
  });
});

const isShort = (file: string): boolean => existsSync(file) && readFileSync(file, 'utf8').trimEnd().split('\n').length <= 5;
