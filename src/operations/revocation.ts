import { z } from 'zod';
import { blockCompromisedKey, revokeMatching } from '../ca/revocation/revoke.ts';
import { openWords } from '../ca/sealed/personal-data.ts';
import { operatorReasons } from '../model/certificate.ts';
import { rfc3339 } from '../model/encoding.ts';
import { listBlockedKeys } from '../store/blocked-keys.ts';
import { countLiving } from '../store/certificates.ts';
import { filterShape, keyHash, narrowFilterOf } from './certificate-filter.ts';
import { listing } from './listing.ts';
import { operation, time } from './operation.ts';
import { reasonAmong } from './reason.ts';

const count = z.number().int();

export const revocationOperations = [
  operation({
    name: 'cert revoke-all',
    summary: 'revoke every living certificate that matches; see first with --dry-run; after an interruption call it again',
    scope: 'revoke',
    http: { method: 'post', path: '/certificates/revoke' },
    tellsProgress: true,
    input: z.object({
      ...filterShape,
      reason: reasonAmong(operatorReasons).default('unspecified').describe('by name or number (RFC 5280)'),
      limit: z.number().int().min(1).max(10_000_000).default(10_000_000).describe('no more than so many now'),
      dryRun: z.boolean().default(false).describe('only say how many it would be'),
    }),
    output: z.object({
      matched: count,
      revoked: count.describe('with keyCompromise those too that bear the same keys and do not match'),
      remaining: count,
    }),
    async run(ctx, { reason, limit, dryRun, ...rest }, actor, progress) {
      const filter = narrowFilterOf(rest);
      const matched = await countLiving(ctx.db, filter, ctx.now());
      if (dryRun) return { matched, revoked: 0, remaining: matched };
      const say = (done: number) => progress?.(`${done} revoked, where ${matched} matched`);
      const revoked = await revokeMatching(ctx, filter, { reason, limit, progress: say }, actor);
      return { matched, revoked, remaining: await countLiving(ctx.db, filter, ctx.now()) };
    },
  }),
  operation({
    name: 'key block',
    summary: 'a key is known to others: never issue for it again, and revoke every certificate that bears it',
    scope: 'revoke',
    http: { method: 'post', path: '/keys/{key}/block' },
    positional: ['key'],
    input: z.object({
      key: keyHash.describe('SHA-256 of its SubjectPublicKeyInfo in hex'),
      why: z.string().trim().min(1).max(500).default('said by an operator').describe('how it became known'),
    }),
    output: z.object({ key: z.string(), revoked: z.array(z.string()) }),
    async run(ctx, { key, why }, actor) {
      const revoked = await blockCompromisedKey(ctx, key, why, actor);
      return { key, revoked: revoked.map(c => c.serial) };
    },
  }),
  listing({
    name: 'key list',
    summary: 'keys that are blocked for ever, the newest first',
    scope: 'read',
    http: { method: 'get', path: '/keys' },
    showsPersonal: true,
    input: z.object({}),
    item: z.object({ key: z.string(), why: z.string().optional(), blockedAt: time }),
    read: (ctx, _, page) => listBlockedKeys(ctx.db, page),
    show: (ctx, keys) =>
      keys.map(({ key, why, blockedAt }) => ({
        key,
        ...(why && { why: openWords(ctx, 'blocked', key, why) }),
        blockedAt: rfc3339(blockedAt),
      })),
    at: ({ blockedAt, key }) => ({ at: blockedAt, id: key }),
  }),
];
