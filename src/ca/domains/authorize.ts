import { challengeTypes } from '../../challenges/table.ts';
import type { Ctx } from '../../ctx.ts';
import type { Account } from '../../model/account.ts';
import { type Authorization, authorizationLifetime } from '../../model/authorization.ts';
import type { Challenge, ChallengeTypeName, MailboxDetail } from '../../model/challenge.ts';
import { type DnsName, identifierValue, isAtOrBelow, withinRegistrable } from '../../model/identifier.ts';
import type { DomainProof, Member } from '../../model/member.ts';
import { about, compound, Problem } from '../../model/problem.ts';
import { seconds } from '../../model/seconds.ts';
import { within } from '../../net/deadline.ts';
import { reusableAuthorizations } from '../../store/authorizations.ts';
import { findDirectory } from '../../store/doors.ts';
import type { Db } from '../../store/open.ts';
import { livingProofs } from '../../store/proofs.ts';
import { newId, newToken } from '../ids.ts';

/** What a name can be proved by; gathered from the network before a transaction begins. */
export type Offers = Map<string, { type: ChallengeTypeName; mailbox?: MailboxDetail }[]>;

/** An authorization that is about to be written, with its challenges; `isNew` is false where a valid one serves again. */
export interface Authorized {
  authorization: Authorization;
  challenges: Challenge[];
  isNew: boolean;
}

/** An authorization that ends sooner than this is not reused. */
const slack = seconds.hour;

/** A suspended member's accounts get nothing that could issue; they may still revoke. @throws Problem unauthorized */
export function refuseSuspended(member: Member | undefined): void {
  if (member && member.status !== 'active')
    throw new Problem(
      'unauthorized',
      `The membership is ${member.status}; nothing is issued until the federation's operators activate it again.`,
    );
}

/** An account that came through a directory for chosen domains stays within them. @throws Problem */
export async function refuseOutside(ctx: Ctx, account: Account, names: DnsName[]): Promise<void> {
  if (account.door !== 'directory') return;
  const domains = (await findDirectory(ctx.db, account.doorId ?? ''))?.domains;
  if (!domains) return;
  const outside = names.filter(n => !domains.some(d => isAtOrBelow(n.name, d)));
  const problems = outside.map(n =>
    about(
      identifierValue(n),
      new Problem(
        'rejectedIdentifier',
        `The directory of this account is for ${domains.join(', ')} only; "${identifierValue(n)}" is not among them.`,
      ),
    ),
  );
  if (problems.length) throw compound(problems, 'Some names are outside the domains of the directory of this account.');
}

/** Which of the names are authorized already, for `spare` seconds more: by a valid authorization, or by a proof of the member. */
export async function alreadyAuthorized(
  ctx: Ctx,
  db: Db,
  account: Account,
  names: readonly DnsName[],
  spare = slack,
): Promise<Map<string, Authorization | DomainProof>> {
  const now = ctx.now();
  const found = new Map<string, Authorization | DomainProof>();
  const plain = [...new Set(names.map(n => n.name))];
  for (const authorization of await reusableAuthorizations(db, account.id, plain, now + spare))
    found.set(identifierValue(authorization), authorization);
  const open = names.filter(n => !n.wildcard && !found.has(n.name));
  if (account.memberId === undefined || open.length === 0) return found;
  const candidates = [...new Set(open.flatMap(n => withinRegistrable(n.name)))];
  const proofs = await livingProofs(db, account.memberId, candidates, now + spare);
  for (const { name } of open) {
    const above = new Set(withinRegistrable(name));
    const [best] = proofs.filter(p => above.has(p.domain)).sort((a, b) => b.expiresAt - a.expiresAt);
    if (best) found.set(name, best);
  }
  return found;
}

/** What each name can be proved by. @throws Problem rejectedIdentifier for names that nothing here can prove */
export async function gatherOffers(ctx: Ctx, names: readonly DnsName[]): Promise<Offers> {
  const { methods } = ctx.config.validation;
  const settings = { mailboxes: ctx.config.policy.mailboxes, from: ctx.config.mail.from };
  const offers: Offers = new Map();
  const gather = (signal: AbortSignal) =>
    names.map(async name => {
      const offered = await Promise.all(
        methods.map(async type => {
          const { proves, prepare } = challengeTypes[type];
          if (!proves(name)) return [];
          if (!prepare) return [{ type }];
          const mailbox = await prepare(ctx.net, name.name, settings, signal).catch(error => {
            ctx.log.info(
              { name: name.name, type, reason: error instanceof Problem ? error.detail : String(error) },
              'challenge not offered',
            );
            return undefined;
          });
          return mailbox ? [{ type, mailbox }] : [];
        }),
      );
      offers.set(identifierValue(name), offered.flat());
    });
  await within(10_000, ctx.background.ending, signal => Promise.all(gather(signal)));
  const hopeless = names.filter(n => offers.get(identifierValue(n))?.length === 0);
  if (hopeless.length) {
    const problems = hopeless.map(n =>
      about(
        identifierValue(n),
        new Problem('rejectedIdentifier', `None of this authority's challenges (${methods.join(', ')}) can prove "${identifierValue(n)}".`),
      ),
    );
    throw compound(problems, 'Some names cannot be proved here.');
  }
  return offers;
}

/** Authorizations for all names, in their order; nothing is written yet. */
export function buildAuthorizations(
  ctx: Ctx,
  account: Account,
  names: readonly DnsName[],
  { already, offers }: { already: Map<string, Authorization | DomainProof>; offers: Offers },
): Authorized[] {
  return names.map(name => {
    const found = already.get(identifierValue(name));
    if (found && 'accountId' in found) return { authorization: found, challenges: [], isNew: false };
    return found ? fromProof(ctx, account, name, found) : pending(ctx, account, name, offers.get(identifierValue(name)) ?? []);
  });
}

/** Shows one valid challenge: what the proof was made by. */
function fromProof(ctx: Ctx, account: Account, name: DnsName, proof: DomainProof): Authorized {
  const now = ctx.now();
  const authorization: Authorization = {
    id: newId(ctx),
    accountId: account.id,
    ...name,
    status: 'valid',
    expiresAt: Math.min(now + authorizationLifetime.valid, proof.expiresAt),
    createdAt: now,
    proofId: proof.id,
    method: 'email-mailbox-01',
  };
  const challenge: Challenge = {
    id: newId(ctx),
    authorizationId: authorization.id,
    type: 'email-mailbox-01',
    token: newToken(ctx),
    status: 'valid',
    validatedAt: proof.validatedAt ?? now,
  };
  return { authorization, challenges: [challenge], isNew: true };
}

function pending(ctx: Ctx, account: Account, name: DnsName, offers: { type: ChallengeTypeName; mailbox?: MailboxDetail }[]): Authorized {
  const now = ctx.now();
  const authorization: Authorization = {
    id: newId(ctx),
    accountId: account.id,
    ...name,
    status: 'pending',
    expiresAt: now + authorizationLifetime.pending,
    createdAt: now,
  };
  const challenges = offers.map(
    (offer): Challenge => ({ id: newId(ctx), authorizationId: authorization.id, ...offer, token: newToken(ctx), status: 'pending' }),
  );
  return { authorization, challenges, isNew: true };
}
