import { z } from 'zod';
import { revoke } from '../ca/revoke.ts';
import type { Ctx } from '../ctx.ts';
import { type Certificate, certificateStates, operatorReasons, parseReason, parseSerial } from '../model/certificate.ts';
import { pem, rfc3339 } from '../model/encoding.ts';
import { Problem } from '../model/problem.ts';
import { type CertificateFilter, countCertificates, findCertificate, listCertificates } from '../store/certificates.ts';
import { found, memberId, operation, time } from './operation.ts';

const shown = z.object({
  serial: z.string(),
  status: z.enum([...certificateStates, 'revoked', 'expired']),
  names: z.array(z.string()),
  profile: z.string(),
  memberId: z.string().optional(),
  accountId: z.string().optional(),
  issuer: z.string(),
  notBefore: time,
  notAfter: time,
  revokedAt: time.optional(),
  reason: z.string().optional(),
  revokedBy: z.string().optional(),
  pem: z.string().optional(),
});

function show(certificate: Certificate, now: number) {
  const { serial, names, profile, memberId, accountId, issuerId, notBefore, notAfter, revocation, der } = certificate;
  return {
    serial,
    status: statusOf(certificate, now),
    names,
    profile,
    ...(memberId !== undefined && { memberId }),
    ...(accountId !== undefined && { accountId }),
    issuer: issuerId,
    notBefore: rfc3339(notBefore),
    notAfter: rfc3339(notAfter),
    ...(revocation && { revokedAt: rfc3339(revocation.at), reason: revocation.reason, revokedBy: revocation.by }),
    ...(der && { pem: pem('CERTIFICATE', der) }),
  };
}

function statusOf({ state, revocation, notAfter }: Certificate, now: number) {
  if (state !== 'issued') return state;
  if (revocation) return 'revoked' as const;
  return notAfter < now ? ('expired' as const) : state;
}

const serial = z.string().transform((text, context) => {
  const parsed = parseSerial(text);
  if (parsed === undefined) context.addIssue('is a serial number in hex, with or without colons');
  return parsed ?? '';
});

const reason = z.string().transform((text, context) => {
  const parsed = parseReason(text);
  if (parsed === undefined || !operatorReasons.includes(parsed)) context.addIssue(`is one of ${operatorReasons.join(', ')}, or its number`);
  return parsed ?? 'unspecified';
});

async function certificateOf(ctx: Ctx, serial: string): Promise<Certificate> {
  return found(await findCertificate(ctx.db, serial), `certificate ${serial}`);
}

const filterOf = ({ member, name }: { member?: string | undefined; name?: string | undefined }): CertificateFilter => ({
  ...(member !== undefined && { memberId: member }),
  ...(name !== undefined && { name: name.toLowerCase() }),
});

export const certOperations = [
  operation({
    name: 'cert list',
    summary: 'certificates, newest first',
    scope: 'read',
    input: z.object({
      member: memberId.optional().describe('of this member only'),
      name: z.string().optional().describe('with exactly this name only'),
      limit: z.number().int().min(1).max(100_000).default(1000).describe('at most so many'),
    }),
    output: z.array(shown),
    run: async (ctx, input) => (await listCertificates(ctx.db, filterOf(input), input.limit)).map(c => show(c, ctx.now())),
    async remark(ctx, input, { length }) {
      const all = length < input.limit ? length : await countCertificates(ctx.db, filterOf(input));
      return all > length ? `these are the newest ${length} of ${all} certificates; --limit shows more` : undefined;
    },
  }),
  operation({
    name: 'cert show',
    summary: 'one certificate',
    scope: 'read',
    positional: ['serial'],
    input: z.object({ serial }),
    output: shown,
    run: async (ctx, { serial }) => show(await certificateOf(ctx, serial), ctx.now()),
  }),
  operation({
    name: 'cert revoke',
    summary: 'revoke a certificate; keyCompromise blocks its key for ever',
    scope: 'revoke',
    positional: ['serial'],
    input: z.object({ serial, reason: reason.default('unspecified').describe('by name or number (RFC 5280)') }),
    output: z.object({ serial: z.string(), status: z.literal('revoked'), reason: z.string(), revokedAt: time }),
    async run(ctx, { serial, reason }, actor) {
      const certificate = await certificateOf(ctx, serial);
      if (certificate.orderId === undefined) throw new Problem('malformed', `The certificate ${serial} is one of the authority's own.`);
      const { at, reason: recorded } = await revoke(ctx, certificate, reason, { kind: 'operator' }, actor);
      return { serial, status: 'revoked' as const, reason: recorded, revokedAt: rfc3339(at) };
    },
  }),
];
