import type { Ctx } from '../ctx.ts';
import type { Actor } from '../model/audit.ts';
import { type Certificate, operatorReasons, type RevocationReason, subscriberReasons } from '../model/certificate.ts';
import { rfc3339 } from '../model/encoding.ts';
import { Problem } from '../model/problem.ts';
import { record } from '../store/audit.ts';
import { blockKey, revokeCertificate } from '../store/certificates.ts';
import type { Trx } from '../store/open.ts';
import { deliver } from './deliver.ts';
import { tell } from './message.ts';

/** On whose authority (RFC 8555 §7.6); the caller has proved it. */
export type Revoker =
  /** The account that ordered it. */
  | { kind: 'account'; id: string }
  /** Another account that is authorized for all its names: it cannot know why, only that the names are no longer the holder's. */
  | { kind: 'authorized-account'; id: string }
  /** Whoever holds the certificate's key. */
  | { kind: 'key' }
  | { kind: 'operator' };

/** One function for every door. @throws Problem alreadyRevoked, badRevocationReason, malformed */
export async function revoke(
  ctx: Ctx,
  certificate: Certificate,
  reason: RevocationReason,
  revoker: Revoker,
  actor: Actor,
): Promise<{ at: number; reason: RevocationReason }> {
  const allowed = revoker.kind === 'operator' ? operatorReasons : subscriberReasons;
  if (!allowed.includes(reason))
    throw new Problem('badRevocationReason', `The reason "${reason}" is not accepted here; use one of ${allowed.join(', ')}.`);
  const at = ctx.now();
  const { serial, memberId, accountId } = certificate;
  const by = 'id' in revoker ? `account:${revoker.id}` : revoker.kind;
  const blocks = reason === 'keyCompromise' && (revoker.kind === 'key' || revoker.kind === 'operator');
  const subject = { serial, ...(memberId !== undefined && { member: memberId }), ...(accountId !== undefined && { account: accountId }) };
  const block = async (trx: Trx) => {
    await blockKey(trx, certificate.spkiHash, `certificate ${serial}, said by ${by}`, at);
    await record(trx, at, { action: 'key.blocked', actor, subject });
  };
  if (certificate.revocation) {
    // The first revocation stands; that the key is lost is news all the same.
    if (blocks) await ctx.db.transaction(block);
    throw new Problem(
      'alreadyRevoked',
      `The certificate was revoked at ${rfc3339(certificate.revocation.at)}${blocks ? '; its key is now blocked' : ''}.`,
    );
  }
  if (certificate.state !== 'issued' || certificate.notAfter < at)
    throw new Problem('malformed', 'The certificate has expired or was never issued; there is nothing to revoke.');

  const recorded = revoker.kind === 'authorized-account' ? 'cessationOfOperation' : reason;
  const messages = await ctx.db.transaction(async trx => {
    if (!(await revokeCertificate(trx, serial, { at, reason: recorded, by })))
      throw new Problem('alreadyRevoked', 'The certificate was revoked by another request meanwhile.');
    await record(trx, at, { action: 'certificate.revoked', actor, subject, detail: { reason: recorded, by } });
    if (blocks) await block(trx);
    return memberId === undefined ? [] : [await tell(ctx, trx, { kind: 'revoked', refs: { serial } })];
  });
  ctx.revocations.emit('committed', certificate.issuerId);
  ctx.background.run('deliver', () => deliver(ctx, messages));
  return { at, reason: recorded };
}
