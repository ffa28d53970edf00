import { bitString, contextConstructed, elements, integer, readDer, sequence, smallInteger, time, tlv, unsigned } from './der.ts';
import { type ExtensionSpec, encodeExtensions } from './extensions.ts';
import type { Signer } from './keys.ts';
import { encodeSubject, type Subject } from './names.ts';

/** Everything that a certificate says, as plain facts. */
export interface CertificateSpec extends ExtensionSpec {
  /** Big-endian value: 16 bytes, top bit clear, first byte not zero. */
  serial: Uint8Array;
  /** DER Name; absent in a self-signed certificate. */
  issuerName?: Uint8Array;
  subject: Subject;
  /** Whole epoch seconds; both inclusive (RFC 5280 §4.1.2.5). */
  notBefore: number;
  notAfter: number;
  spki: Uint8Array;
  /** DER AlgorithmIdentifier of the signature. */
  signatureAlgorithm: Uint8Array;
}

/** The exact bytes to be signed: DER TBSCertificate (RFC 5280 §4.1). */
export function encodeTbs(spec: CertificateSpec): Uint8Array {
  const subject = encodeSubject(spec.subject);
  return sequence(
    tlv(contextConstructed(0), smallInteger(2)),
    integer(spec.serial),
    spec.signatureAlgorithm,
    spec.issuerName ?? subject,
    sequence(time(spec.notBefore), time(spec.notAfter)),
    subject,
    spec.spki,
    tlv(contextConstructed(3), encodeExtensions(spec)),
  );
}

/** Certificate ::= SEQUENCE { tbs, algorithm, signature }; CRLs and CSRs have the same form. */
export function assemble(tbs: Uint8Array, algorithm: Uint8Array, signature: Uint8Array): Uint8Array {
  return sequence(tbs, algorithm, bitString(signature));
}

export async function signTbs(tbs: Uint8Array, signer: Signer): Promise<Uint8Array> {
  return assemble(tbs, signer.algorithm, await signer.sign(tbs));
}

/** What others need to know of a certificate, from its DER; for certificates of our own. */
export interface CertificateFacts {
  der: Uint8Array;
  /** DER Name. */
  subject: Uint8Array;
  spki: Uint8Array;
  /** Lowercase hex of the value. */
  serial: string;
}

/** @throws DerError */
export function readCertificate(der: Uint8Array): CertificateFacts {
  const [tbs] = elements(readDer(der));
  if (!tbs) throw new Error('no certificate');
  const [, serial, , , , subject, spki] = elements(tbs);
  if (!serial || !subject || !spki) throw new Error('no certificate');
  return { der, subject: subject.bytes, spki: spki.bytes, serial: Buffer.from(unsigned(serial)).toString('hex') };
}
