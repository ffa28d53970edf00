import { z } from 'zod';
import { transact } from '../ca/act.ts';
import { record } from '../ca/audit/record.ts';
import { accountUrl } from '../ca/ids.ts';
import { deactivateAccount } from '../ca/members/deactivate-account.ts';
import { openContact } from '../ca/sealed/personal-data.ts';
import type { Ctx } from '../ctx.ts';
import { type Account, doors } from '../model/account.ts';
import { rfc3339 } from '../model/encoding.ts';
import { Problem } from '../model/problem.ts';
import { findAccount, isAccountKey, listAccounts } from '../store/accounts.ts';
import { findThumbprint, insertThumbprint } from '../store/doors.ts';
import { byCreation, listing } from './listing.ts';
import { memberOf } from './member.ts';
import { found, memberId, operation, time } from './operation.ts';

export const accountShown = z.object({
  id: z.string(),
  url: z.string(),
  memberId: z.string().optional(),
  door: z.enum(doors),
  doorId: z.string().optional(),
  thumbprint: z.string(),
  status: z.enum(['valid', 'deactivated', 'revoked']),
  contact: z.array(z.string()),
  createdAt: time,
});

export function showAccount(ctx: Ctx, { id, memberId, door, doorId, thumbprint, status, contact, createdAt }: Account) {
  return {
    id,
    url: accountUrl(ctx.config.publicUrl, id),
    ...(memberId !== undefined && { memberId }),
    door,
    ...(doorId !== undefined && { doorId }),
    thumbprint,
    status,
    contact: openContact(ctx, { id, ...(contact && { contact }) }),
    createdAt: rfc3339(createdAt),
  };
}

/** The id, or the whole account URL. */
async function accountOf(ctx: Ctx, text: string): Promise<Account> {
  const prefix = accountUrl(ctx.config.publicUrl, '');
  return found(await findAccount(ctx.db, text.startsWith(prefix) ? text.slice(prefix.length) : text), `account ${text}`);
}

export const accountOperations = [
  operation({
    name: 'thumbprint add',
    summary: 'register the thumbprint of an account key beforehand; its first use binds the account',
    scope: 'members',
    http: { method: 'post', path: '/thumbprints', creates: true },
    input: z.object({
      member: memberId.describe('the member that the account will belong to'),
      thumbprint: z
        .string()
        .regex(/^[A-Za-z0-9_-]{43}$/, 'is an RFC 7638 thumbprint with SHA-256: 43 characters of base64url')
        .describe('RFC 7638, SHA-256, base64url'),
    }),
    output: z.object({ thumbprint: z.string(), memberId: z.string(), createdAt: time }),
    async run(ctx, { member, thumbprint }, actor) {
      await memberOf(ctx, member);
      if ((await findThumbprint(ctx.db, thumbprint)) || (await isAccountKey(ctx.db, thumbprint)))
        throw new Problem('malformed', `The thumbprint ${thumbprint} is registered already, or its key has or had an account.`);
      return transact(ctx, actor, async act => {
        await insertThumbprint(act.trx, { thumbprint, memberId: member, createdAt: act.now });
        await record(act, { action: 'thumbprint.added', subject: { member, thumbprint } });
        return { thumbprint, memberId: member, createdAt: rfc3339(act.now) };
      });
    },
  }),
  listing({
    name: 'account list',
    summary: 'ACME accounts',
    scope: 'read',
    http: { method: 'get', path: '/accounts' },
    showsPersonal: true,
    input: z.object({ member: memberId.optional().describe('of this member only') }),
    item: accountShown,
    read: (ctx, { member }, page) => listAccounts(ctx.db, member === undefined ? {} : { memberId: member }, page),
    show: (ctx, accounts) => accounts.map(account => showAccount(ctx, account)),
    at: byCreation,
  }),
  operation({
    name: 'account show',
    summary: 'one ACME account, by id or URL',
    scope: 'read',
    http: { method: 'get', path: '/accounts/{id}' },
    showsPersonal: true,
    positional: ['id'],
    input: z.object({ id: z.string() }),
    output: accountShown,
    run: async (ctx, { id }) => showAccount(ctx, await accountOf(ctx, id)),
  }),
  operation({
    name: 'account deactivate',
    summary: 'close an ACME account for good',
    scope: 'members',
    http: { method: 'post', path: '/accounts/{id}/deactivate' },
    positional: ['id'],
    input: z.object({ id: z.string() }),
    output: accountShown,
    async run(ctx, { id }, actor) {
      const account = await accountOf(ctx, id);
      const moved = await transact(ctx, actor, act => deactivateAccount(act, account));
      if (!moved) throw new Problem('malformed', `The account ${account.id} is ${account.status} already.`);
      return showAccount(ctx, { ...account, status: 'deactivated' });
    },
  }),
];
