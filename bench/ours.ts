import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import knex from 'knex';
import type { Eab } from '../test/kit/acme-client.ts';
import { freshPostgres } from '../test/kit/postgres.ts';
import { cpuOf, parentOf } from './cpu.ts';
import { cleanEnv, Daemon, run } from './process.ts';
import type { Server, Target } from './target.ts';
import type { World } from './world.ts';

export type Engine = 'sqlite' | 'postgres';

const root = resolve(import.meta.dirname, '..');
const main = resolve(root, 'dist/src/main.js');

/** What is measured is what stands in src now. */
export async function build(): Promise<void> {
  await run('npm', ['run', '--silent', 'build'], { ...cleanEnv(), PATH: process.env['PATH'] ?? '' }, root);
}

export interface Ours extends Server {
  pid: number;
  /** The status listener's origin. */
  status: string;
  dataDir: string;
  database: string;
  /** After `stop`: serves again, on the same database. @returns milliseconds until it was ready */
  again(): Promise<number>;
  /** What a command of its command line is to Node. */
  command(...words: string[]): string[];
  cli<T>(...words: string[]): Promise<T>;
  /** The .cpuprofile, after `stop`, where one was asked for. */
  profile(): string | undefined;
}

/** The compiled server, run as an operator runs it, with defaults but for where validation goes. */
export async function startOurs(engine: Engine, { folder, dns, load }: World, profiled: boolean): Promise<Ours> {
  const home = mkdtempSync(join(folder, `${engine}-`));
  const publicUrl = 'https://localhost:14000';
  const database = engine === 'sqlite' ? undefined : await freshPostgres({ durable: true });
  const config = {
    publicUrl,
    listen: '127.0.0.1:0',
    status: { listen: '127.0.0.1:0' },
    admin: { listen: '127.0.0.1:0' },
    dataDir: join(home, 'data'),
    ...(database !== undefined && { database }),
    validation: { allowPrivateAddresses: true, resolvers: [dns.address], httpPort: load.httpPort },
  };
  const file = join(home, 'config.yaml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  const command = (...words: string[]) => [main, ...words, '--config', file, '--json'];
  const cli = async <T>(...words: string[]): Promise<T> => JSON.parse(await run(process.execPath, command(...words)));
  const { id } = await cli<{ id: string }>('member', 'add', '--name', 'Load', '--email', 'admin@load.example');
  const { kid, hmacKey } = await cli<Eab>('eab', 'create', '--member', id, '--uses', 'any');

  const flags = profiled ? ['--cpu-prof', `--cpu-prof-dir=${home}`, '--cpu-prof-interval=500'] : [];
  const serve = async () => {
    const daemon = new Daemon(
      'xmpp-ca',
      [process.execPath, ...flags, main, 'serve', '--config', file],
      join(home, `log-${++starts}`),
      cleanEnv(),
    );
    try {
      const ready = await daemon.ready(log => /^ready public=(\S+) status=(\S+)/m.exec(log) ?? undefined);
      return { daemon, address: ready[1] ?? '', status: ready[2] ?? '' };
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  };
  let starts = 0;
  let running = await serve();
  const trust = readFileSync(join(home, 'data', 'root.pem'), 'utf8');
  const target: Target = { directory: `${publicUrl}/acme/directory`, publicUrl, address: running.address, trust, eab: { kid, hmacKey } };
  const postmaster = database === undefined ? undefined : await postmasterOf(database);
  return {
    target,
    get pid() {
      return running.daemon.pid;
    },
    get status() {
      return running.status;
    },
    dataDir: config.dataDir,
    database: database ?? `sqlite:${join(home, 'data', 'ca.db')}`,
    async again() {
      const started = performance.now();
      running = await serve();
      return performance.now() - started;
    },
    command,
    cli,
    cpu: () => ({ server: cpuOf(running.daemon.pid), ...(postmaster !== undefined && { database: cpuOf(postmaster) }) }),
    stop: () => running.daemon.stop(),
    profile() {
      const name = readdirSync(home).find(n => n.endsWith('.cpuprofile'));
      return name === undefined ? undefined : readFileSync(join(home, name), 'utf8');
    },
  };
}

/** The process that all processes of this PostgreSQL descend from. */
async function postmasterOf(url: string): Promise<number> {
  const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } });
  try {
    const { rows } = (await db.raw('select pg_backend_pid() as pid')) as { rows: [{ pid: number }] };
    return parentOf(rows[0].pid);
  } finally {
    await db.destroy();
  }
}
