import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Logger, pino } from 'pino';
import { createBackground } from './background.ts';
import { ocspResponder } from './ca/answer-ocsp.ts';
import { openAuthority, usedKeyId } from './ca/authority.ts';
import { listenerCredential } from './ca/credentials.ts';
import { publishDueCrls } from './ca/publish-crl.ts';
import { type Config, hostAndPort } from './config.ts';
import type { Ctx } from './ctx.ts';
import { createUrls } from './http/acme/urls.ts';
import { publicApp } from './http/public.ts';
import { statusServer } from './http/status.ts';
import { type Job, startJobs } from './jobs.ts';
import { pem } from './model/encoding.ts';
import type { Network } from './net/network.ts';
import { createNetwork } from './net/real.ts';
import { openChannels } from './notify/table.ts';
import { readWeakKeyLists } from './pki/weak-keys.ts';
import { openNonces } from './store/nonces.ts';
import { holdServeLock, migrate, openDatabase, withSetupLock } from './store/open.ts';
import { openVault } from './vault.ts';

/** What tests put in the place of the world. */
export interface World {
  now?: () => number;
  random?: (size: number) => Uint8Array;
  net?: Network;
  log?: Logger;
}

export interface OpenCtx extends Ctx {
  /** Ends background work and closes what was opened. */
  close(): Promise<void>;
}

/** Logs go to stderr: stdout belongs to what a command answers. */
export function createLog(level: Config['log']): Logger {
  return pino({ level, base: null, redact: ['*.hmacKey', '*.secret', '*.password'] }, pino.destination({ dest: 2, sync: true }));
}

/** Random bytes, taken from the system a pool at a time: identifiers, tokens and nonces are many and small. No byte is given twice. */
function pooledRandom(): (size: number) => Uint8Array {
  let pool = Buffer.alloc(0);
  return size => {
    if (size > pool.length) pool = randomBytes(Math.max(4096, size));
    const taken = pool.subarray(0, size);
    pool = pool.subarray(size);
    return taken;
  };
}

/** Opens database, keys and hierarchy, making on the first start what is not there. */
export async function openCtx(config: Config, world: World = {}): Promise<OpenCtx> {
  const now = world.now ?? (() => Math.floor(Date.now() / 1000));
  const random = world.random ?? pooledRandom();
  const log = world.log ?? createLog(config.log);
  const weakKeys = readWeakKeyLists(config.policy.weakKeyLists);
  const db = await openDatabase(config.database);
  try {
    const { vault, authority } = await withSetupLock(db, config.database, async () => {
      await migrate(db);
      const vault = openVault(config, random, await usedKeyId(db));
      return { vault, authority: await openAuthority({ config, db, vault, now, random }) };
    });
    const listeners = () => [config.listen, config.status.listen].map(hostAndPort).map(({ host, port }) => ({ address: host, port }));
    const background = createBackground(log);
    const channels = openChannels(config, random, now);
    const revocations: Ctx['revocations'] = new EventEmitter();
    const processId = Buffer.from(random(8)).toString('hex');
    const net = world.net ?? createNetwork(config, listeners);
    const close = async () => {
      await background.close();
      channels.mail.close();
      await db.destroy();
    };
    return { config, db, now, random, net, vault, authority, channels, weakKeys, log, background, revocations, processId, close };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

export interface App {
  ctx: Ctx;
  /** Where the listeners are, with the ports that port 0 became. */
  addresses: { public: string; status: string };
  close(): Promise<void>;
}

/** A port in use, a certificate that cannot be read: one line. */
export class StartError extends Error {}

/** The whole server: configuration in, listeners and jobs out. */
export async function startApp(config: Config, world: World = {}): Promise<App> {
  const releaseLock = holdServeLock(config.database);
  const closers: (() => Promise<void> | void)[] = [releaseLock];
  const close = async () => {
    while (closers.length) await closers.pop()?.();
  };
  try {
    const ctx = await openCtx(config, world);
    closers.push(ctx.close);
    const nonces = await openNonces(ctx.db, ctx.now, ctx.random);
    await publishDueCrls(ctx);
    const acme = { ctx, nonces, urls: createUrls(config.publicUrl) };
    const app = publicApp(acme);
    const publicServer = await createPublicServer(ctx, app as never);
    closers.push(startJobs(ctx, nonces, tlsRenewal(ctx, publicServer)));
    // Before the ends of jobs and handlers are waited for, so that what they do is asked to end too.
    closers.push(app.idle);
    closers.push(ctx.background.close);
    closers.push(await listen(publicServer, config.listen, 'listen'));
    const status = statusServer(ctx, ocspResponder(ctx));
    closers.push(await listen(status, config.status.listen, 'status.listen'));
    const scheme = config.tls === 'off' ? 'http' : 'https';
    return { ctx, addresses: { public: `${scheme}://${addressOf(publicServer)}`, status: `http://${addressOf(status)}` }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function createPublicServer(ctx: Ctx, app: (req: never, res: never) => void): Promise<HttpServer | HttpsServer> {
  const { tls } = ctx.config;
  if (tls === 'off') return createHttpServer(app as never);
  const files = tls ? readTls(tls) : await ownTls(ctx);
  try {
    return createHttpsServer(files, app as never);
  } catch (error) {
    if (!tls) throw error;
    throw new StartError(`tls: ${tls.cert} and ${tls.key} are not a certificate and its key (${(error as Error).message})`);
  }
}

function readTls({ cert, key }: { cert: string; key: string }): { cert: Buffer; key: Buffer } {
  return { cert: readFile(cert, 'tls.cert'), key: readFile(key, 'tls.key') };
}

function readFile(file: string, setting: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new StartError(`${setting}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

async function ownTls(ctx: Ctx): Promise<{ cert: string; key: string }> {
  const { certificate, key } = await listenerCredential(ctx);
  return { cert: pem('CERTIFICATE', certificate) + pem('CERTIFICATE', ctx.authority.active.certificate), key: pem('PRIVATE KEY', key) };
}

/** A server that runs for long takes up its own new certificate, or the operator's changed files, without a stop. */
export function tlsRenewal(ctx: Ctx, server: HttpServer | HttpsServer): Job[] {
  const { tls } = ctx.config;
  if (tls === 'off' || !(server instanceof HttpsServer)) return [];
  let current: string | undefined;
  const run = async () => {
    const context = tls ? readTls(tls) : await ownTls(ctx);
    const text = String(context.cert);
    if (text !== current) server.setSecureContext(context);
    current = text;
  };
  return [{ name: 'renew the listener certificate', schedule: '0 */10 * * * *', run }];
}

/** Listens. @returns a close that ends idle connections at once and waits for requests that are being answered */
async function listen(server: HttpServer | HttpsServer, at: string, setting: string): Promise<() => Promise<void>> {
  const { host, port } = hostAndPort(at);
  const sockets = new Set<Socket>();
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.requestTimeout = 60_000;
  server.headersTimeout = 20_000;
  // Longer than clients and proxies hold theirs, so that no request meets a connection that is just being closed.
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new StartError(`${setting}: ${at} ${error.code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${error.code})`}`)),
    );
    server.listen(port, host, resolve);
  });
  return () =>
    new Promise(resolve => {
      const force = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, 5000);
      server.close(() => {
        clearTimeout(force);
        resolve();
      });
      server.closeIdleConnections();
    });
}

function addressOf(server: HttpServer | HttpsServer): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
