import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener, request } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { listenerCredential } from './ca/authority/credentials.ts';
import type { AskStatus } from './ca/revocation/observe-status.ts';
import { hostAndPort, type OwnListener } from './config.ts';
import type { Ctx } from './ctx.ts';
import type { Job } from './jobs.ts';
import { pem } from './model/encoding.ts';

/** A port in use, a certificate that cannot be read: one line. */
export class StartError extends Error {}

/** What each listener with TLS is set by. */
const settings: Record<OwnListener, (ctx: Ctx) => { tls: Ctx['config']['tls']; setting: string }> = {
  public: ({ config }) => ({ tls: config.tls, setting: 'tls' }),
  admin: ({ config }) => ({ tls: config.admin.tls, setting: 'admin.tls' }),
};

export async function createTlsServer(ctx: Ctx, which: OwnListener, app: RequestListener): Promise<HttpServer | HttpsServer> {
  const { tls, setting } = settings[which](ctx);
  if (tls === 'off') return createHttpServer(app);
  const files = tls ? readTls(tls, setting) : await ownTls(ctx, which);
  try {
    return createHttpsServer(files, app);
  } catch (error) {
    if (!tls) throw error;
    throw new StartError(`${setting}: ${tls.cert} and ${tls.key} are not a certificate and its key (${(error as Error).message})`);
  }
}

function readTls({ cert, key }: { cert: string; key: string }, setting: string): { cert: Buffer; key: Buffer } {
  return { cert: readFile(cert, `${setting}.cert`), key: readFile(key, `${setting}.key`) };
}

function readFile(file: string, setting: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new StartError(`${setting}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

async function ownTls(ctx: Ctx, which: OwnListener): Promise<{ cert: string; key: string }> {
  const { certificate, key } = await listenerCredential(ctx, which);
  return { cert: pem('CERTIFICATE', certificate) + pem('CERTIFICATE', ctx.authority.active.certificate), key: pem('PRIVATE KEY', key) };
}

/** A server that runs for long takes up its own new certificate, or the operator's changed files, without a stop. */
export function tlsRenewal(ctx: Ctx, which: OwnListener, server: HttpServer | HttpsServer): Job[] {
  const { tls, setting } = settings[which](ctx);
  if (tls === 'off' || !(server instanceof HttpsServer)) return [];
  let current: string | undefined;
  const run = async () => {
    const context = tls ? readTls(tls, setting) : await ownTls(ctx, which);
    const text = String(context.cert);
    if (text !== current) server.setSecureContext(context);
    current = text;
  };
  return [{ name: `renew the certificate of the ${which} listener`, schedule: '0 */10 * * * *', run }];
}

/** Listens. @returns a close that ends idle connections at once and waits for requests that are being answered */
export async function listen(server: HttpServer | HttpsServer, at: string, setting: string): Promise<() => Promise<void>> {
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

/** Asks a listener of ours from within, as anybody would from outside. An address that stands for all is one of this machine's. */
export const askOf =
  (server: HttpServer): AskStatus =>
  (method, path, body) =>
    new Promise((resolve, reject) => {
      if (!server.listening) throw new Error('it is closed');
      const headers = body ? { 'Content-Type': 'application/ocsp-request', 'Content-Length': body.length } : {};
      const asked = request(urlOf(server) + path, { method, headers, agent: false, timeout: askTimeout }, res => {
        buffer(res).then(bytes => resolve({ status: res.statusCode ?? 0, body: bytes }), reject);
      });
      asked.on('timeout', () => asked.destroy(new Error('it did not answer in time')));
      asked.on('error', reject);
      asked.end(body);
    });

/** Milliseconds. */
const askTimeout = 10_000;

/** Where it is, with the port that port 0 became. */
export function urlOf(server: HttpServer | HttpsServer): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${server instanceof HttpsServer ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
