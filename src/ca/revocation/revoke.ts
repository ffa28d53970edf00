import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import {
  type Certificate,
  certificateStatus,
  operatorReasons,
  type Revocation,
  type RevocationReason,
  subscriberReasons,
} from '../../model/certificate.ts';
import { hex, rfc3339 } from '../../model/encoding.ts';
import { groupBy } from '../../model/group-by.ts';
import { Problem } from '../../model/problem.ts';
import { blockKey, lockKey } from '../../store/blocked-keys.ts';
import type { CertificateFilter } from '../../store/certificate-filter.ts';
import { findCertificate, lockCertificates, revokeCertificates } from '../../store/certificates.ts';
import { breathe } from '../../store/open.ts';
import { livingSerials } from '../../store/renewals.ts';
import { type Act, transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { certificateSubject } from '../audit/subjects.ts';
import { deliverDue } from '../mail/deliver.ts';
import { queueMessage } from '../mail/queue-message.ts';
import { sealWords } from '../sealed/personal-data.ts';

/** On whose authority (RFC 8555 §7.6); the caller has proved it. */
export type Revoker =
  /** The account that ordered it. */
  | { kind: 'account'; id: string }
  /** Another account that is authorized for all its names: it cannot know why, only that the names are no longer the holder's. */
  | { kind: 'authorized-account'; id: string }
  /** Whoever holds the certificate's key. */
  | { kind: 'key' }
  | { kind: 'operator' };

/**
 * One function for every door.
 * @returns undefined where the certificate has expired: nothing is left to revoke of it, but its key was lost, and is blocked
 * @throws Problem alreadyRevoked, badRevocationReason, malformed
 */
export async function revoke(
  ctx: Ctx,
  certificate: Certificate,
  { reason, revoker, actor }: { reason: RevocationReason; revoker: Revoker; actor: Actor },
): Promise<{ at: number; reason: RevocationReason } | undefined> {
  const allowed = revoker.kind === 'operator' ? operatorReasons : subscriberReasons;
  if (!allowed.includes(reason))
    throw new Problem('badRevocationReason', `The reason "${reason}" is not accepted here; use one of ${allowed.join(', ')}.`);
  const { serial, spkiHash, revocation } = certificate;
  const by = 'id' in revoker ? `account:${revoker.id}` : revoker.kind;
  const blocks = reason === 'keyCompromise' && (revoker.kind === 'key' || revoker.kind === 'operator');
  const block = (act: Act) => blockAndRevoke(act, spkiHash, { by, why: `certificate ${serial}, said by ${by}`, through: certificate });
  const status = certificateStatus(certificate, ctx.now());
  if (status === 'expired' && blocks) {
    await revoking(ctx, actor, block);
    return undefined;
  }
  if (status !== 'issued' && !revocation)
    throw new Problem('malformed', 'The certificate has expired or was never issued; there is nothing to revoke.');

  const recorded = revoker.kind === 'authorized-account' ? 'cessationOfOperation' : reason;
  const { at, isFirst } = await revoking(ctx, actor, async act => {
    const revoked = await revokeAll(act, [serial], { reason: recorded, by });
    // The first revocation stands; that the key is lost is news all the same.
    if (blocks) await block(act);
    return { at: act.now, isFirst: revoked.length > 0 };
  });
  if (!isFirst) {
    const first = revocation ?? (await findCertificate(ctx.db, serial))?.revocation;
    throw new Problem(
      'alreadyRevoked',
      `The certificate was revoked at ${rfc3339(first?.at ?? at)}${blocks ? '; its key is now blocked' : ''}.`,
    );
  }
  return { at, reason: recorded };
}

async function revoking<T>(ctx: Ctx, actor: Actor, work: (act: Act) => Promise<T>): Promise<T> {
  const result = await transact(ctx, actor, async act => {
    await lockCertificates(act.trx);
    return work(act);
  });
  announce(ctx);
  return result;
}

/** After the commit: what is kept of OCSP answers is out of date, and members are told. */
function announce(ctx: Ctx): void {
  for (const issuerId of ctx.authority.issuers.keys()) ctx.revocations.emit('committed', issuerId);
  // Each for itself: a delivery that is under way may have looked already, and a command ends with the last one.
  ctx.background.run('deliver', () => deliverDue(ctx));
}

/** Revocation, audit and notices in one transaction; a member that loses several is told of all in one message. */
async function revokeAll(act: Act, serials: readonly string[], { reason, by }: Omit<Revocation, 'at'>): Promise<Certificate[]> {
  const revoked = await revokeCertificates(act.trx, serials, { at: act.now, reason, by });
  const action = 'certificate.revoked' as const;
  await record(act, ...revoked.map(c => ({ action, subject: certificateSubject(c), detail: { reason, by } })));
  for (const [memberId, theirs] of groupBy(revoked, c => c.memberId))
    if (memberId !== undefined) await queueMessage(act, { kind: 'revoked', refs: { memberId, serials: theirs.map(c => c.serial) } });
  return revoked;
}

/** A transaction each: a running server waits for none of them long. */
const batch = 200;

/**
 * Revokes every living certificate that matches, or so many of them. What is revoked matches no more: called again after an interruption, it goes on.
 * With the reason keyCompromise the keys are blocked, and whatever else bears them is revoked too.
 * @returns how many were revoked, those that bear such a key besides included
 */
export async function revokeMatching(
  ctx: Ctx,
  filter: CertificateFilter,
  { reason, limit, progress }: { reason: RevocationReason; limit: number; progress?: ((done: number) => void) | undefined },
  actor: Actor,
): Promise<number> {
  let done = 0;
  for (let after = ''; done < limit; ) {
    const serials = await livingSerials(ctx.db, filter, ctx.now(), { after, limit: Math.min(batch, limit - done), isMoved: false });
    if (serials.length === 0) {
      // Once more from the start, for what was issued meanwhile; not each time, past all that is revoked by then.
      if (after === '') break;
      after = '';
      continue;
    }
    after = serials.at(-1) ?? '';
    await revoking(ctx, actor, async act => {
      const revoked = await revokeAll(act, serials, { reason, by: 'operator' });
      done += revoked.length;
      if (reason !== 'keyCompromise') return;
      for (const through of new Map(revoked.map(c => [hex(c.spkiHash), c])).values()) {
        const why = `certificate ${through.serial}, said by operator`;
        done += (await blockAndRevoke(act, through.spkiHash, { by: 'operator', why, through })).length;
      }
    });
    progress?.(done);
    await breathe();
  }
  return done;
}

/** The key is lost: no certificate is issued for it ever again, and every one that bears it is revoked. `through`: the one by which it was named. @returns these */
async function blockAndRevoke(
  act: Act,
  spkiHash: Uint8Array,
  { by, why, through }: { by: string; why: string; through?: Certificate },
): Promise<Certificate[]> {
  const { ctx, trx, now } = act;
  const key = hex(spkiHash);
  await lockKey(trx, spkiHash);
  const subject = { key, ...(through && certificateSubject(through)) };
  if (await blockKey(trx, spkiHash, sealWords(ctx, 'blocked', key, why), now))
    await record(act, { action: 'key.blocked', subject, detail: { by } });
  const revoked: Certificate[] = [];
  for (;;) {
    const bearers = await livingSerials(trx, { key }, now, { after: '', limit: batch, isMoved: false });
    if (bearers.length === 0) return revoked;
    revoked.push(...(await revokeAll(act, bearers, { reason: 'keyCompromise', by })));
  }
}

/** What an operator has heard of a key. @returns the certificates that were revoked for it */
export const blockCompromisedKey = (ctx: Ctx, key: string, why: string, actor: Actor): Promise<Certificate[]> =>
  revoking(ctx, actor, act => blockAndRevoke(act, Buffer.from(key, 'hex'), { by: 'operator', why }));
