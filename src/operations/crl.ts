import { z } from 'zod';
import { publishCrls } from '../ca/authority/publish-crl.ts';
import type { Ctx } from '../ctx.ts';
import { rfc3339 } from '../model/encoding.ts';
import { crlUrl } from '../pki/issue.ts';
import { type CrlRecord, newestCrls } from '../store/crls.ts';
import { listing } from './listing.ts';
import { operation, time } from './operation.ts';

export const crlShown = z.object({
  issuer: z.string(),
  shard: z.number().optional(),
  number: z.number(),
  thisUpdate: time,
  nextUpdate: time,
  url: z.string(),
});

export const showCrl = (ctx: Ctx, { issuerId, shard, number, thisUpdate, nextUpdate }: Omit<CrlRecord, 'der'>) => ({
  issuer: issuerId,
  ...(shard && { shard }),
  number,
  thisUpdate: rfc3339(thisUpdate),
  nextUpdate: rfc3339(nextUpdate),
  url: crlUrl(ctx.config.status.publicUrl, issuerId, shard),
});

export const crlOperations = [
  listing({
    name: 'crl list',
    summary: 'the CRLs as they are published',
    scope: 'read',
    http: { method: 'get', path: '/crls' },
    input: z.object({}),
    item: crlShown,
    read: (ctx, _, page) => newestCrls(ctx.db, page),
    show: (ctx, crls) => crls.map(crl => showCrl(ctx, crl)),
    at: ({ shard, issuerId }) => ({ at: shard, id: issuerId }),
  }),
  operation({
    name: 'crl publish',
    summary: 'publish the CRLs of the issuing CAs now',
    scope: 'revoke',
    http: { method: 'post', path: '/crls', creates: true },
    input: z.object({}),
    output: z.array(crlShown),
    run: async (ctx, _, actor) => (await publishCrls(ctx, actor)).map(crl => showCrl(ctx, crl)),
  }),
];
