import { z } from 'zod';
import { revoke } from '../ca/revocation/revoke.ts';
import type { Ctx } from '../ctx.ts';
import { type Certificate, certificateStatus, certificateStatuses, operatorReasons } from '../model/certificate.ts';
import { hex, pem, rfc3339 } from '../model/encoding.ts';
import { Problem } from '../model/problem.ts';
import { findCertificate, listCertificates } from '../store/certificates.ts';
import { filterOf, filterShape, serial } from './certificate-filter.ts';
import { listing } from './listing.ts';
import { found, operation, time } from './operation.ts';
import { reasonAmong } from './reason.ts';

export const certShown = z.object({
  serial: z.string(),
  status: z.enum(certificateStatuses),
  names: z.array(z.string()),
  profile: z.string(),
  memberId: z.string().optional(),
  accountId: z.string().optional(),
  issuer: z.string(),
  /** SHA-256 of the SubjectPublicKeyInfo. */
  key: z.string(),
  notBefore: time,
  notAfter: time,
  revokedAt: time.optional(),
  reason: z.string().optional(),
  revokedBy: z.string().optional(),
  pem: z.string().optional(),
});

export function showCert(certificate: Certificate, now: number) {
  const { serial, names, profile, memberId, accountId, issuerId, spkiHash, notBefore, notAfter, revocation, der } = certificate;
  return {
    serial,
    status: certificateStatus(certificate, now),
    names,
    profile,
    ...(memberId !== undefined && { memberId }),
    ...(accountId !== undefined && { accountId }),
    issuer: issuerId,
    key: hex(spkiHash),
    notBefore: rfc3339(notBefore),
    notAfter: rfc3339(notAfter),
    ...(revocation && { revokedAt: rfc3339(revocation.at), reason: revocation.reason, revokedBy: revocation.by }),
    ...(der && { pem: pem('CERTIFICATE', der) }),
  };
}

async function certificateOf(ctx: Ctx, serial: string): Promise<Certificate> {
  return found(await findCertificate(ctx.db, serial), `certificate ${serial}`);
}

export const certOperations = [
  listing({
    name: 'cert list',
    summary: 'certificates, newest first',
    scope: 'read',
    http: { method: 'get', path: '/certificates' },
    input: z.object({
      ...filterShape,
      status: z.enum(certificateStatuses).optional().describe('in this state only'),
    }),
    item: certShown,
    read: (ctx, { status, ...rest }, page) => listCertificates(ctx.db, { ...filterOf(rest), status }, ctx.now(), page),
    show: (ctx, certificates) => certificates.map(certificate => showCert(certificate, ctx.now())),
    at: ({ committedAt, serial }) => ({ at: committedAt, id: serial }),
  }),
  operation({
    name: 'cert show',
    summary: 'one certificate',
    scope: 'read',
    http: { method: 'get', path: '/certificates/{serial}' },
    positional: ['serial'],
    input: z.object({ serial }),
    output: certShown,
    run: async (ctx, { serial }) => showCert(await certificateOf(ctx, serial), ctx.now()),
  }),
  operation({
    name: 'cert revoke',
    summary: 'revoke a certificate; keyCompromise blocks its key for ever',
    scope: 'revoke',
    http: { method: 'post', path: '/certificates/{serial}/revoke' },
    positional: ['serial'],
    input: z.object({ serial, reason: reasonAmong(operatorReasons).default('unspecified').describe('by name or number (RFC 5280)') }),
    output: z.object({ serial: z.string(), status: z.enum(['revoked', 'expired']), reason: z.string(), revokedAt: time.optional() }),
    async run(ctx, { serial, reason }, actor) {
      const certificate = await certificateOf(ctx, serial);
      if (certificate.orderId === undefined) throw new Problem('malformed', `The certificate ${serial} is one of the authority's own.`);
      const revoked = await revoke(ctx, certificate, { reason, revoker: { kind: 'operator' }, actor });
      if (!revoked) return { serial, status: 'expired' as const, reason };
      return { serial, status: 'revoked' as const, reason: revoked.reason, revokedAt: rfc3339(revoked.at) };
    },
    remark: ({ serial }, { status }) =>
      status === 'expired'
        ? `the certificate ${serial} has expired: its key is blocked, and every living certificate that bears it is revoked`
        : undefined,
  }),
];
