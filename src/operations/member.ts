import { z } from 'zod';
import { transact } from '../ca/act.ts';
import { record } from '../ca/audit/record.ts';
import { newId } from '../ca/ids.ts';
import { revokeMatching } from '../ca/revocation/revoke.ts';
import { openMember, type Sought, sealMember, searchHashes, soughtHashes } from '../ca/sealed/personal-data.ts';
import type { Ctx } from '../ctx.ts';
import type { Actor, AuditAction } from '../model/audit.ts';
import { rfc3339 } from '../model/encoding.ts';
import { type Member, type MemberPersonal, type MemberStatus, memberStatuses } from '../model/member.ts';
import { plural } from '../model/plural.ts';
import { Problem } from '../model/problem.ts';
import { countLiving } from '../store/certificates.ts';
import { findMember, insertMember, listMembers, moveMember, replacePersonal } from '../store/members.ts';
import { byCreation, listing } from './listing.ts';
import { found, memberId, operation, time } from './operation.ts';

export const memberShown = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(memberStatuses),
  contacts: z.array(z.string()),
  createdAt: time,
  leftAt: time.optional(),
  erasedAt: time.optional(),
});

/** Of an erased one the name is empty. */
export function showMember(ctx: Ctx, member: Member) {
  const { id, status, createdAt, leftAt, erasedAt } = member;
  const { name, contacts } = openMember(ctx, member) ?? { name: '', contacts: [] };
  return {
    ...{ id, name, status, contacts, createdAt: rfc3339(createdAt) },
    ...(leftAt !== undefined && { leftAt: rfc3339(leftAt) }),
    ...(erasedAt !== undefined && { erasedAt: rfc3339(erasedAt) }),
  };
}

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

/** With what is personal of it anew, where that is given. */
async function move(ctx: Ctx, id: string, { from, to, action, personal }: Move & { personal?: Partial<MemberPersonal> }, actor: Actor) {
  const member = await memberOf(ctx, id);
  if (!from.includes(member.status)) throw new Problem('malformed', `The member ${id} is ${member.status}, not ${from.join(' or ')}.`);
  const anew = personal && complete(ctx, member, personal);
  await transact(ctx, actor, async act => {
    const { trx, now } = act;
    const moved = await moveMember(trx, id, member.status, to, now);
    const replaced = !anew || (await replacePersonal(trx, member, sealMember(ctx, id, anew), searchHashes(ctx, anew)));
    if (!moved || !replaced) throw new Problem('malformed', `The member ${id} changed meanwhile; try again.`);
    await record(act, { action, subject: { member: id } });
  });
  return memberOf(ctx, id);
}

/** A member that was away long enough has no contacts any more, or not even a name. @throws Problem */
function complete(ctx: Ctx, member: Member, { name, contacts }: Partial<MemberPersonal>): MemberPersonal | undefined {
  const before = openMember(ctx, member);
  const anew = { name: name ?? before?.name ?? '', contacts: contacts ?? before?.contacts ?? [] };
  const missing = [...(anew.name ? [] : ['--name']), ...(anew.contacts.length ? [] : ['--email'])];
  if (missing.length)
    throw new Problem('malformed', `What was known of the member ${member.id} was erased: give ${missing.join(' and ')}.`);
  return name === undefined && contacts === undefined ? undefined : anew;
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
    output: memberShown.extend({ certificates: z.number().int().describe('living ones that it still holds'), revoked: z.number().int() }),
    async run(ctx, { id, revoke }, actor, progress) {
      await move(ctx, id, how, actor);
      const say = (done: number) => progress?.(`${plural(done, 'certificate')} revoked`);
      const everything = { reason: 'privilegeWithdrawn', limit: Number.POSITIVE_INFINITY, progress: say } as const;
      const revoked = revoke ? await revokeMatching(ctx, { member: id }, everything, actor) : 0;
      const certificates = await countLiving(ctx.db, { member: id }, ctx.now());
      // Read anew: revoking may have taken minutes, and what was erased meanwhile is shown, and kept, no more.
      return { ...showMember(ctx, await memberOf(ctx, id)), certificates, revoked };
    },
    remark: ({ id }, { certificates }) =>
      certificates
        ? `it still holds ${plural(certificates, 'living certificate')}; "cert revoke-all --member ${id} --reason privilegeWithdrawn" revokes what is left`
        : undefined,
  });

const returning = (how: Move) =>
  operation({
    name: `member ${how.verb}`,
    summary: how.summary,
    scope: 'members',
    http: { method: 'post', path: `/members/{id}/${how.verb}` },
    positional: ['id'],
    input: z.object({
      id: memberId,
      name: name.optional().describe('its name, where it is another or was erased'),
      email: email.optional().describe('its contacts, where they are others or were erased'),
    }),
    output: memberShown,
    run: async (ctx, { id, name, email }, actor) =>
      showMember(
        ctx,
        await move(ctx, id, { ...how, personal: { ...(name !== undefined && { name }), ...(email && { contacts: email }) } }, actor),
      ),
  });

const name = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^\P{C}*$/u, 'has no control characters');
const email = z.array(z.email()).min(1);

export const memberOperations = [
  operation({
    name: 'member add',
    summary: 'admit an organisation or person to the federation',
    scope: 'members',
    http: { method: 'post', path: '/members', creates: true },
    input: z.object({
      name: name.describe('its name, as notices and mails say it'),
      email: email.describe('its contact, or several with commas between'),
    }),
    output: memberShown,
    async run(ctx, { name, email }, actor) {
      const id = newId(ctx);
      const personal = { name, contacts: email };
      return transact(ctx, actor, async act => {
        const member: Member = { id, status: 'active', personal: sealMember(ctx, id, personal), createdAt: act.now };
        await insertMember(act.trx, member, searchHashes(ctx, personal));
        await record(act, { action: 'member.added', subject: { member: id } });
        return showMember(ctx, member);
      });
    },
  }),
  listing({
    name: 'member list',
    summary: 'all members, or those with exactly this name or address',
    scope: 'read',
    http: { method: 'get', path: '/members' },
    showsPersonal: true,
    input: z.object({
      name: z.string().min(1).optional().describe('with this name; case and spaces do not matter'),
      email: z.string().min(3).regex(/@/, 'is a mail address').optional().describe('with this contact'),
    }),
    item: memberShown,
    read: (ctx, { name, email }, page) => {
      const sought: Sought[] = [
        ...(name === undefined ? [] : [{ kind: 'name' as const, value: name }]),
        ...(email === undefined ? [] : [{ kind: 'email' as const, value: email }]),
      ];
      return listMembers(
        ctx.db,
        page,
        sought.map(s => soughtHashes(ctx, s)),
      );
    },
    show: (ctx, members) => members.map(member => showMember(ctx, member)),
    at: byCreation,
  }),
  operation({
    name: 'member show',
    summary: 'one member',
    scope: 'read',
    http: { method: 'get', path: '/members/{id}' },
    showsPersonal: true,
    positional: ['id'],
    input: z.object({ id: memberId }),
    output: memberShown,
    run: async (ctx, { id }) => showMember(ctx, await memberOf(ctx, id)),
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
