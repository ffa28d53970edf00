import { z } from 'zod';
import { newId } from '../ca/ids.ts';
import type { Ctx } from '../ctx.ts';
import { rfc3339 } from '../model/encoding.ts';
import { type Member, type MemberStatus, memberStatuses } from '../model/member.ts';
import { Problem } from '../model/problem.ts';
import { record } from '../store/audit.ts';
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

const move = (verb: string, summary: string, from: MemberStatus, to: MemberStatus, action: 'member.suspended' | 'member.activated') =>
  operation({
    name: `member ${verb}`,
    summary,
    scope: 'members',
    http: { method: 'post', path: `/members/{id}/${verb}` },
    positional: ['id'],
    input: z.object({ id: memberId }),
    output: shown,
    async run(ctx, { id }, actor) {
      const member = await memberOf(ctx, id);
      await ctx.db.transaction(async trx => {
        if (!(await moveMember(trx, id, from, to))) throw new Problem('malformed', `The member ${id} is ${member.status}, not ${from}.`);
        await record(trx, ctx.now(), { action, actor, subject: { member: id } });
      });
      return show({ ...member, status: to });
    },
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
        await record(trx, ctx.now(), { action: 'member.added', actor, subject: { member: member.id } });
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
  move('suspend', 'stop issuing to a member; it may still revoke', 'active', 'suspended', 'member.suspended'),
  move('activate', 'let a suspended member go on', 'suspended', 'active', 'member.activated'),
];
