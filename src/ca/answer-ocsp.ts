import type { Ctx, SigningIssuer } from '../ctx.ts';
import type { Certificate, ProfileName } from '../model/certificate.ts';
import { type CertId, issuerHashes, MalformedRequest, type OcspStatus, ocspError, readOcspRequest, signOcspResponse } from '../pki/ocsp.ts';
import { profiles } from '../pki/profiles/table.ts';
import { findCertificate } from '../store/certificates.ts';
import { type OpenCredential, responderCredential } from './credentials.ts';

/** Seconds that an answer holds. */
const lifetime = 86400;

/** DER request in, DER answer out. */
export type OcspResponder = (request: Uint8Array) => Promise<Uint8Array>;

/** RFC 6960 with delegated responders (§2.6); one credential for each issuer, renewed before its certificate ends. */
export function ocspResponder(ctx: Ctx): OcspResponder {
  const credentials = new Map<string, Promise<OpenCredential>>();

  /** One after another: a first burst of requests makes one credential, not one each. */
  function credentialFor(issuer: SigningIssuer): Promise<OpenCredential> {
    const before = credentials.get(issuer.id);
    const next = (async () => {
      const held = await before?.catch(() => undefined);
      // A day is left for answers that it has signed.
      return held && held.notAfter > ctx.now() + 2 * lifetime ? held : responderCredential(ctx, issuer);
    })();
    credentials.set(issuer.id, next);
    return next;
  }

  return async bytes => {
    try {
      const { certIds, nonce } = readOcspRequest(bytes);
      const issuer = issuerOf(ctx, certIds);
      const responses = issuer && (await statuses(ctx, issuer, certIds));
      // RFC 5019 §2.2.3: what was never issued, has expired or has no status is not answered for, and never `good`.
      if (!issuer || !responses) return ocspError('unauthorized');
      const credential = await credentialFor(issuer);
      const now = ctx.now();
      return await signOcspResponse(
        {
          responses,
          producedAt: now,
          thisUpdate: now,
          nextUpdate: Math.min(now + lifetime, credential.notAfter),
          responderCertificate: credential.certificate,
          ...(nonce && { nonce }),
        },
        credential.signer,
      );
    } catch (error) {
      if (error instanceof MalformedRequest) return ocspError('malformedRequest');
      ctx.log.error({ err: error }, 'OCSP failed');
      return ocspError('internalError');
    }
  };
}

/** The one issuer of ours that all CertIDs name. */
function issuerOf(ctx: Ctx, certIds: CertId[]): SigningIssuer | undefined {
  for (const issuer of ctx.authority.issuers.values()) {
    if (!issuer.signer) continue;
    const names = certIds.every(({ hash, issuerNameHash, issuerKeyHash }) => {
      if (!hash) return false;
      const { name, key } = issuerHashes(hash, issuer.subject, issuer.spki);
      return name === issuerNameHash && key === issuerKeyHash;
    });
    if (names) return issuer as SigningIssuer;
  }
  return undefined;
}

async function statuses(ctx: Ctx, issuer: SigningIssuer, certIds: CertId[]): Promise<{ certId: CertId; status: OcspStatus }[] | undefined> {
  const responses: { certId: CertId; status: OcspStatus }[] = [];
  for (const certId of certIds) {
    const certificate = await findCertificate(ctx.db, certId.serial);
    const status = certificate?.issuerId === issuer.id ? statusOf(certificate, ctx.now()) : undefined;
    if (!status) return undefined;
    responses.push({ certId, status });
  }
  return responses;
}

/** Abandoned serials are revoked; committed ones are not issued yet. */
function statusOf({ state, notAfter, profile, revocation }: Certificate, now: number): OcspStatus | undefined {
  if (state === 'committed' || notAfter < now || profiles[profile as ProfileName]?.revocable === false) return undefined;
  return revocation ? { status: 'revoked', at: revocation.at, reason: revocation.reason } : { status: 'good' };
}
