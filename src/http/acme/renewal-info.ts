import type { Ctx } from '../../ctx.ts';
import type { Certificate } from '../../model/certificate.ts';
import { rfc3339 } from '../../model/encoding.ts';
import { notFound, Problem } from '../../model/problem.ts';
import { movedWindow, parseCertId, suggestedWindow } from '../../model/renewal.ts';
import { seconds } from '../../model/seconds.ts';
import { keyIdentifier } from '../../pki/keys.ts';
import { findCertificate } from '../../store/certificates.ts';
import type { Reply } from '../reply.ts';
import type { Acme, Incoming } from './request.ts';

/** Seconds until a client asks again (RFC 9773 §4.3.1): sooner while an operator is at it. */
const retryAfter = { usual: 6 * seconds.hour, moved: seconds.hour };

/** RFC 9773 §4: open to all, without a nonce. */
export async function renewalInfo({ ctx }: Acme, { params }: Incoming): Promise<Reply> {
  const certificate = await certificateOfId(ctx, params['certId']);
  if (!certificate) throw notFound('certificate');
  const { start, end } = suggestedWindow(certificate, ctx.now());
  const moved = movedWindow(certificate);
  return {
    status: 200,
    headers: { 'Retry-After': String(moved ? retryAfter.moved : retryAfter.usual) },
    body: {
      suggestedWindow: { start: rfc3339(start), end: rfc3339(end) },
      ...(moved?.explanation !== undefined && { explanationURL: moved.explanation }),
    },
  };
}

/** The issued certificate of a certID (RFC 9773 §4.1). @throws Problem malformed */
export async function certificateOfId(ctx: Ctx, certId: unknown): Promise<Certificate | undefined> {
  const parsed = parseCertId(certId);
  if (!parsed)
    throw new Problem(
      'malformed',
      'A certificate is named by its authority key identifier, a full stop, and the octets of its serial number, both in base64url without padding (RFC 9773 section 4.1).',
    );
  const found = await findCertificate(ctx.db, parsed.serial);
  const issuer = found?.state === 'issued' ? ctx.authority.issuers.get(found.issuerId) : undefined;
  return issuer && Buffer.from(keyIdentifier(issuer.spki)).equals(parsed.keyIdentifier) ? found : undefined;
}
