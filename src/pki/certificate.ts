import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import './engine.ts';
import { bitString, elements, readDer, sequence, unsigned } from './der.ts';
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
  const certificate = new pkijs.Certificate();
  certificate.version = 2;
  certificate.serialNumber = new asn1js.Integer({ valueHex: Uint8Array.from(spec.serial) });
  certificate.signature = readAlgorithm(spec.signatureAlgorithm);
  certificate.subject = encodeSubject(spec.subject);
  certificate.issuer = spec.issuerName ? readName(spec.issuerName) : certificate.subject;
  certificate.notBefore = asTime(spec.notBefore);
  certificate.notAfter = asTime(spec.notAfter);
  certificate.subjectPublicKeyInfo = new pkijs.PublicKeyInfo({ schema: parse(spec.spki) });
  certificate.extensions = encodeExtensions(spec);
  return new Uint8Array(certificate.encodeTBS().toBER());
}

/** An issuer's name and algorithm are the same bytes in every certificate: parsed once. pkijs only reads them afterwards. */
function once<T>(read: (der: Uint8Array) => T): (der: Uint8Array) => T & object {
  const known = new WeakMap<Uint8Array, T & object>();
  return der => {
    const value = known.get(der) ?? (read(der) as T & object);
    known.set(der, value);
    return value;
  };
}

const readAlgorithm = once(der => new pkijs.AlgorithmIdentifier({ schema: parse(der) }));
const readName = once(der => new pkijs.RelativeDistinguishedNames({ schema: parse(der) }));

function asTime(seconds: number): pkijs.Time {
  const value = new Date(seconds * 1000);
  return new pkijs.Time({ type: value.getUTCFullYear() < 2050 ? 0 : 1, value });
}

function parse(der: Uint8Array): asn1js.AsnType {
  return asn1js.fromBER(Uint8Array.from(der)).result;
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
