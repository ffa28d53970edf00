import { checkCaa } from '../../challenges/caa.ts';
import type { Evidence } from '../../challenges/challenge-type.ts';
import { challengeTypes } from '../../challenges/table.ts';
import type { Ctx } from '../../ctx.ts';
import type { Account } from '../../model/account.ts';
import { type Actor, type AuditEvent, clock } from '../../model/audit.ts';
import { type Authorization, authorizationLifetime, authorizationStatus } from '../../model/authorization.ts';
import type { Challenge } from '../../model/challenge.ts';
import { registrableDomain } from '../../model/identifier.ts';
import type { Member } from '../../model/member.ts';
import { about, asProblem, Problem } from '../../model/problem.ts';
import { seconds } from '../../model/seconds.ts';
import { within } from '../../net/deadline.ts';
import { findAccount } from '../../store/accounts.ts';
import {
  claimChallenge,
  findChallenge,
  findChallengeAndAuthorization,
  firstClaim,
  holdsChallenge,
  moveAuthorization,
  moveChallenge,
  unclaimedChallenges,
  updateMailbox,
} from '../../store/authorizations.ts';
import type { Trx } from '../../store/open.ts';
import { insertProof, lockDomain, otherHolders, supersedeProofs } from '../../store/proofs.ts';
import { record } from '../audit/record.ts';
import { accountUrl, newId } from '../ids.ts';
import { deliver } from '../mail/deliver.ts';
import { limitCodes, mailboxCodes } from '../mail/mailbox-code.ts';
import { tell } from '../mail/queue-message.ts';
import { contested, refuseContested } from './contested.ts';
import { countCode } from './count-code.ts';

/** Seconds that a validation may take in all, and that a process keeps it for itself. */
const deadline = 20;
const claim = 30;

/**
 * A client has answered a challenge (RFC 8555 §7.5.1): the next state is written, then the check goes on in the background.
 * A challenge that is no longer pending is left as it is.
 * @returns the challenge as it is now
 * @throws Problem
 */
export async function answerChallenge(
  ctx: Ctx,
  account: Account,
  member: Member | undefined,
  { challenge, authorization }: { challenge: Challenge; authorization: Authorization },
  payload: Record<string, unknown>,
  actor: Actor,
): Promise<Challenge> {
  if (challenge.status !== 'pending') return challenge;
  const status = authorizationStatus(authorization, ctx.now());
  if (status !== 'pending') throw new Problem('malformed', `The authorization is ${status}; its challenges can no longer be answered.`);
  const answer = challengeTypes[challenge.type].respond(challenge, payload, {
    thumbprint: account.thumbprint,
    now: ctx.now(),
    codesFor: mailbox => mailboxCodes(ctx, 'challenge', challenge.id, authorization.name, mailbox),
  });
  const subject = subjectOf(account, authorization);
  if (challenge.mailbox) await refuseContested(ctx, account.memberId, authorization.name);
  switch (answer.next) {
    case 'processing':
      if (
        await begin(
          ctx,
          { challenge, authorization, account, fence: firstClaim },
          { action: 'challenge.answered', actor, subject: { ...subject, challenge: challenge.id } },
        )
      )
        return { ...challenge, status: 'processing' };
      break;
    case 'pending':
      await sendCode(ctx, { challenge, authorization }, answer.mailbox, member, actor, subject);
      break;
    case 'valid':
      await countCode(ctx, async () => {
        await within(deadline * 1000, ctx.background.ending, signal => caaFor(ctx, authorization, challenge, signal));
        await ctx.db.transaction(trx => succeed(ctx, trx, { challenge, authorization }, account, answer.evidence, actor));
      });
      break;
  }
  return (await findChallenge(ctx.db, challenge.id)) ?? challenge;
}

const subjectOf = (account: Account, authorization: Authorization) => ({
  account: account.id,
  authorization: authorization.id,
  ...(account.memberId !== undefined && { member: account.memberId }),
});

/** The topic under which an authorization's validation is under way. */
export const validationOf = (authorizationId: string): string => `validate ${authorizationId}`;

/** Moved and claimed in one, so that nothing need be read again. @returns whether it was this call that moved it */
async function begin(ctx: Ctx, claimed: Claimed, event: AuditEvent): Promise<boolean> {
  const { id, authorizationId } = claimed.challenge;
  const moved = await ctx.db.transaction(async trx => {
    const moved = await moveChallenge(trx, id, 'pending', 'processing', { claim });
    if (moved) await record(ctx, trx, ctx.now(), event);
    return moved;
  });
  if (moved) ctx.background.run('validate', signal => validateClaimed(ctx, claimed, signal), validationOf(authorizationId));
  return moved;
}

/** A code to the named mailbox, a notice without it to the other ones, once each. */
async function sendCode(
  ctx: Ctx,
  { challenge, authorization }: { challenge: Challenge; authorization: Authorization },
  mailbox: string,
  member: Member | undefined,
  actor: Actor,
  subject: Record<string, string>,
): Promise<void> {
  const detail = challenge.mailbox;
  if (!detail) throw new Error(`the challenge ${challenge.id} has no mailboxes`);
  const domain = authorization.name;
  const messages = await ctx.db.transaction(async trx => {
    // First: its lock makes one of two requests wait until the other's mailbox can be read.
    await limitCodes(ctx, trx, member?.id, domain);
    const before = (await findChallenge(trx, challenge.id))?.mailbox?.sentTo ?? [];
    const sentTo = [...before.filter(m => m.mailbox !== mailbox), { mailbox, at: ctx.now() }];
    if (!(await updateMailbox(trx, challenge.id, { ...detail, sentTo })))
      throw new Problem('malformed', 'The challenge was answered meanwhile.');
    const scope = { memberId: member?.id, domain: registrableDomain(domain) };
    const refs = { challengeId: challenge.id };
    const asker = actor.address === undefined || actor.address === '' ? undefined : { address: actor.address };
    const ids = [await tell(ctx, trx, { kind: 'challenge-code', refs: { ...refs, mailbox } }, scope, asker)];
    const others = detail.sentTo.length === 0 ? detail.mailboxes.filter(m => m !== mailbox) : [];
    for (const other of others) ids.push(await tell(ctx, trx, { kind: 'challenge-notice', refs: { ...refs, mailbox: other } }));
    await record(ctx, trx, ctx.now(), {
      action: 'challenge.code-sent',
      actor,
      subject: { ...subject, challenge: challenge.id },
      detail: { mailbox },
    });
    return ids;
  });
  ctx.background.run('deliver', () => deliver(ctx, messages));
}

/** Resumes what a crash interrupted: the state column is the queue. */
export async function resumeValidations(ctx: Ctx): Promise<void> {
  for (const { id, authorizationId } of await unclaimedChallenges(ctx.db, 100))
    ctx.background.run('validate', signal => validate(ctx, id, signal), validationOf(authorizationId));
}

/** Goes out and looks; outcome, authorization and audit are one transaction. Nothing happens where another process is at it. */
export async function validate(ctx: Ctx, challengeId: string, stop: AbortSignal): Promise<void> {
  const fence = await claimChallenge(ctx.db, challengeId, claim);
  const found = fence !== undefined && (await findChallengeAndAuthorization(ctx.db, challengeId));
  const account = found && (await findAccount(ctx.db, found.authorization.accountId));
  if (account) await validateClaimed(ctx, { ...found, account, fence }, stop);
}

/** A challenge that this process has for itself, with all that belongs to it. */
interface Claimed extends Pair {
  account: Account;
  fence: number;
}

async function validateClaimed(ctx: Ctx, { challenge, authorization, account, fence }: Claimed, stop: AbortSignal): Promise<void> {
  const pair = { challenge, authorization };
  const settled = ctx.metrics.beginValidation(challenge.type);
  const settle = async (outcome: Evidence | Problem) => {
    const held = await ctx.db.transaction(async trx => {
      if (!(await holdsChallenge(trx, challenge.id, fence))) return false;
      if (outcome instanceof Problem) await fail(ctx, trx, pair, account, outcome);
      else await succeed(ctx, trx, pair, account, outcome, clock);
      return true;
    });
    if (held) settled(outcome instanceof Problem ? outcome.type : 'valid');
  };
  const found = await look(ctx, challenge, authorization, account, stop).catch(error => {
    if (!(error instanceof Problem) && !stop.aborted)
      ctx.log.error({ err: error, challenge: challenge.id }, 'validation failed unexpectedly');
    return asProblem(error);
  });
  try {
    // A process that ends lets go of it: that says nothing of the domain.
    if (found instanceof Problem && stop.aborted) await holdsChallenge(ctx.db, challenge.id, fence);
    else await settle(found);
  } catch (error) {
    // A Problem: another member has become a holder meanwhile. What the database cannot do now, the clock tries again.
    if (!(error instanceof Problem)) throw error;
    await settle(error);
  }
}

async function look(ctx: Ctx, challenge: Challenge, authorization: Authorization, account: Account, stop: AbortSignal): Promise<Evidence> {
  const { check } = challengeTypes[challenge.type];
  if (!check) throw new Error(`${challenge.type} has nothing to check`);
  const task = { name: authorization.name, token: challenge.token, thumbprint: account.thumbprint };
  return within(deadline * 1000, stop, async signal => {
    const evidence = await check(ctx.net, task, signal);
    const caa = await caaFor(ctx, authorization, challenge, signal);
    return caa ? { ...evidence, caa } : evidence;
  });
}

function caaFor(ctx: Ctx, authorization: Authorization, challenge: Challenge, signal: AbortSignal) {
  const { name, wildcard, accountId } = authorization;
  const question = {
    name,
    wildcard,
    method: challenge.type,
    accountUri: accountUrl(ctx.config.publicUrl, accountId),
    identities: ctx.config.validation.caaIdentities,
  };
  return checkCaa(ctx.net, question, signal);
}

interface Pair {
  challenge: Challenge;
  authorization: Authorization;
}

async function succeed(
  ctx: Ctx,
  trx: Trx,
  { challenge, authorization }: Pair,
  account: Account,
  evidence: Evidence,
  actor: Actor,
): Promise<void> {
  const now = ctx.now();
  if (!(await moveChallenge(trx, challenge.id, challenge.mailbox ? 'pending' : 'processing', 'valid', { validatedAt: now }))) return;
  // A proof by mailbox serves the whole member, and ends what it has made when it ends.
  const proof = challenge.mailbox && account.memberId !== undefined ? { id: newId(ctx), memberId: account.memberId } : undefined;
  const expiresAt = Math.min(now + authorizationLifetime.valid, proof ? now + proofLifetime(ctx) : Number.POSITIVE_INFINITY);
  const change = { expiresAt, method: challenge.type, ...(proof && { proofId: proof.id }) };
  if (!(await moveAuthorization(trx, authorization.id, 'pending', 'valid', change))) return;
  const subject = { ...subjectOf(account, authorization), challenge: challenge.id };
  const detail = { name: authorization.name, type: challenge.type, ...evidence };
  await record(ctx, trx, now, { action: 'challenge.valid', actor, subject, detail });
  if (proof) await addProof(ctx, trx, proof, authorization.name, detail, actor);
}

const proofLifetime = (ctx: Ctx): number => ctx.config.policy.proofDays * seconds.day;

async function addProof(
  ctx: Ctx,
  trx: Trx,
  { id, memberId }: { id: string; memberId: string },
  domain: string,
  evidence: Evidence,
  actor: Actor,
): Promise<void> {
  const now = ctx.now();
  // Another member may have become a holder since the first look.
  await lockDomain(trx, domain);
  if ((await otherHolders(trx, memberId, domain, now)).length) throw contested(domain);
  const expiresAt = now + proofLifetime(ctx);
  const mailbox = String(evidence['mailbox']);
  await insertProof(trx, { id, memberId, domain, status: 'valid', mailbox, createdAt: now, validatedAt: now, expiresAt, evidence });
  await supersedeProofs(trx, memberId, domain, id);
  await record(ctx, trx, now, { action: 'domain.proved', actor, subject: { member: memberId, proof: id }, detail: { domain, mailbox } });
}

async function fail(ctx: Ctx, trx: Trx, { challenge, authorization }: Pair, account: Account, problem: Problem): Promise<void> {
  if (!(await moveChallenge(trx, challenge.id, 'processing', 'invalid', { error: about(authorization.name, problem).toJSON() }))) return;
  await moveAuthorization(trx, authorization.id, 'pending', 'invalid');
  await record(ctx, trx, ctx.now(), {
    action: 'challenge.invalid',
    actor: clock,
    subject: { ...subjectOf(account, authorization), challenge: challenge.id },
    detail: { name: authorization.name, type: challenge.type, error: problem.type, reason: problem.detail },
  });
}
