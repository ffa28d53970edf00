import { codeLifetime, listMailboxes } from '../../challenges/email-mailbox-01.ts';
import { namePolicy } from '../../config.ts';
import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import { parseName, registrableDomain } from '../../model/identifier.ts';
import type { DomainProof, Member } from '../../model/member.ts';
import { Problem } from '../../model/problem.ts';
import { within } from '../../net/deadline.ts';
import { revokeAuthorizationsOfProof } from '../../store/authorizations.ts';
import { findProof, insertProof, listProofs, revokeProof } from '../../store/proofs.ts';
import { type Act, transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { newId } from '../ids.ts';
import { limitCodes, mailboxCodes } from '../mail/mailbox-code.ts';
import { queueMessage } from '../mail/queue-message.ts';
import { acceptProof } from './accept-proof.ts';
import { refuseContested } from './contested.ts';
import { countCode } from './count-code.ts';

/** Begins a proof: a code goes to the mailbox, by default the first that the domain offers. @throws Problem */
export async function beginProof(
  ctx: Ctx,
  member: Member,
  { domain, mailbox }: { domain: string; mailbox?: string | undefined },
  actor: Actor,
): Promise<{ proof: DomainProof; messages: string[] }> {
  const { name, wildcard } = parseName(domain, namePolicy(ctx.config));
  if (wildcard) throw new Problem('malformed', 'A proof covers the names below the domain by itself; leave the "*." out.');
  const offered = await within(15_000, undefined, signal => listMailboxes(ctx.net, name, ctx.config.policy.mailboxes, signal));
  if (offered.length === 0)
    throw new Problem(
      'rejectedIdentifier',
      `Neither "${name}" nor a domain above it has an MX record of its own, so there is no mailbox to ask. Prove it by a DNS or HTTP challenge.`,
    );
  const now = ctx.now();
  const proof: DomainProof = {
    id: newId(ctx),
    memberId: member.id,
    domain: name,
    status: 'pending',
    mailbox: chosen(mailbox, name, offered),
    expiresAt: now + codeLifetime,
    createdAt: now,
  };
  const messages = await transact(ctx, actor, async act => {
    await insertProof(act.trx, proof);
    await limitCodes(act, member.id, name);
    const subject = { member: member.id, proof: proof.id };
    await record(act, { action: 'domain.prove-begun', subject, detail: { domain: name, mailbox: proof.mailbox } });
    const scope = { memberId: member.id, domain: registrableDomain(name) };
    return [await queueMessage(act, { kind: 'proof-code', refs: { proofId: proof.id, mailbox: proof.mailbox } }, { scope })];
  });
  return { proof, messages };
}

/** `hostmaster` stands for hostmaster at the domain itself. @throws Problem malformed, naming the allowed ones */
function chosen(mailbox: string | undefined, domain: string, offered: string[]): string {
  const wanted = mailbox?.toLowerCase() ?? offered[0] ?? '';
  const address = wanted.includes('@') ? wanted : `${wanted}@${domain}`;
  if (!offered.includes(address)) throw new Problem('malformed', `The mailbox is one of ${offered.join(', ')}.`);
  return address;
}

/** The code came back. @throws Problem incorrectResponse, unauthorized where another member holds the domain */
export async function confirmDomain(
  ctx: Ctx,
  member: Member,
  { domain, code }: { domain: string; code: string },
  actor: Actor,
): Promise<DomainProof> {
  const now = ctx.now();
  const name = domain.toLowerCase();
  const pending = (await listProofs(ctx.db, { memberId: member.id, domain: name })).filter(
    p => p.status === 'pending' && p.expiresAt > now,
  );
  if (pending.length === 0)
    throw new Problem('malformed', `No code is on its way for "${domain}": begin with "domain prove". A code lives a day.`);
  const given = code.trim().toLowerCase();
  const proof = pending.find(p => mailboxCodes(ctx, 'proof', p.id, p.domain, p.mailbox).includes(given));
  if (!proof) throw new Problem('incorrectResponse', `This is not the code that was mailed for "${domain}".`);
  return countCode(ctx, () => acceptCode(ctx, proof, actor));
}

async function acceptCode(ctx: Ctx, proof: DomainProof, actor: Actor): Promise<DomainProof> {
  await refuseContested(ctx, proof.memberId, proof.domain);
  return transact(ctx, actor, async act => {
    const expiresAt = await acceptProof(act, proof, { mailbox: proof.mailbox });
    if (expiresAt === undefined) throw new Problem('malformed', 'The proof was confirmed or revoked meanwhile.');
    return { ...proof, status: 'valid', validatedAt: act.now, expiresAt };
  });
}

/** Ends proofs and the authorizations made from them, all or none. @throws Problem */
export async function endProofs(ctx: Ctx, proofs: readonly DomainProof[], actor: Actor): Promise<void> {
  await transact(ctx, actor, async act => {
    for (const proof of proofs) await endProof(act, proof);
  });
}

async function endProof(act: Act, proof: DomainProof): Promise<void> {
  const { trx, now } = act;
  if (!(await revokeProof(trx, proof.id))) throw new Problem('malformed', `The proof ${proof.id} of "${proof.domain}" is revoked already.`);
  await revokeAuthorizationsOfProof(trx, proof.id);
  // As it is now that nobody else moves it: it may have been confirmed since it was read.
  const { validatedAt, expiresAt } = (await findProof(trx, proof.id)) ?? proof;
  await record(act, {
    action: 'domain.revoked',
    subject: { member: proof.memberId, proof: proof.id },
    detail: { domain: proof.domain, stood: validatedAt !== undefined && expiresAt > now },
  });
}
