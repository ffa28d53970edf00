import { z } from 'zod';
import { pem, rfc3339 } from '../model/encoding.ts';
import { readValidity } from '../pki/validity.ts';
import { type IssuerRecord, listIssuers } from '../store/issuers.ts';
import { byCreation, listing } from './listing.ts';
import { time } from './operation.ts';

const shown = z.object({
  id: z.string(),
  kind: z.enum(['root', 'issuing']),
  active: z.boolean(),
  notBefore: time,
  notAfter: time,
  createdAt: time,
  pem: z.string(),
});

function show({ id, kind, active, certificate, createdAt }: IssuerRecord) {
  const { notBefore, notAfter } = readValidity(certificate);
  return {
    id,
    kind,
    active,
    notBefore: rfc3339(notBefore),
    notAfter: rfc3339(notAfter),
    createdAt: rfc3339(createdAt),
    pem: pem('CERTIFICATE', certificate),
  };
}

export const issuerOperations = [
  listing({
    name: 'issuer list',
    summary: 'the root and the issuing CAs; the active one signs',
    scope: 'read',
    http: { method: 'get', path: '/issuers' },
    input: z.object({}),
    item: shown,
    read: (ctx, _, page) => listIssuers(ctx.db, page),
    show: (_, issuers) => issuers.map(show),
    at: byCreation,
  }),
];
