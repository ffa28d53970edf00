import type { Ctx, SigningIssuer } from '../ctx.ts';
import type { Certificate } from '../model/certificate.ts';
import { assemble } from '../pki/certificate.ts';
import { checkSigned } from '../pki/check-signed.ts';

/** Over everything that decides what is signed and for whom. Whoever can only write the database cannot make one. */
export function rowMac(ctx: Pick<Ctx, 'vault'>, row: Omit<Certificate, 'mac' | 'state' | 'der' | 'revocation'>): Uint8Array {
  const { serial, issuerId, orderId = '', accountId = '', memberId = '', profile, names, notBefore, notAfter, tbs } = row;
  return ctx.vault.mac(
    'certificate row',
    serial,
    issuerId,
    orderId,
    accountId,
    memberId,
    profile,
    JSON.stringify(names),
    `${notBefore} ${notAfter} ${row.committedAt}`,
    row.spkiHash,
    tbs,
  );
}

/** Signs the stored bytes. @throws where the row was altered, or the issuer's key is not here */
export async function signCommitted(ctx: Ctx, certificate: Certificate): Promise<Uint8Array> {
  if (!Buffer.from(rowMac(ctx, certificate)).equals(Buffer.from(certificate.mac)))
    throw new Error(`the row of the certificate ${certificate.serial} was altered outside the server; its bytes are not signed`);
  const issuer = signingIssuer(ctx, certificate.issuerId);
  const der = assemble(certificate.tbs, issuer.signatureAlgorithm, await issuer.signer.sign(certificate.tbs));
  if (!checkSigned(der, certificate.tbs, issuer.signatureAlgorithm, issuer.spki))
    throw new Error(`the signature over ${certificate.serial} does not verify`);
  return der;
}

export function signingIssuer(ctx: Ctx, id: string): SigningIssuer {
  const issuer = ctx.authority.issuers.get(id);
  if (!issuer?.signer) throw new Error(`the key of the issuer ${id} is not here`);
  return issuer as SigningIssuer;
}
