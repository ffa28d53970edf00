import { codeLifetime } from '../../challenges/email-mailbox-01.ts';
import type { Ctx } from '../../ctx.ts';
import type { Member, MemberPersonal } from '../../model/member.ts';
import type { Message } from '../../model/message.ts';
import { seconds } from '../../model/seconds.ts';
import type { Notice } from '../../notify/channel.ts';
import {
  accountAddedText,
  codeNoticeText,
  codeText,
  contestedText,
  expiringText,
  issuedText,
  lapsingText,
  revokedText,
  type Text,
} from '../../notify/texts.ts';
import { findAccount } from '../../store/accounts.ts';
import { findChallengeAndAuthorization } from '../../store/authorizations.ts';
import { findCertificate, findCertificates } from '../../store/certificates.ts';
import { findDirectory } from '../../store/doors.ts';
import { findMember } from '../../store/members.ts';
import { findProof } from '../../store/proofs.ts';
import { isReplaced } from '../../store/renewals.ts';
import { accountUrl } from '../ids.ts';
import { openAddress, openMember } from '../sealed/personal-data.ts';
import { mailboxCode } from './mailbox-code.ts';

/** The text is made at delivery, from ids and what is opened for it. */
export async function render(ctx: Ctx, message: Message): Promise<Notice | undefined> {
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
      const member = proof && (await personOf(ctx, proof.memberId));
      if (!proof || !member || proof.status !== 'pending' || proof.expiresAt <= ctx.now()) return undefined;
      const { id, domain, mailbox, expiresAt } = proof;
      const code = mailboxCode(ctx, 'proof', id, domain, mailbox);
      return { to: [mailbox], text: codeText({ reference: id.slice(0, 8), domain, code, member: member.name, expiresAt, authority }) };
    }
    case 'issued':
      return renderIssued(ctx, message.refs.serial);
    case 'revoked':
      return renderRevoked(ctx, message.refs);
    case 'expiring':
      return renderExpiring(ctx, message.refs.serial);
    case 'proof-lapsing':
      return renderLapsing(ctx, message.refs);
    case 'account-added': {
      const account = await findAccount(ctx.db, message.refs.accountId);
      const member = account?.memberId === undefined ? undefined : await personOf(ctx, account.memberId);
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
      const member = await personOf(ctx, memberId);
      return member && { to: member.contacts, text: contestedText({ domain, role, member: member.name, authority }) };
    }
  }
}

async function renderChallenge(ctx: Ctx, message: Message & { kind: 'challenge-code' | 'challenge-notice' }): Promise<Rendered> {
  const { challengeId, mailbox } = message.refs;
  const found = await findChallengeAndAuthorization(ctx.db, challengeId);
  const account = found && (await findAccount(ctx.db, found.authorization.accountId));
  if (!found || !account) return undefined;
  // A code that was used or has ended is of no use; that one was asked for is news all the same.
  const isOver = found.challenge.status !== 'pending' || message.createdAt + codeLifetime <= ctx.now();
  if (message.kind === 'challenge-code' && isOver) return undefined;
  const member = account.memberId === undefined ? undefined : await personOf(ctx, account.memberId);
  if (account.memberId !== undefined && !member) return undefined;
  const { address } = openAddress(ctx, message) ?? {};
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
  return {
    to: [mailbox],
    text: codeText({ ...facts, code, thumbprint: account.thumbprint, expiresAt, ...(address !== undefined && { address }) }),
  };
}

/** A member with its name and contacts; nothing where these were erased: there is nobody left to tell. */
async function personOf(ctx: Ctx, memberId: string): Promise<(Member & MemberPersonal) | undefined> {
  const member = await findMember(ctx.db, memberId);
  const personal = member && openMember(ctx, member);
  return personal && { ...member, ...personal };
}

/** A certificate with the member whose it is, and what is said of both. */
async function aboutCertificate(ctx: Ctx, serial: string) {
  const certificate = await findCertificate(ctx.db, serial);
  const member = certificate?.memberId === undefined ? undefined : await personOf(ctx, certificate.memberId);
  if (!certificate || !member) return undefined;
  const { names, profile, notBefore, notAfter, accountId } = certificate;
  const authority = ctx.config.publicUrl;
  const account = accountId !== undefined && { account: accountUrl(authority, accountId) };
  return { certificate, member, facts: { serial, names, profile, notBefore, notAfter, member: member.name, authority, ...account } };
}

async function renderIssued(ctx: Ctx, serial: string): Promise<Rendered> {
  const about = await aboutCertificate(ctx, serial);
  return about && { to: about.member.contacts, text: issuedText(about.facts) };
}

async function renderRevoked(ctx: Ctx, { memberId, serials }: { memberId: string; serials: string[] }): Promise<Rendered> {
  const member = await personOf(ctx, memberId);
  const certificates = await findCertificates(ctx.db, serials);
  const revocation = certificates[0]?.revocation;
  if (!member || !revocation) return undefined;
  const authority = ctx.config.publicUrl;
  const { reason, by, at } = revocation;
  return {
    to: member.contacts,
    text: revokedText({ certificates, member: member.name, authority, reason, by: who(by, authority), revokedAt: at }),
  };
}

/** What was revoked, replaced or has ended since it was queued is no news any more; and whoever has left has no need of it. */
async function renderExpiring(ctx: Ctx, serial: string): Promise<Rendered> {
  const about = await aboutCertificate(ctx, serial);
  if (!about || about.certificate.revocation || about.certificate.notAfter < ctx.now() || about.member.status === 'left') return undefined;
  if (await isReplaced(ctx.db, serial)) return undefined;
  const days = daysUntil(about.certificate.notAfter, ctx.now());
  return { to: about.member.contacts, text: expiringText({ ...about.facts, days, isSuspended: about.member.status === 'suspended' }) };
}

async function renderLapsing(ctx: Ctx, { proofId, mailbox }: { proofId: string; mailbox: string }): Promise<Rendered> {
  const proof = await findProof(ctx.db, proofId);
  const member = proof && (await personOf(ctx, proof.memberId));
  if (!proof || member?.status !== 'active' || proof.status !== 'valid' || proof.expiresAt <= ctx.now()) return undefined;
  const { domain, expiresAt } = proof;
  const facts = { domain, expiresAt, mailbox, days: daysUntil(expiresAt, ctx.now()), member: member.name, memberId: member.id };
  return { to: member.contacts, text: lapsingText({ ...facts, authority: ctx.config.publicUrl }) };
}

const daysUntil = (end: number, now: number): number => Math.ceil((end - now) / seconds.day);

function who(by: string, authority: string): string {
  if (by === 'key') return "the holder of the certificate's key";
  if (by === 'operator') return "the federation's operators";
  return by.startsWith('account:') ? `the account ${accountUrl(authority, by.slice('account:'.length))}` : 'the authority';
}
