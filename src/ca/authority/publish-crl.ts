import { setTimeout } from 'node:timers/promises';
import type { Ctx, SigningIssuer } from '../../ctx.ts';
import { type Actor, clock } from '../../model/audit.ts';
import { Problem } from '../../model/problem.ts';
import { seconds } from '../../model/seconds.ts';
import { signCrl } from '../../pki/crl.ts';
import { crlUrl } from '../../pki/issue.ts';
import { unrevocableProfiles } from '../../pki/profiles/table.ts';
import { type CrlRecord, type CrlScope, insertCrl, newestCrls, revocationCounts, revokedIn } from '../../store/crls.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { underLease } from '../under-lease.ts';

const signingIssuers = (ctx: Ctx): SigningIssuer[] =>
  [...ctx.authority.issuers.values()].filter((i): i is SigningIssuer => i.signer !== undefined);

/** A complete CRL for each issuer, one for each shard that is configured, and for each that ever was: certificates name it. */
function scopes(ctx: Ctx, published: readonly CrlScope[]): CrlScope[] {
  const { crlShards } = ctx.config.status;
  const configured = crlShards > 1 ? Array.from({ length: crlShards }, (_, i) => i + 1) : [];
  return signingIssuers(ctx).flatMap(({ id }) => {
    const known = published.filter(c => c.issuerId === id).map(c => c.shard);
    return [...new Set([0, ...configured, ...known])].map(shard => ({ issuerId: id, shard }));
  });
}

/** Every CRL that relying parties may ask for. */
export const crlScopes = async (ctx: Ctx): Promise<CrlScope[]> => scopes(ctx, await newestCrls(ctx.db));

/** What relying parties will have no CRL of in so many seconds, or never had. */
export async function endingCrls(ctx: Ctx, seconds: number): Promise<CrlScope[]> {
  const published = await newestCrls(ctx.db);
  return scopes(ctx, published).filter(scope => (published.find(same(scope))?.nextUpdate ?? 0) <= ctx.now() + seconds);
}

/** Publishes each CRL that is due, by one process of many. */
export async function publishDueCrls(ctx: Ctx): Promise<void> {
  for (const scope of await dueScopes(ctx)) {
    if (ctx.background.ending.aborted) return;
    await publish(ctx, scope, clock);
  }
}

/** Tenths of a second that an operator waits for another publication, which may have begun before what the operator did, or have been killed with its lease. */
const patience = 400;

/** Publishes all now, whether due or not. @throws Problem where another process holds a lease for too long */
export async function publishCrls(ctx: Ctx, actor: Actor): Promise<CrlRecord[]> {
  const published: CrlRecord[] = [];
  for (const scope of await crlScopes(ctx)) {
    let crl = await publish(ctx, scope, actor);
    for (let tries = 0; !crl && tries < patience; tries++) {
      await setTimeout(100);
      crl = await publish(ctx, scope, actor);
    }
    if (!crl) throw new Problem('serverInternal', 'Another process is publishing the CRL, and has been for a while; try again.');
    published.push(crl);
  }
  return published;
}

const same = (a: CrlScope) => (b: CrlScope) => a.issuerId === b.issuerId && a.shard === b.shard;

/** Seconds after which a CRL is published anew without anything having been revoked. */
export const crlPause = ({ config }: Ctx): number => Math.min(seconds.day, (config.status.crlDays * seconds.day) / 2);

/** Of these, those never published, those of the day before (half their life, where that is shorter), and those that lack a revocation. */
async function dueScopes(ctx: Ctx, among?: CrlScope[]): Promise<CrlScope[]> {
  const counts = await revocationCounts(ctx.db);
  const published = await newestCrls(ctx.db);
  const pause = crlPause(ctx);
  return (among ?? scopes(ctx, published)).filter(scope => {
    const newest = published.find(same(scope));
    return !newest || newest.thisUpdate + pause <= ctx.now() || (counts.find(same(scope))?.revocations ?? 0) > newest.revocations;
  });
}

/** @returns undefined where another process is at it, or has done what was due */
async function publish(ctx: Ctx, scope: CrlScope, actor: Actor): Promise<CrlRecord | undefined> {
  return underLease(ctx, `crl:${scope.issuerId}/${scope.shard}`, async held => {
    // What was due may have been done by another meanwhile.
    if (actor === clock && (await dueScopes(ctx, [scope])).length === 0) return undefined;
    const crl = await build(ctx, scope);
    await transact(ctx, actor, async act => {
      await held(act.trx);
      await insertCrl(act.trx, crl);
      const detail = { number: crl.number, ...(scope.shard && { shard: scope.shard }) };
      await record({ ...act, now: crl.thisUpdate }, { action: 'crl.published', subject: { issuer: scope.issuerId }, detail });
    });
    return crl;
  });
}

/** RFC 5280 §5. The number never falls, also where the database was restored; an expired entry appears once more, then leaves (§3.3). */
async function build(ctx: Ctx, scope: CrlScope): Promise<CrlRecord> {
  const issuer = ctx.authority.issuers.get(scope.issuerId) as SigningIssuer;
  const now = ctx.now();
  const previous = (await newestCrls(ctx.db)).find(same(scope));
  const number = Math.max((previous?.number ?? 0) + 1, now);
  // Before the entries: what is revoked while they are read makes this one out of date.
  const revocations = (await revocationCounts(ctx.db)).find(same(scope))?.revocations ?? 0;
  const thisUpdate = Math.max(now, previous?.thisUpdate ?? 0);
  const nextUpdate = thisUpdate + ctx.config.status.crlDays * seconds.day;
  const der = await signCrl(
    {
      issuerName: issuer.subject,
      number,
      thisUpdate,
      nextUpdate,
      entries: revokedIn(ctx.db, scope, previous?.thisUpdate ?? 0, unrevocableProfiles),
      ...(scope.shard && { distributionPoint: crlUrl(ctx.config.status.publicUrl, issuer.id, scope.shard) }),
    },
    issuer.signer,
  );
  return { ...scope, number, der, revocations, thisUpdate, nextUpdate };
}
