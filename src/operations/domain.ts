import { z } from 'zod';
import { beginProof, confirmDomain, endProofs } from '../ca/domains/prove-domain.ts';
import { deliver } from '../ca/mail/deliver.ts';
import type { Ctx } from '../ctx.ts';
import { rfc3339 } from '../model/encoding.ts';
import type { DomainProof } from '../model/member.ts';
import { Problem } from '../model/problem.ts';
import { findMessages } from '../store/outbox.ts';
import { findProof, listProofs } from '../store/proofs.ts';
import { byCreation, listing } from './listing.ts';
import { memberOf } from './member.ts';
import { found, memberId, operation, time } from './operation.ts';

export const domainShown = z.object({
  id: z.string(),
  memberId: z.string(),
  domain: z.string(),
  status: z.enum(['pending', 'valid', 'revoked', 'expired']),
  mailbox: z.string(),
  expires: time,
  validatedAt: time.optional(),
  createdAt: time,
});

export const showDomain = ({ id, memberId, domain, status, mailbox, expiresAt, validatedAt, createdAt }: DomainProof, now: number) => ({
  id,
  memberId,
  domain,
  status: status !== 'revoked' && expiresAt <= now ? ('expired' as const) : status,
  mailbox,
  expires: rfc3339(expiresAt),
  ...(validatedAt !== undefined && { validatedAt: rfc3339(validatedAt) }),
  createdAt: rfc3339(createdAt),
});

/** Every proof of the domain by the member that is not revoked yet, codes on their way included. */
async function openProofs(ctx: Ctx, member: string | undefined, domain: string | undefined): Promise<DomainProof[]> {
  if (member === undefined || domain === undefined)
    throw new Problem('malformed', 'Name the proof by its id, or by --member and --domain.');
  const proofs = await listProofs(ctx.db, { memberId: member, domain: domain.toLowerCase() });
  const open = proofs.filter(p => p.status !== 'revoked');
  found(open.at(-1), `proof of ${domain} by the member ${member}`);
  return open;
}

export const domainOperations = [
  operation({
    name: 'domain prove',
    summary: "mail a code to one of the domain's mailboxes",
    scope: 'members',
    http: { method: 'post', path: '/domain-proofs', creates: true },
    input: z.object({
      member: memberId.describe('the member that asks'),
      domain: z.string().describe('the domain; the names below it are covered too'),
      mailbox: z.string().optional().describe('hostmaster, or an address; without: the first that the domain has'),
    }),
    output: z.object({ id: z.string(), domain: z.string(), mailbox: z.string(), expires: time }),
    async run(ctx, { member, domain, mailbox }, actor) {
      const { proof, messages } = await beginProof(ctx, await memberOf(ctx, member), { domain, mailbox }, actor);
      await deliver(ctx, messages);
      const [message] = await findMessages(ctx.db, messages);
      if (message?.state === 'dead')
        throw new Problem('connection', `The code for ${proof.mailbox} was not delivered: ${message.lastError}. Name another mailbox.`);
      return { id: proof.id, domain: proof.domain, mailbox: proof.mailbox, expires: rfc3339(proof.expiresAt) };
    },
  }),
  operation({
    name: 'domain confirm',
    summary: 'give back the code that was mailed',
    scope: 'members',
    http: { method: 'post', path: '/domain-proofs/confirm' },
    input: z.object({
      member: memberId.describe('the member that asked'),
      domain: z.string().describe('the domain'),
      code: z.string().describe('from the mail, in any case'),
    }),
    output: z.object({ domain: z.string(), status: z.literal('valid'), expires: time }),
    async run(ctx, { member, domain, code }, actor) {
      const proof = await confirmDomain(ctx, await memberOf(ctx, member), { domain, code }, actor);
      return { domain: proof.domain, status: 'valid' as const, expires: rfc3339(proof.expiresAt) };
    },
  }),
  listing({
    name: 'domain list',
    summary: 'domain proofs',
    scope: 'read',
    http: { method: 'get', path: '/domain-proofs' },
    input: z.object({
      member: memberId.optional().describe('of this member only'),
      domain: z.string().optional().describe('of this domain only'),
    }),
    item: domainShown,
    read: (ctx, { member, domain }, page) => {
      const filter = { ...(member !== undefined && { memberId: member }), ...(domain !== undefined && { domain: domain.toLowerCase() }) };
      return listProofs(ctx.db, filter, page);
    },
    show: (ctx, proofs) => proofs.map(proof => showDomain(proof, ctx.now())),
    at: byCreation,
  }),
  operation({
    name: 'domain revoke',
    summary: 'end a proof, and the authorizations made from it',
    scope: 'members',
    http: { method: 'post', path: '/domain-proofs/revoke' },
    positional: ['id'],
    input: z.object({
      id: z.string().optional(),
      member: memberId.optional().describe('with --domain, in the place of the id: the member that holds it'),
      domain: z.string().optional().describe('with --member: the domain'),
    }),
    output: domainShown,
    async run(ctx, { id, member, domain }, actor) {
      const proofs = id === undefined ? await openProofs(ctx, member, domain) : [found(await findProof(ctx.db, id), `proof ${id}`)];
      await endProofs(ctx, proofs, actor);
      return showDomain({ ...(proofs.at(-1) as DomainProof), status: 'revoked' }, ctx.now());
    },
  }),
];
