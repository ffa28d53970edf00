import { codeLifetime } from '../challenges/email-mailbox-01.ts';
import type { Ctx } from '../ctx.ts';
import { type Message, maxAttempts, retryPause } from '../model/message.ts';
import { Problem } from '../model/problem.ts';
import { enhancedStatusMeaning } from '../model/smtp-status.ts';
import { onAbort } from '../net/deadline.ts';
import { DeliveryError, type Notice } from '../notify/channel.ts';
import { accountAddedText, codeNoticeText, codeText, contestedText, issuedText, revokedText, type Text } from '../notify/texts.ts';
import { findAccount } from '../store/accounts.ts';
import { findChallengeAndAuthorization, setChallengeError } from '../store/authorizations.ts';
import { findCertificate } from '../store/certificates.ts';
import { findDirectory } from '../store/doors.ts';
import { findMember } from '../store/members.ts';
import { claimMessages, markFailed, markSent, releaseMessage, type Sent } from '../store/outbox.ts';
import { findProof } from '../store/proofs.ts';
import { accountUrl } from './ids.ts';
import { mailboxCode } from './mailbox-code.ts';

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
      await markFailed(ctx.db, message, 'what it tells of is gone, or nobody is left to tell', undefined);
      return undefined;
    }
    const sent = await unlessEnding(ctx.background.ending, ctx.channels.mail.send(notice));
    if (sent) return { message, ...(sent.refused && { flaw: `refused for ${sent.refused} of ${notice.to.length} recipients` }) };
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
    const mine = await markFailed(trx, message, failure.message, dead ? undefined : ctx.now() + retryPause(attempts));
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

/** The text is made at delivery, from ids: nothing personal lies in the outbox. */
async function render(ctx: Ctx, message: Message): Promise<Notice | undefined> {
  const rendered = await renderKind(ctx, message);
  return rendered?.to.length ? { id: message.id, to: rendered.to, ...rendered.text } : undefined;
}

type Rendered = { to: string[]; text: Text } | undefined;

async function renderKind(ctx: Ctx, message: Message): Promise<Rendered> {
  const authority = ctx.config.publicUrl;
  switch (message.kind) {
    case 'challenge-code':
    case 'challenge-notice':
      return renderChallenge(ctx, message);
    case 'proof-code': {
      const proof = await findProof(ctx.db, message.refs.proofId);
      const member = proof && (await findMember(ctx.db, proof.memberId));
      if (!proof || !member || proof.status !== 'pending' || proof.expiresAt <= ctx.now()) return undefined;
      const { id, domain, mailbox, expiresAt } = proof;
      const code = mailboxCode(ctx, 'proof', id, domain, mailbox);
      return { to: [mailbox], text: codeText({ reference: id.slice(0, 8), domain, code, member: member.name, expiresAt, authority }) };
    }
    case 'issued':
    case 'revoked':
      return renderCertificate(ctx, message.kind, message.refs.serial);
    case 'account-added': {
      const account = await findAccount(ctx.db, message.refs.accountId);
      const member = account?.memberId === undefined ? undefined : await findMember(ctx.db, account.memberId);
      if (!account || !member) return undefined;
      const directory = account.door === 'directory' ? await findDirectory(ctx.db, account.doorId ?? '') : undefined;
      const facts = {
        account: accountUrl(authority, account.id),
        thumbprint: account.thumbprint,
        door: account.door,
        member: member.name,
        authority,
        ...(directory?.domains && { domains: directory.domains }),
      };
      return { to: member.contacts, text: accountAddedText(facts) };
    }
    case 'contested': {
      const { memberId, domain, role } = message.refs;
      const member = await findMember(ctx.db, memberId);
      return member && { to: member.contacts, text: contestedText({ domain, role, member: member.name, authority }) };
    }
  }
}

async function renderChallenge(ctx: Ctx, message: Message & { kind: 'challenge-code' | 'challenge-notice' }): Promise<Rendered> {
  const { challengeId, mailbox, address } = message.refs;
  const found = await findChallengeAndAuthorization(ctx.db, challengeId);
  const account = found && (await findAccount(ctx.db, found.authorization.accountId));
  if (!found || !account) return undefined;
  // A code that was used or has ended is of no use; that one was asked for is news all the same.
  const isOver = found.challenge.status !== 'pending' || message.createdAt + codeLifetime <= ctx.now();
  if (message.kind === 'challenge-code' && isOver) return undefined;
  const member = account.memberId === undefined ? undefined : await findMember(ctx.db, account.memberId);
  const facts = {
    reference: challengeId.slice(0, 8),
    domain: found.authorization.name,
    member: member?.name ?? 'An account of no member',
    authority: ctx.config.publicUrl,
  };
  if (message.kind === 'challenge-notice')
    return { to: [mailbox], text: codeNoticeText({ ...facts, sentTo: found.challenge.mailbox?.sentTo.at(-1)?.mailbox ?? '' }) };
  const code = mailboxCode(ctx, 'challenge', challengeId, facts.domain, mailbox);
  const expiresAt = message.createdAt + codeLifetime;
  return { to: [mailbox], text: codeText({ ...facts, code, thumbprint: account.thumbprint, expiresAt, ...(address && { address }) }) };
}

async function renderCertificate(ctx: Ctx, kind: 'issued' | 'revoked', serial: string): Promise<Rendered> {
  const certificate = await findCertificate(ctx.db, serial);
  const member = certificate?.memberId === undefined ? undefined : await findMember(ctx.db, certificate.memberId);
  if (!certificate || !member) return undefined;
  const { names, profile, notBefore, notAfter, accountId, revocation } = certificate;
  const authority = ctx.config.publicUrl;
  const facts = {
    serial,
    names,
    profile,
    notBefore,
    notAfter,
    member: member.name,
    authority,
    ...(accountId !== undefined && { account: accountUrl(authority, accountId) }),
  };
  if (kind === 'issued') return { to: member.contacts, text: issuedText(facts) };
  return (
    revocation && {
      to: member.contacts,
      text: revokedText({ ...facts, reason: revocation.reason, by: who(revocation.by, authority), revokedAt: revocation.at }),
    }
  );
}

function who(by: string, authority: string): string {
  if (by === 'key') return "the holder of the certificate's key";
  if (by === 'operator') return "the federation's operators";
  return by.startsWith('account:') ? `the account ${accountUrl(authority, by.slice('account:'.length))}` : 'the authority';
}
