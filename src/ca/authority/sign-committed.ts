import type { Ctx, SigningIssuer } from '../../ctx.ts';
import type { Certificate } from '../../model/certificate.ts';
import { assemble } from '../../pki/certificate.ts';
import { checkSigned } from '../../pki/check-signed.ts';

type Row = Omit<Certificate, 'mac' | 'state' | 'der' | 'revocation'>;

const purpose = 'certificate row';

/** Everything that decides what is signed and for whom. */
function partsOf(row: Row): (string | Uint8Array)[] {
  const { serial, issuerId, orderId = '', accountId = '', memberId = '', profile, names, notBefore, notAfter, tbs } = row;
  const times = `${notBefore} ${notAfter} ${row.committedAt}`;
  return [serial, issuerId, orderId, accountId, memberId, profile, JSON.stringify(names), times, row.spkiHash, tbs];
}

/** Whoever can only write the database cannot make one. */
export const rowMac = ({ vault }: Pick<Ctx, 'vault'>, row: Row): Uint8Array => vault.mac(purpose, ...partsOf(row));

/** Signs the stored bytes. @throws where the row was altered, or the issuer's key is not here */
export async function signCommitted(ctx: Ctx, certificate: Certificate): Promise<Uint8Array> {
  if (!ctx.vault.isMac(certificate.mac, purpose, ...partsOf(certificate)))
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
