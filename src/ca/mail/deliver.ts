import type { Ctx } from '../../ctx.ts';
import { type Message, maxAttempts, retryPause } from '../../model/message.ts';
import { plural } from '../../model/plural.ts';
import { Problem } from '../../model/problem.ts';
import { enhancedStatusMeaning } from '../../model/smtp-status.ts';
import { onAbort } from '../../net/deadline.ts';
import { DeliveryError } from '../../notify/channel.ts';
import { setChallengeError } from '../../store/authorizations.ts';
import { claimMessages, markFailed, markSent, releaseMessage, type Sent } from '../../store/outbox.ts';
import { render } from './render.ts';

/** Seconds that a process keeps a message for itself: longer than any mail server may take. */
const claim = 150;

/** Messages that are handed over side by side, and marked by one commit: the slowest holds up no more than these. */
const batch = 10;

/** Delivers what is due, in every process; each message by one of them. */
export async function deliverDue(ctx: Ctx): Promise<void> {
  while (!ctx.background.ending.aborted) {
    const messages = await claimMessages(ctx.db, { now: ctx.now(), limit: batch }, claim);
    await attemptAll(ctx, messages);
    if (messages.length < batch) return;
  }
}

/** Delivers these. */
export async function deliver(ctx: Ctx, ids: readonly string[]): Promise<void> {
  for (let i = 0; i < ids.length && !ctx.background.ending.aborted; i += batch)
    await attemptAll(ctx, await claimMessages(ctx.db, { now: ctx.now(), ids: ids.slice(i, i + batch), limit: batch }, claim));
}

/** At least once: a crash between sending and marking sends again, under the same Message-ID. */
async function attemptAll(ctx: Ctx, messages: readonly Message[]): Promise<void> {
  const sent = await Promise.all(messages.map(message => attempt(ctx, message)));
  await markSent(
    ctx.db,
    sent.filter(s => s !== undefined),
    ctx.now(),
  );
}

/** @returns undefined where it was not sent, which is then written down */
async function attempt(ctx: Ctx, message: Message): Promise<Sent | undefined> {
  try {
    const notice = await render(ctx, message);
    if (!notice) {
      await ctx.db.transaction(trx =>
        markFailed(trx, message, 'what it tells of is gone, or nobody is left to tell', undefined, ctx.now()),
      );
      return undefined;
    }
    const sent = await unlessEnding(ctx.background.ending, ctx.channels.mail.send(notice));
    if (sent) return { message, ...(sent.refused && { flaw: `refused for ${sent.refused} of ${plural(notice.to.length, 'recipient')}` }) };
    await releaseMessage(ctx.db, message);
  } catch (error) {
    await failed(ctx, message, error);
  }
  return undefined;
}

/** A process that ends does not wait for a mail server. @returns undefined where it ends first */
async function unlessEnding<T>(ending: AbortSignal, sending: Promise<T>): Promise<T | undefined> {
  let takeBack = () => {};
  const ended = new Promise<undefined>(resolve => {
    takeBack = onAbort(ending, () => resolve(undefined));
  });
  try {
    return await Promise.race([sending, ended]);
  } finally {
    takeBack();
  }
}

async function failed(ctx: Ctx, message: Message, error: unknown): Promise<void> {
  const failure = error instanceof DeliveryError ? error : new DeliveryError('the message could not be handed over', false);
  if (failure !== error) ctx.log.error({ err: error, message: message.id }, 'delivery failed unexpectedly');
  const attempts = message.attempts + 1;
  const dead = failure.permanent || attempts >= maxAttempts;
  await ctx.db.transaction(async trx => {
    const mine = await markFailed(trx, message, failure.message, dead ? undefined : ctx.now() + retryPause(attempts), ctx.now());
    if (mine && message.kind === 'challenge-code')
      await setChallengeError(trx, message.refs.challengeId, mailProblem(message.refs.mailbox, failure, dead).toJSON());
  });
}

/** What the client that waits for the code is told: our words, none of the server's. */
function mailProblem(mailbox: string, { enhancedStatus, message }: DeliveryError, dead: boolean): Problem {
  const meaning = enhancedStatus === undefined ? '' : `: ${enhancedStatusMeaning(enhancedStatus)}`;
  const next = dead ? 'Name another mailbox.' : 'It is tried again by itself; another mailbox can be named meanwhile.';
  return new Problem('connection', `The code for ${mailbox} was not delivered: ${message}${meaning}. ${next}`);
}
