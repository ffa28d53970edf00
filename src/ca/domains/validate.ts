import { checkCaa } from '../../challenges/caa.ts';
import type { Evidence } from '../../challenges/challenge-type.ts';
import { challengeTypes } from '../../challenges/table.ts';
import type { Ctx } from '../../ctx.ts';
import { type Actor, clock } from '../../model/audit.ts';
import { asProblem, Problem } from '../../model/problem.ts';
import { within } from '../../net/deadline.ts';
import { findAccount } from '../../store/accounts.ts';
import {
  claimChallenge,
  findChallengeAndAuthorization,
  firstClaim,
  holdsChallenge,
  moveChallenge,
  unclaimedChallenges,
} from '../../store/authorizations.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { accountUrl } from '../ids.ts';
import { type Attempt, attemptSubject, fail, succeed } from './settle-challenge.ts';

/** Seconds that a validation may take in all, and that a process keeps it for itself. */
export const deadline = 20;
const claim = 30;

/** The topic under which an authorization's validation is under way. */
export const validationOf = (authorizationId: string): string => `validate ${authorizationId}`;

/** Moves a challenge to `processing`, and goes out in the background. Moved and claimed in one, so that nothing need be read again. @returns whether it was this call that moved it */
export async function beginValidation(ctx: Ctx, attempt: Attempt, actor: Actor): Promise<boolean> {
  const { id, authorizationId } = attempt.challenge;
  const moved = await transact(ctx, actor, async act => {
    const moved = await moveChallenge(act.trx, id, 'pending', 'processing', { claim });
    if (moved) await record(act, { action: 'challenge.answered', subject: attemptSubject(attempt) });
    return moved;
  });
  const claimed = { ...attempt, fence: firstClaim };
  if (moved) ctx.background.run('validate', signal => validateClaimed(ctx, claimed, signal), validationOf(authorizationId));
  return moved;
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

/** An attempt that this process has for itself. */
interface Claimed extends Attempt {
  fence: number;
}

async function validateClaimed(ctx: Ctx, attempt: Claimed, stop: AbortSignal): Promise<void> {
  const { challenge, fence } = attempt;
  const settled = ctx.metrics.beginValidation(challenge.type);
  const settle = async (outcome: Evidence | Problem) => {
    const held = await transact(ctx, clock, async act => {
      if (!(await holdsChallenge(act.trx, challenge.id, fence))) return false;
      if (outcome instanceof Problem) await fail(act, attempt, outcome);
      else await succeed(act, attempt, outcome);
      return true;
    });
    if (held) settled(outcome instanceof Problem ? outcome.type : 'valid');
  };
  const found = await look(ctx, attempt, stop).catch(error => {
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

async function look(ctx: Ctx, attempt: Attempt, stop: AbortSignal): Promise<Evidence> {
  const { challenge, authorization, account } = attempt;
  const { check } = challengeTypes[challenge.type];
  if (!check) throw new Error(`${challenge.type} has nothing to check`);
  const task = { name: authorization.name, token: challenge.token, thumbprint: account.thumbprint };
  return within(deadline * 1000, stop, async signal => {
    const evidence = await check(ctx.net, task, signal);
    const caa = await caaFor(ctx, attempt, signal);
    return caa ? { ...evidence, caa } : evidence;
  });
}

/** What CAA says of an attempt (RFC 8659). @throws Problem caa, dns */
export function caaFor(ctx: Ctx, { challenge, authorization }: Attempt, signal: AbortSignal): ReturnType<typeof checkCaa> {
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
