import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import knex from 'knex';

/** Names the address of the process that has the PostgreSQL of a run. */
const variable = 'XMPP_CA_TEST_POSTGRES';

let child: ChildProcess | undefined;
let databases = 0;

/** Starts the process that will start PostgreSQL when it is asked for; test processes that begin after this use it. */
export async function offerPostgres(): Promise<void> {
  const top = fileURLToPath(new URL('../..', import.meta.url));
  child = spawn(process.execPath, ['--import', 'tsx', 'test/kit/postgres-server.ts'], { cwd: top, stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout!, 'data');
  // It is no test's own, and keeps none from ending.
  for (const each of [child, child.stdin, child.stdout]) (each as Socket).unref();
  process.env[variable] = `http://127.0.0.1:${String(line).trim()}`;
}

/** Ends it, where this process has started it. */
export async function stopPostgres(): Promise<void> {
  if (!child) return;
  child.ref();
  const ended = once(child, 'exit');
  child.stdin?.end();
  await ended;
  child = undefined;
  delete process.env[variable];
}

/** The URL of a database of its own: empty, or a copy of the template that a URL names. `durable`: as it is by default; said by whoever asks first. */
export async function freshPostgres({ durable = false, template }: { durable?: boolean; template?: string } = {}): Promise<string> {
  if (!process.env[variable]) await offerPostgres();
  const answer = await (await fetch(`${process.env[variable]}/${durable ? 'durable' : ''}`)).text();
  const port = Number(answer);
  if (Number.isNaN(port)) throw new Error(answer);
  const name = `ca${process.pid}_${++databases}`;
  const admin = knex({ client: 'pg', connection: `postgres://ca:ca@127.0.0.1:${port}/postgres`, pool: { min: 0, max: 1 } });
  try {
    await admin.raw(`create database ${name}${template ? ` template ${new URL(template).pathname.slice(1)}` : ''}`);
  } finally {
    await admin.destroy();
  }
  return `postgres://ca:ca@127.0.0.1:${port}/${name}`;
}
