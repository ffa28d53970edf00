import { z } from 'zod';
import { createIssuer, endIssuer, renewRootCrl, switchIssuer } from '../ca/authority/issuers.ts';
import type { Ctx } from '../ctx.ts';
import { issuerReasons } from '../model/certificate.ts';
import { pem, rfc3339 } from '../model/encoding.ts';
import { readCertificate } from '../pki/certificate.ts';
import { crlUrl } from '../pki/issue.ts';
import { readValidity } from '../pki/validity.ts';
import { type IssuerRecord, listIssuers } from '../store/issuers.ts';
import { crlShown, showCrl } from './crl.ts';
import { byCreation, listing } from './listing.ts';
import { found, operation, time } from './operation.ts';
import { reasonAmong } from './reason.ts';

const shown = z.object({
  id: z.string(),
  kind: z.enum(['root', 'issuing']),
  status: z.enum(['active', 'standby', 'revoked', 'offline']),
  serial: z.string(),
  notBefore: time,
  notAfter: time,
  crl: z.string(),
  revokedAt: time.optional(),
  reason: z.string().optional(),
  pem: z.string(),
});

function show(ctx: Ctx, { id, kind, active, certificate, revocation }: IssuerRecord) {
  const { notBefore, notAfter } = readValidity(certificate);
  const standing = revocation ? 'revoked' : active ? 'active' : 'standby';
  return {
    id,
    kind,
    // The root signs with a key that is not here.
    status: kind === 'root' ? ('offline' as const) : (standing as 'revoked' | 'active' | 'standby'),
    serial: readCertificate(certificate).serial,
    notBefore: rfc3339(notBefore),
    notAfter: rfc3339(notAfter),
    crl: crlUrl(ctx.config.status.publicUrl, id),
    ...(revocation && { revokedAt: rfc3339(revocation.at), reason: revocation.reason }),
    pem: pem('CERTIFICATE', certificate),
  };
}

async function issuerOf(ctx: Ctx, id: string): Promise<IssuerRecord> {
  return found(
    (await listIssuers(ctx.db)).find(i => i.id === id),
    `CA ${id}`,
  );
}

const id = z.string().regex(/^[0-9a-f]+$/, 'is the id of a CA, as "issuer list" shows it');
const rootKey = z.string().optional().describe("file with the root's key; default keys/root.key in the data folder");

export const issuerOperations = [
  listing({
    name: 'issuer list',
    summary: 'the root and the issuing CAs; the active one signs',
    scope: 'read',
    http: { method: 'get', path: '/issuers' },
    input: z.object({}),
    item: shown,
    read: (ctx, _, page) => listIssuers(ctx.db, page),
    show: (ctx, issuers) => issuers.map(issuer => show(ctx, issuer)),
    at: byCreation,
  }),
  operation({
    name: 'issuer create',
    summary: 'make a new issuing CA; it signs nothing until it is activated',
    scope: 'admin',
    http: 'never',
    input: z.object({ rootKey }),
    output: shown,
    run: async (ctx, { rootKey }, actor) => show(ctx, await createIssuer(ctx, rootKey, actor)),
  }),
  operation({
    name: 'issuer activate',
    summary: 'let an issuing CA sign from now on; the one before goes on with CRL and OCSP',
    scope: 'admin',
    http: { method: 'post', path: '/issuers/{id}/activate' },
    positional: ['id'],
    input: z.object({ id }),
    output: shown,
    async run(ctx, { id }, actor) {
      await switchIssuer(ctx, id, actor);
      return show(ctx, await issuerOf(ctx, id));
    },
  }),
  operation({
    name: 'issuer revoke',
    summary: 'revoke an issuing CA in a new CRL of the root, and so all that it has issued',
    scope: 'admin',
    http: 'never',
    positional: ['id'],
    input: z.object({ id, reason: reasonAmong(issuerReasons).default('unspecified').describe('by name or number (RFC 5280)'), rootKey }),
    output: shown,
    async run(ctx, { id, reason, rootKey }, actor) {
      await issuerOf(ctx, id);
      await endIssuer(ctx, { id, reason, keyFile: rootKey }, actor);
      return show(ctx, await issuerOf(ctx, id));
    },
  }),
  operation({
    name: 'crl root',
    summary: "sign the root's CRL anew, which is to be done once a year",
    scope: 'admin',
    http: 'never',
    input: z.object({ rootKey }),
    output: crlShown,
    run: async (ctx, { rootKey }, actor) => showCrl(ctx, await renewRootCrl(ctx, rootKey, actor)),
  }),
];
