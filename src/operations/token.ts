import { z } from 'zod';
import { transact } from '../ca/act.ts';
import { record } from '../ca/audit/record.ts';
import { createToken } from '../ca/members/admin-token.ts';
import { openWords } from '../ca/sealed/personal-data.ts';
import type { Ctx } from '../ctx.ts';
import { rfc3339 } from '../model/encoding.ts';
import { Problem } from '../model/problem.ts';
import { seconds } from '../model/seconds.ts';
import { scopes, type Token } from '../model/token.ts';
import { findToken, listTokens, revokeToken } from '../store/tokens.ts';
import { byCreation, listing } from './listing.ts';
import { days, found, operation, time } from './operation.ts';

const facts = {
  id: z.string(),
  label: z.string().optional(),
  scopes: z.array(z.enum(scopes)),
  expires: time.optional(),
  createdAt: time,
};
const shown = z.object({ ...facts, revokedAt: time.optional(), lastUsedAt: time.optional() });

const show = (ctx: Ctx, { id, label, scopes, expiresAt, revokedAt, lastUsedAt, createdAt }: Token) => ({
  id,
  ...(label && { label: openWords(ctx, 'token', id, label) }),
  scopes,
  ...(expiresAt !== undefined && { expires: rfc3339(expiresAt) }),
  ...(revokedAt !== undefined && { revokedAt: rfc3339(revokedAt) }),
  ...(lastUsedAt !== undefined && { lastUsedAt: rfc3339(lastUsedAt) }),
  createdAt: rfc3339(createdAt),
});

export const tokenOperations = [
  operation({
    name: 'token create',
    summary: 'make a token for the admin API; it is shown once',
    scope: 'admin',
    http: { method: 'post', path: '/tokens', creates: true },
    input: z.object({
      scope: z.array(z.enum(scopes)).min(1).describe('what it may do; members and revoke may read too, admin may do all'),
      expires: days.optional().describe('days until it ends; without: never'),
      label: z.string().max(100).optional().describe('what it is for'),
    }),
    output: z.object({ ...facts, token: z.string() }),
    async run(ctx, { scope, expires, label }, actor) {
      const wanted = {
        scopes: [...new Set(scope)],
        ...(label !== undefined && { label }),
        ...(expires !== undefined && { expiresAt: ctx.now() + expires * seconds.day }),
      };
      const { token, secret } = await createToken(ctx, wanted, actor);
      return { ...show(ctx, token), token: secret };
    },
  }),
  listing({
    name: 'token list',
    summary: 'all tokens of the admin API, without their secrets',
    scope: 'admin',
    http: { method: 'get', path: '/tokens' },
    showsPersonal: true,
    input: z.object({}),
    item: shown,
    read: (ctx, _, page) => listTokens(ctx.db, page),
    show: (ctx, tokens) => tokens.map(token => show(ctx, token)),
    at: byCreation,
  }),
  operation({
    name: 'token revoke',
    summary: 'end a token',
    scope: 'admin',
    http: { method: 'post', path: '/tokens/{id}/revoke' },
    positional: ['id'],
    input: z.object({ id: z.string() }),
    output: shown,
    async run(ctx, { id }, actor) {
      const token = found(await findToken(ctx.db, id), `token ${id}`);
      return transact(ctx, actor, async act => {
        if (!(await revokeToken(act.trx, id, act.now))) throw new Problem('malformed', `The token ${id} is revoked already.`);
        await record(act, { action: 'token.revoked', subject: { token: id } });
        return show(ctx, { ...token, revokedAt: act.now });
      });
    },
  }),
];
