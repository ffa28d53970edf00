import { sealRegularly } from '../../ca/audit/seal.ts';
import { reloadAuthority } from '../../ca/authority/hierarchy.ts';
import { endingCrls } from '../../ca/authority/publish-crl.ts';
import type { Ctx } from '../../ctx.ts';
import type { Levels } from '../../metrics.ts';
import { rfc3339 } from '../../model/encoding.ts';
import { seconds } from '../../model/seconds.ts';
import { onAbort, stopped, within } from '../../net/deadline.ts';
import { countUnsealedAudit, oldestUnsealed } from '../../store/audit.ts';
import { newestCrls, revocationCounts } from '../../store/crls.ts';
import { issuersVersion } from '../../store/issuers.ts';
import { countMessages } from '../../store/outbox.ts';
import { countWebhooks } from '../../store/webhooks.ts';
import type { Reply } from '../reply.ts';

/** What monitoring asks without a token: nothing in the answers is personal or secret. */
export const monitoring: Record<string, (ctx: Ctx) => Promise<Reply>> = {
  '/healthz': async () => ({ status: 200, body: { status: 'alive' } }),
  '/metrics': scrape,
  '/readyz': readiness,
};

async function scrape(ctx: Ctx): Promise<Reply> {
  const { type, text } = await ctx.metrics.read(await inTime(readLevels(ctx)).catch(() => undefined));
  return { status: 200, headers: { 'Content-Type': type }, body: text };
}

async function readLevels({ db }: Ctx): Promise<Levels> {
  // Counts first: what is revoked and published in between would seem unpublished.
  const counts = await revocationCounts(db);
  const crls = (await newestCrls(db)).map(crl => {
    const revocations = counts.find(c => c.issuerId === crl.issuerId && c.shard === crl.shard)?.revocations ?? 0;
    return { ...crl, revocations, unpublished: Math.max(0, revocations - crl.revocations) };
  });
  const unsealed = await countUnsealedAudit(db);
  return { outbox: await countMessages(db), ...(await countWebhooks(db)), crls, unsealed };
}

/** Seconds that a CRL must still last. It is renewed half its life before its end, or more. */
const margin = seconds.hour;

/** Each gives what is wrong, if anything; the cause is for the log. */
const checks: Record<string, (ctx: Ctx) => Promise<string | undefined>> = {
  async database({ db }) {
    await issuersVersion(db);
    return undefined;
  },
  async issuer(ctx) {
    await reloadAuthority(ctx);
    const { signer, spki, id, notAfter } = ctx.authority.active;
    if (!Buffer.from(signer.spki).equals(spki)) return `the key of the issuing CA ${id} is not that of its certificate`;
    return notAfter <= ctx.now() ? `the issuing CA ${id} ended at ${rfc3339(notAfter)}` : undefined;
  },
  async crls(ctx) {
    const ending = await endingCrls(ctx, margin);
    const names = ending.map(({ issuerId, shard }) => (shard ? `${issuerId}/${shard}` : issuerId));
    return names.length ? `ended, or about to: ${names.join(', ')}` : undefined;
  },
  async audit(ctx) {
    const isLate = async () => ((await oldestUnsealed(ctx.db)) ?? ctx.now()) < ctx.now() - sealing;
    if (!(await isLate())) return undefined;
    // The clock's turn may be a moment away.
    await sealRegularly(ctx);
    return (await isLate()) ? 'records are not sealed any more: see "audit verify" and the log' : undefined;
  },
};

/** Seconds that a record may wait for its place in the log: a second, on a day like others. */
const sealing = 60;

/** Milliseconds that the database is waited for. */
const patience = 5000;

const inTime = <T>(work: Promise<T>): Promise<T> =>
  within(patience, undefined, signal =>
    Promise.race([work, new Promise<never>((_, reject) => onAbort(signal, () => reject(new Error(stopped(signal)))))]),
  );

/** Whether this process can do its work. */
async function readiness(ctx: Ctx): Promise<Reply> {
  const found = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const wrong = await inTime(check(ctx)).catch(error => {
        ctx.log.error({ err: error, check: name }, 'not ready');
        return 'cannot be read; the log says why';
      });
      return [name, wrong ?? 'ok'];
    }),
  );
  const ready = found.every(([, said]) => said === 'ok');
  return { status: ready ? 200 : 503, body: { status: ready ? 'ready' : 'not ready', checks: Object.fromEntries(found) } };
}
