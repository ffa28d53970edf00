import type { Evidence } from '../../challenges/challenge-type.ts';
import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import { registrableDomain } from '../../model/identifier.ts';
import { Problem } from '../../model/problem.ts';
import { within } from '../../net/deadline.ts';
import { findChallenge, updateMailbox } from '../../store/authorizations.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { deliver } from '../mail/deliver.ts';
import { limitCodes } from '../mail/mailbox-code.ts';
import { queueMessage } from '../mail/queue-message.ts';
import { countCode } from './count-code.ts';
import { type Attempt, attemptSubject, succeed } from './settle-challenge.ts';
import { caaFor, deadline } from './validate.ts';

/** A code to the named mailbox, a notice without it to the other ones, once each. @throws Problem rateLimited */
export async function sendCode(ctx: Ctx, attempt: Attempt, mailbox: string, actor: Actor): Promise<void> {
  const { challenge, authorization, account } = attempt;
  const detail = challenge.mailbox;
  if (!detail) throw new Error(`the challenge ${challenge.id} has no mailboxes`);
  const domain = authorization.name;
  const { memberId } = account;
  const messages = await transact(ctx, actor, async act => {
    // First: its lock makes one of two requests wait until the other's mailbox can be read.
    await limitCodes(act, memberId, domain);
    const before = (await findChallenge(act.trx, challenge.id))?.mailbox?.sentTo ?? [];
    const sentTo = [...before.filter(m => m.mailbox !== mailbox), { mailbox, at: act.now }];
    if (!(await updateMailbox(act.trx, challenge.id, { ...detail, sentTo })))
      throw new Problem('malformed', 'The challenge was answered meanwhile.');
    const scope = { memberId, domain: registrableDomain(domain) };
    const refs = { challengeId: challenge.id };
    const personal = actor.address === undefined || actor.address === '' ? undefined : { address: actor.address };
    const ids = [await queueMessage(act, { kind: 'challenge-code', refs: { ...refs, mailbox } }, { scope, personal })];
    const others = detail.sentTo.length === 0 ? detail.mailboxes.filter(m => m !== mailbox) : [];
    for (const other of others) ids.push(await queueMessage(act, { kind: 'challenge-notice', refs: { ...refs, mailbox: other } }));
    await record(act, { action: 'challenge.code-sent', subject: attemptSubject(attempt), detail: { mailbox } });
    return ids;
  });
  ctx.background.run('deliver', () => deliver(ctx, messages));
}

/** The right code came back: with CAA it proves the name at once. @throws Problem */
export function acceptCode(ctx: Ctx, attempt: Attempt, evidence: Evidence, actor: Actor): Promise<void> {
  return countCode(ctx, async () => {
    await within(deadline * 1000, ctx.background.ending, signal => caaFor(ctx, attempt, signal));
    await transact(ctx, actor, act => succeed(act, attempt, evidence));
  });
}
