import { z } from 'zod';
import { publishCrls } from '../ca/publish-crl.ts';
import { rfc3339 } from '../model/encoding.ts';
import { crlUrl } from '../pki/issue.ts';
import { operation, time } from './operation.ts';

export const crlOperations = [
  operation({
    name: 'crl publish',
    summary: 'publish the CRL of each issuing CA now',
    scope: 'revoke',
    http: { method: 'post', path: '/crls', creates: true },
    input: z.object({}),
    output: z.array(z.object({ issuer: z.string(), number: z.number(), thisUpdate: time, nextUpdate: time, url: z.string() })),
    async run(ctx, _, actor) {
      const crls = await publishCrls(ctx, actor);
      return crls.map(({ issuerId, number, thisUpdate, nextUpdate }) => ({
        issuer: issuerId,
        number,
        thisUpdate: rfc3339(thisUpdate),
        nextUpdate: rfc3339(nextUpdate),
        url: crlUrl(ctx.config.status.publicUrl, issuerId),
      }));
    },
  }),
];
