import { sign } from 'node:crypto';
import { assemble } from '../../src/pki/certificate.ts';
import { integer, octetString, oid, sequence, time, tlv } from '../../src/pki/der.ts';
import { oids } from '../../src/pki/oids.ts';
import { ecKey, now, serialOf, spkiOf } from './hierarchy.ts';

/** Certificates for tls-alpn-01 (RFC 8737 §3), right ones and wrong ones. */

const critical = Uint8Array.of(1, 1, 0xff);
const commonName = (text: string) => sequence(tlv(0x31, sequence(oid(oids.commonName), tlv(0x0c, Buffer.from(text)))));

export const identifier = (digest: Uint8Array): Uint8Array => octetString(digest);
export const extension = (id: string, value: Uint8Array, flag: Uint8Array = critical): Uint8Array =>
  sequence(oid(id), flag, octetString(value));
export const nonCritical = (digest: Uint8Array): Uint8Array => sequence(oid(oids.acmeIdentifier), octetString(identifier(digest)));
/** A SAN: one dNSName, and other GeneralNames. */
export const dnsNames = (name: string, ...more: Uint8Array[]): Uint8Array =>
  sequence(oid(oids.subjectAltName), octetString(sequence(tlv(0x82, Buffer.from(name)), ...more)));

export interface AcmeTlsOptions {
  /** Common name, where it is not the subject's. */
  issuer?: string;
  /** Instead of the right two. */
  extensions?: Uint8Array[];
}

export function acmeTlsCertificate(name: string, digest: Uint8Array, options: AcmeTlsOptions = {}): Uint8Array {
  const key = ecKey('acme-tls');
  const algorithm = sequence(oid(oids.ecdsaWithSHA256));
  const tbs = sequence(
    tlv(0xa0, integer(Uint8Array.of(2))),
    integer(serialOf(7)),
    algorithm,
    commonName(options.issuer ?? 'ACME'),
    sequence(time(now), time(now + 86400)),
    commonName('ACME'),
    spkiOf(key),
    tlv(0xa3, sequence(...(options.extensions ?? [dnsNames(name), extension(oids.acmeIdentifier, identifier(digest))]))),
  );
  return assemble(tbs, algorithm, sign('sha256', tbs, key));
}
