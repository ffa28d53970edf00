import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type DestinationStream, type Logger, pino } from 'pino';
import { createBackground } from './background.ts';
import { openLog } from './ca/audit/identity.ts';
import { recordStart, recordStop } from './ca/audit/record-serving.ts';
import { sealRegularly } from './ca/audit/seal.ts';
import { openAuthority, usedKeyId } from './ca/authority/hierarchy.ts';
import { publishDueCrls } from './ca/authority/publish-crl.ts';
import { openFirstToken } from './ca/members/admin-token.ts';
import { ocspResponder } from './ca/revocation/answer-ocsp.ts';
import { countedOcsp } from './ca/revocation/count-ocsp.ts';
import { observeStatus } from './ca/revocation/observe-status.ts';
import { sealPlain } from './ca/sealed/encrypt-old-rows.ts';
import { type Config, hostAndPort } from './config.ts';
import type { Ctx } from './ctx.ts';
import { createUrls } from './http/acme/urls.ts';
import { adminApp } from './http/admin/app.ts';
import { publicApp } from './http/public.ts';
import { statusServer } from './http/status.ts';
import { startJobs } from './jobs.ts';
import { askOf, createTlsServer, listen, tlsRenewal, urlOf } from './listener.ts';
import { createMetrics } from './metrics.ts';
import type { Network } from './net/network.ts';
import { createNetwork } from './net/real.ts';
import { openChannels } from './notify/table.ts';
import { readWeakKeyLists } from './pki/weak-keys.ts';
import { openNonces } from './store/nonces.ts';
import { holdServeLock, migrate, openDatabase, withSetupLock } from './store/open.ts';
import { openVault } from './vault/vault.ts';

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
export function createLog(level: Config['log'], to: DestinationStream = pino.destination({ dest: 2, sync: true })): Logger {
  const redact = ['*.hmacKey', '*.secret', '*.token', '*.password'];
  return pino({ level, base: null, redact, serializers: { err: describeError } }, to);
}

/** What happened and where. Drivers hang rows, and mail servers recipients, on their errors: these are none of a log's business. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack, cause } = error;
  const { code } = error as NodeJS.ErrnoException;
  return { type: name, message, stack, ...(code !== undefined && { code }), ...(cause !== undefined && { cause: describeError(cause) }) };
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
      const authority = await openAuthority({ config, db, vault, now, random });
      await sealPlain({ db, vault });
      await openLog({ config, db, vault, now, random });
      await openFirstToken({ config, db, vault, now, random });
      return { vault, authority };
    });
    const listeners = () =>
      [config.listen, config.status.listen, config.admin.listen].map(hostAndPort).map(({ host, port }) => ({ address: host, port }));
    const background = createBackground(log);
    const channels = openChannels(config, random, now);
    const revocations: Ctx['revocations'] = new EventEmitter();
    const processId = Buffer.from(random(8)).toString('hex');
    const net = world.net ?? createNetwork(config, listeners);
    const metrics = createMetrics(now);
    const tools = { config, db, now, random, net, vault, authority, channels, weakKeys, log, metrics, background, revocations, processId };
    const ctx: OpenCtx = {
      ...tools,
      async close() {
        await background.close();
        channels.mail.close();
        // Whoever acts last leaves nothing open.
        await sealRegularly(ctx).catch(error => log.error({ err: error }, 'the audit log could not be sealed at the end'));
        await db.destroy();
      },
    };
    return ctx;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

export interface App {
  ctx: Ctx;
  /** Where the listeners are, with the ports that port 0 became. */
  addresses: { public: string; status: string; admin: string };
  close(): Promise<void>;
}

/** The whole server: configuration in, listeners and jobs out. */
export async function startApp(config: Config, world: World = {}): Promise<App> {
  const releaseLock = holdServeLock(config.database);
  const closers: (() => Promise<void> | void)[] = [releaseLock];
  const ending = new AbortController();
  const close = async () => {
    ending.abort();
    while (closers.length) await closers.pop()?.();
  };
  try {
    const ctx = await openCtx(config, world);
    closers.push(ctx.close);
    await recordStart(ctx);
    closers.push(() => recordStop(ctx));
    const nonces = await openNonces(ctx.db, ctx.now, ctx.random);
    await publishDueCrls(ctx);
    const acme = { ctx, nonces, urls: createUrls(config.publicUrl) };
    const publicListener = publicApp(acme);
    const adminListener = adminApp(ctx);
    const publicServer = await createTlsServer(ctx, 'public', publicListener);
    const adminServer = await createTlsServer(ctx, 'admin', adminListener);
    const status = statusServer(ctx, countedOcsp(ctx, ocspResponder(ctx)));
    const observe = {
      name: 'observe CRLs and OCSP',
      schedule: '45 * * * * *',
      run: () => observeStatus(ctx, askOf(status), ending.signal),
    };
    closers.push(startJobs(ctx, nonces, [...tlsRenewal(ctx, 'public', publicServer), ...tlsRenewal(ctx, 'admin', adminServer), observe]));
    // Before the ends of jobs and handlers are waited for, so that what they do is asked to end too.
    closers.push(publicListener.idle, adminListener.idle);
    closers.push(ctx.background.close);
    closers.push(await listen(publicServer, config.listen, 'listen'));
    closers.push(await listen(status, config.status.listen, 'status.listen'));
    closers.push(await listen(adminServer, config.admin.listen, 'admin.listen'));
    return { ctx, addresses: { public: urlOf(publicServer), status: urlOf(status), admin: urlOf(adminServer) }, close };
  } catch (error) {
    await close();
    throw error;
  }
}
