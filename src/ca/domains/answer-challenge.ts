import { challengeTypes } from '../../challenges/table.ts';
import type { Ctx } from '../../ctx.ts';
import { type Authorization, authorizationStatus } from '../../model/authorization.ts';
import type { Challenge } from '../../model/challenge.ts';
import { Problem } from '../../model/problem.ts';
import { findChallenge } from '../../store/authorizations.ts';
import type { Applicant } from '../act.ts';
import { mailboxCodes } from '../mail/mailbox-code.ts';
import { refuseContested } from './contested.ts';
import { acceptCode, sendCode } from './mailed-code.ts';
import { beginValidation } from './validate.ts';

/**
 * A client has answered a challenge (RFC 8555 §7.5.1): the next state is written, then the check goes on in the background.
 * A challenge that is no longer pending is left as it is.
 * @returns the challenge as it is now
 * @throws Problem
 */
export async function answerChallenge(
  ctx: Ctx,
  { account, actor }: Applicant,
  { challenge, authorization }: { challenge: Challenge; authorization: Authorization },
  payload: Record<string, unknown>,
): Promise<Challenge> {
  if (challenge.status !== 'pending') return challenge;
  const status = authorizationStatus(authorization, ctx.now());
  if (status !== 'pending') throw new Problem('malformed', `The authorization is ${status}; its challenges can no longer be answered.`);
  const answer = challengeTypes[challenge.type].respond(challenge, payload, {
    thumbprint: account.thumbprint,
    now: ctx.now(),
    codesFor: mailbox => mailboxCodes(ctx, 'challenge', challenge.id, authorization.name, mailbox),
  });
  const attempt = { challenge, authorization, account };
  if (challenge.mailbox) await refuseContested(ctx, account.memberId, authorization.name);
  switch (answer.next) {
    case 'processing':
      if (await beginValidation(ctx, attempt, actor)) return { ...challenge, status: 'processing' };
      break;
    case 'pending':
      await sendCode(ctx, attempt, answer.mailbox, actor);
      break;
    case 'valid':
      await acceptCode(ctx, attempt, answer.evidence, actor);
      break;
  }
  return (await findChallenge(ctx.db, challenge.id)) ?? challenge;
}
