import { z } from 'zod';
import { newId } from '../ca/ids.ts';
import { record } from '../ca/record.ts';
import { revokeMatching } from '../ca/revoke.ts';
import type { Ctx } from '../ctx.ts';
import type { Actor, AuditAction } from '../model/audit.ts';
import { counted } from '../model/counted.ts';
import { rfc3339 } from '../model/encoding.ts';
import { type Member, type MemberStatus, memberStatuses } from '../model/member.ts';
import { Problem } from '../model/problem.ts';
import { countLiving } from '../store/certificates.ts';
import { findMember, insertMember, listMembers, moveMember } from '../store/members.ts';
import { byCreation, listing } from './listing.ts';
import { found, memberId, operation, time } from './operation.ts';

const shown = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(memberStatuses),
  contacts: z.array(z.string()),
  createdAt: time,
});

const show = ({ id, name, status, contacts, createdAt }: Member) => ({ id, name, status, contacts, createdAt: rfc3339(createdAt) });

/** @throws Problem 404 */
export async function memberOf(ctx: Ctx, id: string): Promise<Member> {
  return found(await findMember(ctx.db, id), `member ${id}`);
}

interface Move {
  verb: string;
  summary: string;
  from: readonly MemberStatus[];
  to: MemberStatus;
  action: AuditAction & `member.${string}`;
}

async function move(ctx: Ctx, id: string, { from, to, action }: Move, actor: Actor) {
  const member = await memberOf(ctx, id);
  if (!from.includes(member.status)) throw new Problem('malformed', `The member ${id} is ${member.status}, not ${from.join(' or ')}.`);
  await ctx.db.transaction(async trx => {
    if (!(await moveMember(trx, id, member.status, to))) throw new Problem('malformed', `The member ${id} changed meanwhile; try again.`);
    await record(ctx, trx, ctx.now(), { action, actor, subject: { member: id } });
  });
  return { ...member, status: to };
}

/** A member that may issue nothing any more may still hold certificates: they go on unless they are revoked with it. */
const ending = (how: Move) =>
  operation({
    name: `member ${how.verb}`,
    summary: how.summary,
    scope: 'members',
    alsoNeeds: ({ revoke }) => (revoke ? 'revoke' : undefined),
    http: { method: 'post', path: `/members/{id}/${how.verb}` },
    tellsProgress: true,
    positional: ['id'],
    input: z.object({
      id: memberId,
      revoke: z
        .boolean()
        .default(false)
        .describe('revoke all certificates that it holds, too (reason privilegeWithdrawn); wants the scope revoke as well'),
    }),
    output: shown.extend({ certificates: z.number().int().describe('living ones that it still holds'), revoked: z.number().int() }),
    async run(ctx, { id, revoke }, actor, progress) {
      const member = await move(ctx, id, how, actor);
      const say = (done: number) => progress?.(`${counted(done, 'certificate')} revoked`);
      const everything = { reason: 'privilegeWithdrawn', limit: Number.POSITIVE_INFINITY, progress: say } as const;
      const revoked = revoke ? await revokeMatching(ctx, { member: id }, everything, actor) : 0;
      return { ...show(member), certificates: await countLiving(ctx.db, { member: id }, ctx.now()), revoked };
    },
    remark: ({ id }, { certificates }) =>
      certificates
        ? `it still holds ${counted(certificates, 'living certificate')}; "cert revoke-all --member ${id} --reason privilegeWithdrawn" revokes what is left`
        : undefined,
  });

const returning = (how: Move) =>
  operation({
    name: `member ${how.verb}`,
    summary: how.summary,
    scope: 'members',
    http: { method: 'post', path: `/members/{id}/${how.verb}` },
    positional: ['id'],
    input: z.object({ id: memberId }),
    output: shown,
    run: async (ctx, { id }, actor) => show(await move(ctx, id, how, actor)),
  });

export const memberOperations = [
  operation({
    name: 'member add',
    summary: 'admit an organisation or person to the federation',
    scope: 'members',
    http: { method: 'post', path: '/members', creates: true },
    input: z.object({
      name: z
        .string()
        .trim()
        .min(1)
        .max(200)
        .regex(/^\P{C}*$/u, 'has no control characters')
        .describe('its name, as notices and mails say it'),
      email: z.array(z.email()).min(1).describe('its contact, or several with commas between'),
    }),
    output: shown,
    async run(ctx, { name, email }, actor) {
      const member: Member = { id: newId(ctx), name, status: 'active', contacts: email, createdAt: ctx.now() };
      await ctx.db.transaction(async trx => {
        await insertMember(trx, member);
        await record(ctx, trx, ctx.now(), { action: 'member.added', actor, subject: { member: member.id } });
      });
      return show(member);
    },
  }),
  listing({
    name: 'member list',
    summary: 'all members',
    scope: 'read',
    http: { method: 'get', path: '/members' },
    input: z.object({}),
    item: shown,
    read: (ctx, _, page) => listMembers(ctx.db, page),
    show: (_, members) => members.map(show),
    at: byCreation,
  }),
  operation({
    name: 'member show',
    summary: 'one member',
    scope: 'read',
    http: { method: 'get', path: '/members/{id}' },
    positional: ['id'],
    input: z.object({ id: memberId }),
    output: shown,
    run: async (ctx, { id }) => show(await memberOf(ctx, id)),
  }),
  ending({
    verb: 'suspend',
    summary: 'stop issuing to a member; it may still revoke',
    from: ['active'],
    to: 'suspended',
    action: 'member.suspended',
  }),
  returning({
    verb: 'activate',
    summary: 'let a suspended member go on, or one that had left come back',
    from: ['suspended', 'left'],
    to: 'active',
    action: 'member.activated',
  }),
  ending({
    verb: 'remove',
    summary: 'a member leaves the federation; what it was issued stays on record',
    from: ['active', 'suspended'],
    to: 'left',
    action: 'member.left',
  }),
];
