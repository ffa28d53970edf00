import type { Ctx, SigningIssuer } from '../ctx.ts';
import { type Actor, clock } from '../model/audit.ts';
import type { ProfileName } from '../model/certificate.ts';
import { signCrl } from '../pki/crl.ts';
import { profiles } from '../pki/profiles/table.ts';
import { record } from '../store/audit.ts';
import { lastRevocation, revokedSince } from '../store/certificates.ts';
import { type CrlRecord, insertCrl, newestCrl } from '../store/issuers.ts';
import { holdsLease, releaseLease, takeLease } from '../store/leases.ts';

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

/** Publishes now, whether due or not. */
export async function publishCrls(ctx: Ctx, actor: Actor): Promise<CrlRecord[]> {
  const published: CrlRecord[] = [];
  for (const issuer of signingIssuers(ctx)) {
    const crl = (await publish(ctx, issuer, actor)) ?? (await newestCrl(ctx.db, issuer.id));
    if (!crl) throw new Error('another process is publishing the first CRL');
    published.push(crl);
  }
  return published;
}

async function isDue(ctx: Ctx, issuerId: string): Promise<boolean> {
  const newest = await newestCrl(ctx.db, issuerId);
  if (!newest || newest.thisUpdate + pause <= ctx.now()) return true;
  // In the same second means perhaps after it.
  return ((await lastRevocation(ctx.db, issuerId)) ?? 0) >= newest.thisUpdate && newest.thisUpdate < ctx.now();
}

/** @returns undefined where another process is at it, or has done what was due */
async function publish(ctx: Ctx, issuer: SigningIssuer, actor: Actor): Promise<CrlRecord | undefined> {
  const name = `crl:${issuer.id}`;
  const fence = await takeLease(ctx.db, name, ctx.processId, lease);
  if (fence === undefined) return undefined;
  try {
    // What was due may have been done by another meanwhile.
    if (actor === clock && !(await isDue(ctx, issuer.id))) return undefined;
    const crl = await build(ctx, issuer, await newestCrl(ctx.db, issuer.id));
    await ctx.db.transaction(async trx => {
      if (!(await holdsLease(trx, name, ctx.processId, fence))) throw new Error(`the lease ${name} was lost`);
      await insertCrl(trx, crl);
      await record(trx, crl.thisUpdate, { action: 'crl.published', actor, subject: { issuer: issuer.id }, detail: { number: crl.number } });
    });
    return crl;
  } finally {
    await releaseLease(ctx.db, name, ctx.processId);
  }
}

/** RFC 5280 §5. The number never falls, also where the database was restored; an expired entry appears once more, then leaves (§3.3). */
async function build(ctx: Ctx, issuer: SigningIssuer, previous: CrlRecord | undefined): Promise<CrlRecord> {
  const now = ctx.now();
  const number = Math.max((previous?.number ?? 0) + 1, now);
  const revoked = await revokedSince(ctx.db, issuer.id, previous?.thisUpdate ?? 0);
  const entries = revoked.filter(e => profiles[e.profile as ProfileName]?.revocable !== false);
  const thisUpdate = Math.max(now, previous?.thisUpdate ?? 0);
  const nextUpdate = thisUpdate + lifetime;
  const der = await signCrl({ issuerName: issuer.subject, number, thisUpdate, nextUpdate, entries }, issuer.signer);
  return { issuerId: issuer.id, number, der, thisUpdate, nextUpdate };
}
