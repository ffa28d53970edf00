import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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
  cli<T>(...words: string[]): Promise<T>;
  /** The .cpuprofile, after `stop`, where one was asked for. */
  profile(): string | undefined;
}

/** The compiled server, run as an operator runs it, with defaults but for where validation goes. */
export async function startOurs(engine: Engine, { folder, dns, load }: World, profiled: boolean): Promise<Ours> {
  const home = join(folder, engine);
  mkdirSync(home);
  const publicUrl = 'https://localhost:14000';
  const database = engine === 'sqlite' ? undefined : await freshPostgres();
  const config = {
    publicUrl,
    listen: '127.0.0.1:0',
    status: { listen: '127.0.0.1:0' },
    dataDir: join(home, 'data'),
    ...(database !== undefined && { database }),
    validation: { allowPrivateAddresses: true, resolvers: [dns.address], httpPort: load.httpPort },
  };
  const file = join(home, 'config.yaml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config));
  const cli = async <T>(...words: string[]): Promise<T> =>
    JSON.parse(await run(process.execPath, [main, ...words, '--config', file, '--json']));
  const { id } = await cli<{ id: string }>('member', 'add', '--name', 'Load', '--email', 'admin@load.example');
  const { kid, hmacKey } = await cli<Eab>('eab', 'create', '--member', id, '--uses', 'any');

  const flags = profiled ? ['--cpu-prof', `--cpu-prof-dir=${home}`, '--cpu-prof-interval=500'] : [];
  const daemon = new Daemon('xmpp-ca', [process.execPath, ...flags, main, 'serve', '--config', file], join(home, 'log'), cleanEnv());
  try {
    const [, address = '', status = ''] = await daemon.ready(log => /^ready public=(\S+) status=(\S+)/m.exec(log) ?? undefined);
    const trust = readFileSync(join(home, 'data', 'root.pem'), 'utf8');
    const target: Target = { directory: `${publicUrl}/acme/directory`, publicUrl, address, trust, eab: { kid, hmacKey } };
    const postmaster = database === undefined ? undefined : await postmasterOf(database);
    return {
      target,
      pid: daemon.pid,
      status,
      dataDir: config.dataDir,
      cli,
      cpu: () => ({ server: cpuOf(daemon.pid), ...(postmaster !== undefined && { database: cpuOf(postmaster) }) }),
      stop: () => daemon.stop(),
      profile() {
        const name = readdirSync(home).find(n => n.endsWith('.cpuprofile'));
        return name === undefined ? undefined : readFileSync(join(home, name), 'utf8');
      },
    };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
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
