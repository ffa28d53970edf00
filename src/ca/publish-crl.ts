import { setTimeout } from 'node:timers/promises';
import type { Ctx, SigningIssuer } from '../ctx.ts';
import { type Actor, clock } from '../model/audit.ts';
import type { ProfileName } from '../model/certificate.ts';
import { Problem } from '../model/problem.ts';
import { signCrl } from '../pki/crl.ts';
import { profiles } from '../pki/profiles/table.ts';
import { record } from '../store/audit.ts';
import { revokedSince } from '../store/certificates.ts';
import { type CrlRecord, countRevocations, insertCrl, newestCrl } from '../store/issuers.ts';
import { holdsLease, releaseLease, takeLease } from '../store/leases.ts';
import { newId } from './ids.ts';

/** Seconds from thisUpdate to nextUpdate; a new one comes daily and after each revocation. */
const lifetime = 7 * 86400;
const pause = 86400;
const lease = 120;

const signingIssuers = (ctx: Ctx): SigningIssuer[] =>
  [...ctx.authority.issuers.values()].filter((i): i is SigningIssuer => i.signer !== undefined);

/** Publishes the CRL of each issuer that needs one, by one process of many. */
export async function publishDueCrls(ctx: Ctx): Promise<void> {
  for (const issuer of signingIssuers(ctx)) if (await isDue(ctx, issuer.id)) await publish(ctx, issuer, clock);
}

/** Tenths of a second that an operator waits for another publication, which may have begun before what the operator did. */
const patience = 100;

/** Publishes now, whether due or not. @throws Problem where another process holds the lease for too long */
export async function publishCrls(ctx: Ctx, actor: Actor): Promise<CrlRecord[]> {
  const published: CrlRecord[] = [];
  for (const issuer of signingIssuers(ctx)) {
    let crl = await publish(ctx, issuer, actor);
    for (let tries = 0; !crl && tries < patience; tries++) {
      await setTimeout(100);
      crl = await publish(ctx, issuer, actor);
    }
    if (!crl) throw new Problem('serverInternal', 'Another process is publishing the CRL, and has been for a while; try again.');
    published.push(crl);
  }
  return published;
}

async function isDue(ctx: Ctx, issuerId: string): Promise<boolean> {
  const newest = await newestCrl(ctx.db, issuerId);
  if (!newest || newest.thisUpdate + pause <= ctx.now()) return true;
  return (await countRevocations(ctx.db, issuerId)) > newest.revocations;
}

/** @returns undefined where another process is at it, or has done what was due */
async function publish(ctx: Ctx, issuer: SigningIssuer, actor: Actor): Promise<CrlRecord | undefined> {
  const name = `crl:${issuer.id}`;
  // Each publication for itself: two of one process are two.
  const holder = `${ctx.processId}:${newId(ctx)}`;
  const fence = await takeLease(ctx.db, name, holder, lease);
  if (fence === undefined) return undefined;
  try {
    // What was due may have been done by another meanwhile.
    if (actor === clock && !(await isDue(ctx, issuer.id))) return undefined;
    const crl = await build(ctx, issuer, await newestCrl(ctx.db, issuer.id));
    await ctx.db.transaction(async trx => {
      if (!(await holdsLease(trx, name, holder, fence))) throw new Error(`the lease ${name} was lost`);
      await insertCrl(trx, crl);
      await record(trx, crl.thisUpdate, { action: 'crl.published', actor, subject: { issuer: issuer.id }, detail: { number: crl.number } });
    });
    return crl;
  } finally {
    await releaseLease(ctx.db, name, holder);
  }
}

/** RFC 5280 §5. The number never falls, also where the database was restored; an expired entry appears once more, then leaves (§3.3). */
async function build(ctx: Ctx, issuer: SigningIssuer, previous: CrlRecord | undefined): Promise<CrlRecord> {
  const now = ctx.now();
  const number = Math.max((previous?.number ?? 0) + 1, now);
  const revocations = await countRevocations(ctx.db, issuer.id);
  const revoked = await revokedSince(ctx.db, issuer.id, previous?.thisUpdate ?? 0);
  const entries = revoked.filter(e => profiles[e.profile as ProfileName]?.revocable !== false);
  const thisUpdate = Math.max(now, previous?.thisUpdate ?? 0);
  const nextUpdate = thisUpdate + lifetime;
  const der = await signCrl({ issuerName: issuer.subject, number, thisUpdate, nextUpdate, entries }, issuer.signer);
  return { issuerId: issuer.id, number, der, revocations, thisUpdate, nextUpdate };
}
