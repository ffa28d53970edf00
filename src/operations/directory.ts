import { z } from 'zod';
import { transact } from '../ca/act.ts';
import { record } from '../ca/audit/record.ts';
import { newId } from '../ca/ids.ts';
import { closeDoor } from '../ca/members/deactivate-account.ts';
import { namePolicy } from '../config.ts';
import { profileNames } from '../model/certificate.ts';
import { base32, rfc3339 } from '../model/encoding.ts';
import { parseName } from '../model/identifier.ts';
import type { MemberDirectory } from '../model/member.ts';
import { Problem } from '../model/problem.ts';
import { seconds } from '../model/seconds.ts';
import { sha256 } from '../model/sha256.ts';
import { findDirectory, insertDirectory, listDirectories, revokeDirectory } from '../store/doors.ts';
import { byCreation, listing } from './listing.ts';
import { memberOf } from './member.ts';
import { days, found, memberId, numberOrAny, operation, time } from './operation.ts';

const facts = {
  id: z.string(),
  memberId: z.string(),
  profile: z.enum(profileNames).optional(),
  domains: z.array(z.string()).optional(),
  accounts: z.union([z.number(), z.literal('any')]),
  expires: time.optional(),
  createdAt: time,
};
export const directoryShown = z.object({ ...facts, revokedAt: time.optional() });

export const showDirectory = ({ id, memberId, profile, domains, accountsLeft, expiresAt, revokedAt, createdAt }: MemberDirectory) => ({
  id,
  memberId,
  ...(profile !== undefined && { profile: profile as (typeof profileNames)[number] }),
  ...(domains && { domains }),
  accounts: accountsLeft ?? ('any' as const),
  ...(expiresAt !== undefined && { expires: rfc3339(expiresAt) }),
  ...(revokedAt !== undefined && { revokedAt: rfc3339(revokedAt) }),
  createdAt: rfc3339(createdAt),
});

export const directoryOperations = [
  operation({
    name: 'directory create',
    summary: "make a member's own directory URL, for clients without account binding; it is shown once",
    scope: 'members',
    http: { method: 'post', path: '/directories', creates: true },
    input: z.object({
      member: memberId.describe('the member that accounts will belong to'),
      profile: z.enum(profileNames).optional().describe('the certificate profile that it fixes'),
      domains: z.array(z.string().min(1)).min(1).optional().describe('the domains it is for, with all below them; without: every domain'),
      accounts: numberOrAny.default(1).describe('accounts that can be made through it, or any'),
      expires: days.optional().describe('days until it takes no more accounts'),
    }),
    output: z.object({ ...facts, directory: z.string() }),
    async run(ctx, { member, profile, domains, accounts, expires }, actor) {
      await memberOf(ctx, member);
      const now = ctx.now();
      const secret = base32(ctx.random(20));
      const directory: MemberDirectory = {
        id: newId(ctx),
        memberId: member,
        ...(profile !== undefined && { profile }),
        ...(domains && { domains: domains.map(d => parseName(d, namePolicy(ctx.config)).name) }),
        ...(accounts !== 'any' && { accountsLeft: accounts }),
        ...(expires !== undefined && { expiresAt: now + expires * seconds.day }),
        createdAt: now,
      };
      await transact(ctx, actor, async act => {
        await insertDirectory(act.trx, directory, sha256(secret));
        await record(act, { action: 'directory.created', subject: { member, directory: directory.id } });
      });
      return { ...showDirectory(directory), directory: `${ctx.config.publicUrl}/acme/m/${secret}/directory` };
    },
  }),
  listing({
    name: 'directory list',
    summary: 'all member directories, without their secrets',
    scope: 'read',
    http: { method: 'get', path: '/directories' },
    input: z.object({}),
    item: directoryShown,
    read: (ctx, _, page) => listDirectories(ctx.db, page),
    show: (_, directories) => directories.map(showDirectory),
    at: byCreation,
  }),
  operation({
    name: 'directory revoke',
    summary: 'end a member directory',
    scope: 'members',
    http: { method: 'post', path: '/directories/{id}/revoke' },
    positional: ['id'],
    input: z.object({ id: z.string(), deactivateAccounts: z.boolean().default(false).describe('also the accounts that came in by it') }),
    output: directoryShown,
    async run(ctx, { id, deactivateAccounts }, actor) {
      const directory = found(await findDirectory(ctx.db, id), `directory ${id}`);
      return transact(ctx, actor, async act => {
        const revoked = await revokeDirectory(act.trx, id, act.now);
        if (!revoked && !deactivateAccounts) throw new Problem('malformed', `The directory ${id} is revoked already.`);
        if (revoked) await record(act, { action: 'directory.revoked', subject: { member: directory.memberId, directory: id } });
        if (deactivateAccounts) await closeDoor(act, 'directory', id);
        return showDirectory({ ...directory, revokedAt: directory.revokedAt ?? act.now });
      });
    },
  }),
];
