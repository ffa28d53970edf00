import { codeLifetime, listMailboxes } from '../../challenges/email-mailbox-01.ts';
import { namePolicy } from '../../config.ts';
import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import { parseName, registrableDomain } from '../../model/identifier.ts';
import type { DomainProof, Member } from '../../model/member.ts';
import { Problem } from '../../model/problem.ts';
import { seconds } from '../../model/seconds.ts';
import { within } from '../../net/deadline.ts';
import { revokeAuthorizationsOfProof } from '../../store/authorizations.ts';
import type { Trx } from '../../store/open.ts';
import {
  confirmProof,
  findProof,
  insertProof,
  listProofs,
  lockDomain,
  otherHolders,
  revokeProof,
  supersedeProofs,
} from '../../store/proofs.ts';
import { record } from '../audit/record.ts';
import { newId } from '../ids.ts';
import { limitCodes, mailboxCodes } from '../mail/mailbox-code.ts';
import { tell } from '../mail/queue-message.ts';
import { contested, refuseContested } from './contested.ts';
import { countCode } from './count-code.ts';

/** Begins a proof: a code goes to the mailbox, by default the first that the domain offers. @throws Problem */
export async function beginProof(
  ctx: Ctx,
  member: Member,
  domain: string,
  mailbox: string | undefined,
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
  const messages = await ctx.db.transaction(async trx => {
    await insertProof(trx, proof);
    await limitCodes(ctx, trx, member.id, name);
    await record(ctx, trx, now, {
      action: 'domain.prove-begun',
      actor,
      subject: { member: member.id, proof: proof.id },
      detail: { domain: name, mailbox: proof.mailbox },
    });
    return [
      await tell(
        ctx,
        trx,
        { kind: 'proof-code', refs: { proofId: proof.id, mailbox: proof.mailbox } },
        { memberId: member.id, domain: registrableDomain(name) },
      ),
    ];
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
export async function confirmDomain(ctx: Ctx, member: Member, domain: string, code: string, actor: Actor): Promise<DomainProof> {
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
  const { id, memberId, domain, mailbox } = proof;
  const now = ctx.now();
  await refuseContested(ctx, memberId, domain);
  const expiresAt = now + ctx.config.policy.proofDays * seconds.day;
  await ctx.db.transaction(async trx => {
    if (!(await confirmProof(trx, id, now, expiresAt, { mailbox })))
      throw new Problem('malformed', 'The proof was confirmed or revoked meanwhile.');
    await lockDomain(trx, domain);
    if ((await otherHolders(trx, memberId, domain, now)).length) throw contested(domain);
    await supersedeProofs(trx, memberId, domain, id);
    await record(ctx, trx, now, { action: 'domain.proved', actor, subject: { member: memberId, proof: id }, detail: { domain, mailbox } });
  });
  return { ...proof, status: 'valid', validatedAt: now, expiresAt };
}

/** Ends proofs and the authorizations made from them, all or none. @throws Problem */
export async function endProofs(ctx: Ctx, proofs: readonly DomainProof[], actor: Actor): Promise<void> {
  await ctx.db.transaction(async trx => {
    for (const proof of proofs) await endProof(ctx, trx, proof, actor);
  });
}

async function endProof(ctx: Ctx, trx: Trx, proof: DomainProof, actor: Actor): Promise<void> {
  if (!(await revokeProof(trx, proof.id))) throw new Problem('malformed', `The proof ${proof.id} of "${proof.domain}" is revoked already.`);
  await revokeAuthorizationsOfProof(trx, proof.id);
  const now = ctx.now();
  // As it is now that nobody else moves it: it may have been confirmed since it was read.
  const { validatedAt, expiresAt } = (await findProof(trx, proof.id)) ?? proof;
  await record(ctx, trx, now, {
    action: 'domain.revoked',
    actor,
    subject: { member: proof.memberId, proof: proof.id },
    detail: { domain: proof.domain, stood: validatedAt !== undefined && expiresAt > now },
  });
}
