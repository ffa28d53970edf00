import { z } from 'zod';
import { transact } from '../ca/act.ts';
import { record } from '../ca/audit/record.ts';
import { newId } from '../ca/ids.ts';
import { closeDoor } from '../ca/members/deactivate-account.ts';
import { openWords, sealWords } from '../ca/sealed/personal-data.ts';
import type { Ctx } from '../ctx.ts';
import { base64url, rfc3339 } from '../model/encoding.ts';
import type { EabKey } from '../model/member.ts';
import { Problem } from '../model/problem.ts';
import { seconds } from '../model/seconds.ts';
import { findEabKey, insertEabKey, listEabKeys, revokeEabKey } from '../store/doors.ts';
import { lockMember } from '../store/members.ts';
import { listing } from './listing.ts';
import { memberOf } from './member.ts';
import { days, found, memberId, numberOrAny, operation, time } from './operation.ts';

export const eabShown = z.object({
  kid: z.string(),
  memberId: z.string(),
  label: z.string().optional(),
  uses: z.union([z.number(), z.literal('any')]),
  expires: time,
  revokedAt: time.optional(),
  createdAt: time,
});

export const showEab = (ctx: Ctx, { kid, memberId, label, usesLeft, expiresAt, revokedAt, createdAt }: EabKey) => ({
  kid,
  memberId,
  ...(label && { label: openWords(ctx, 'eab', kid, label) }),
  uses: usesLeft ?? ('any' as const),
  expires: rfc3339(expiresAt),
  ...(revokedAt !== undefined && { revokedAt: rfc3339(revokedAt) }),
  createdAt: rfc3339(createdAt),
});

/** A key for HMAC with SHA-256 (RFC 8555 §7.3.4), 256 bits. Its base64url does not begin with `-`: clients are given it on their command line, where that would be an option. */
function newMacKey(ctx: Pick<Ctx, 'random'>): Uint8Array {
  const key = ctx.random(32);
  return base64url(key).startsWith('-') ? newMacKey(ctx) : key;
}

export const eabOperations = [
  operation({
    name: 'eab create',
    summary: 'make an external account binding key; the MAC key is shown once',
    scope: 'members',
    http: { method: 'post', path: '/eab-keys', creates: true },
    input: z.object({
      member: memberId.describe('the member that accounts will belong to'),
      label: z.string().max(100).optional().describe('what it is for'),
      uses: numberOrAny.default(1).describe('accounts that it can bind, or any'),
      expires: days.default(30).describe('days until it ends'),
    }),
    output: z.object({
      kid: z.string(),
      hmacKey: z.string(),
      directory: z.string(),
      uses: z.union([z.number(), z.literal('any')]),
      expires: time,
    }),
    async run(ctx, { member, label, uses, expires }, actor) {
      await memberOf(ctx, member);
      const kid = newId(ctx);
      const secret = newMacKey(ctx);
      const now = ctx.now();
      const key: EabKey = {
        kid,
        memberId: member,
        ...(label !== undefined && { label: sealWords(ctx, 'eab', kid, label) }),
        secret: ctx.vault.seal({ in: 'eab_keys.secret', row: kid }, secret),
        ...(uses !== 'any' && { usesLeft: uses }),
        expiresAt: now + expires * seconds.day,
        createdAt: now,
      };
      await transact(ctx, actor, async act => {
        if ((await lockMember(act.trx, member))?.status === 'left')
          throw new Problem('malformed', `The member ${member} has left; "member activate" lets it come back.`);
        await insertEabKey(act.trx, key);
        await record(act, { action: 'eab.created', subject: { member, eab: kid } });
      });
      return {
        kid,
        hmacKey: base64url(secret),
        directory: `${ctx.config.publicUrl}/acme/directory`,
        uses,
        expires: rfc3339(key.expiresAt),
      };
    },
  }),
  listing({
    name: 'eab list',
    summary: 'all external account binding keys',
    scope: 'read',
    http: { method: 'get', path: '/eab-keys' },
    showsPersonal: true,
    input: z.object({}),
    item: eabShown,
    read: (ctx, _, page) => listEabKeys(ctx.db, page),
    show: (ctx, keys) => keys.map(key => showEab(ctx, key)),
    at: ({ createdAt, kid }) => ({ at: createdAt, id: kid }),
  }),
  operation({
    name: 'eab revoke',
    summary: 'end an external account binding key',
    scope: 'members',
    http: { method: 'post', path: '/eab-keys/{kid}/revoke' },
    positional: ['kid'],
    input: z.object({ kid: z.string(), deactivateAccounts: z.boolean().default(false).describe('also the accounts that came in by it') }),
    output: eabShown,
    async run(ctx, { kid, deactivateAccounts }, actor) {
      const key = found(await findEabKey(ctx.db, kid), `key ${kid}`);
      return transact(ctx, actor, async act => {
        const revoked = await revokeEabKey(act.trx, kid, act.now);
        if (!revoked && !deactivateAccounts) throw new Problem('malformed', `The key ${kid} is revoked already.`);
        if (revoked) await record(act, { action: 'eab.revoked', subject: { member: key.memberId, eab: kid } });
        if (deactivateAccounts) await closeDoor(act, 'eab', kid);
        return showEab(ctx, { ...key, revokedAt: key.revokedAt ?? act.now });
      });
    },
  }),
];
