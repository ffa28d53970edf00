import { alreadyAuthorized } from '../../ca/domains/authorize.ts';
import { type Revoker, revoke } from '../../ca/revocation/revoke.ts';
import { type Certificate, type RevocationReason, reasonName } from '../../model/certificate.ts';
import { fromBase64url } from '../../model/encoding.ts';
import { Problem } from '../../model/problem.ts';
import { readCertificate } from '../../pki/certificate.ts';
import { spkiThumbprint } from '../../pki/public-key.ts';
import { findCertificate } from '../../store/certificates.ts';
import type { Reply } from '../reply.ts';
import { type Acme, type ByAccount, type ByKey, objectOf } from './request.ts';

/** RFC 8555 §7.6: by the account that ordered it, by one that is authorized for all its names, or by its key. */
export async function revokeCert(acme: Acme, request: ByKey | ByAccount): Promise<Reply> {
  const payload = objectOf(request);
  const reason = readReason(payload['reason']);
  const der = fromBase64url(payload['certificate']);
  if (!der) throw new Problem('malformed', '"certificate" is the DER of a certificate in base64url without padding.');
  const { spki, serial } = read(der);
  const found = await findCertificate(acme.ctx.db, serial);
  if (!found?.der || !Buffer.from(found.der).equals(der))
    throw new Problem('malformed', 'This certificate was not issued here.', { status: 404 });
  const revoker = 'key' in request ? byKey(request, spki) : await byAccount(acme, request, found);
  await revoke(acme.ctx, found, { reason, revoker, actor: request.actor });
  return { status: 200 };
}

function read(der: Uint8Array): { spki: Uint8Array; serial: string } {
  try {
    return readCertificate(der);
  } catch (error) {
    throw new Problem('malformed', '"certificate" is not the DER of an X.509 certificate.', { cause: error });
  }
}

function readReason(reason: unknown): RevocationReason {
  if (reason === undefined) return 'unspecified';
  const name = typeof reason === 'number' ? reasonName(reason) : undefined;
  if (!name) throw new Problem('badRevocationReason', '"reason" is one of the numbers of RFC 5280 §5.3.1: 0, 1, 3, 4 or 5.');
  return name;
}

function byKey({ key }: ByKey, spki: Uint8Array): Revoker {
  if (spkiThumbprint(spki) !== key.thumbprint)
    throw new Problem(
      'unauthorized',
      'A request signed with "jwk" revokes only a certificate of that same key; an account signs with "kid".',
    );
  return { kind: 'key' };
}

async function byAccount({ ctx }: Acme, { account }: ByAccount, certificate: Certificate): Promise<Revoker> {
  if (certificate.accountId === account.id) return { kind: 'account', id: account.id };
  const names = certificate.names.map(value => ({ name: value.replace(/^\*\./, ''), wildcard: value.startsWith('*.') }));
  const authorized = await alreadyAuthorized(ctx, ctx.db, account, names, 0);
  const missing = certificate.names.filter(n => !authorized.has(n));
  if (missing.length || names.length === 0)
    throw new Problem(
      'unauthorized',
      `The account did not order this certificate and is not authorized for all of its names${missing.length ? `: ${missing.join(', ')}` : ''}.`,
    );
  return { kind: 'authorized-account', id: account.id };
}
