import { backdate, type ProfileName } from '../model/certificate.ts';
import { unicodeName } from '../model/identifier.ts';
import type { CertificateSpec } from './certificate.ts';
import type { Policy } from './extensions.ts';
import { keyIdentifier } from './keys.ts';
import type { AltName } from './names.ts';
import { oids } from './oids.ts';
import { profiles } from './profiles/table.ts';
import type { PublicKeyFacts } from './public-key.ts';

/** What a certificate takes from its issuer. */
export interface IssuerFacts {
  id: string;
  /** DER Name. */
  subject: Uint8Array;
  spki: Uint8Array;
  signatureAlgorithm: Uint8Array;
  notBefore: number;
  notAfter: number;
}

/** Of a shard, or of the complete CRL. */
export const crlUrl = (statusUrl: string, issuerId: string, shard = 0): string =>
  `${statusUrl}/crl/${issuerId}${shard ? `/${shard}` : ''}.crl`;

/** Which of so many CRL shards a certificate belongs to, for good; 0 where there are none. Serial numbers are random, so the shards are of one size. */
export const shardOf = (serial: Uint8Array, shards: number): number =>
  shards > 1 ? (Buffer.from(serial).readUInt32BE(serial.length - 4) % shards) + 1 : 0;
export const issuerUrl = (statusUrl: string, issuerId: string): string => `${statusUrl}/issuer/${issuerId}.cer`;
export const ocspUrl = (statusUrl: string): string => `${statusUrl}/ocsp`;

/** 16 random bytes with the top bit clear and the first byte not zero (RFC 5280 §4.1.2.2: positive, 20 octets at most). */
export function newSerial(random: (size: number) => Uint8Array): Uint8Array {
  for (;;) {
    const bytes = Uint8Array.from(random(16));
    bytes[0] = (bytes[0] ?? 0) & 0x7f;
    if (bytes[0] !== 0) return bytes;
  }
}

/** Both inclusive; never more than an hour back (the order may be older than that), never beyond the issuer's own end. */
export function validity(now: number, lifetime: number, issuer: IssuerFacts, asked: { notBefore?: number; notAfter?: number } = {}) {
  const notBefore = Math.max(asked.notBefore ?? 0, now - backdate, issuer.notBefore);
  return { notBefore, notAfter: Math.min(asked.notAfter ?? notBefore + lifetime - 1, issuer.notAfter) };
}

/** The subject alternative names of ordered names: grouped by kind, each kind in the order's order. */
export function altNames(names: readonly string[], kinds: readonly AltName['kind'][]): AltName[] {
  return kinds.flatMap(kind => names.flatMap(name => altNamesOf(name, kind)));
}

/** A wildcard has no SRVName or XmppAddr. */
function altNamesOf(name: string, kind: AltName['kind']): AltName[] {
  if (kind === 'dns') return [{ kind, value: name }];
  if (name.startsWith('*.')) return [];
  if (kind === 'srv') return ['_xmpp-client', '_xmpp-server'].map(service => ({ kind, value: `${service}.${name}` }));
  return [{ kind, value: unicodeName(name) }];
}

export interface LeafRequest {
  profile: ProfileName;
  /** At least one. */
  names: readonly string[];
  publicKey: PublicKeyFacts;
  serial: Uint8Array;
  now: number;
  asked: { notBefore?: number; notAfter?: number };
  policies: readonly Policy[];
  statusUrl: string;
  /** Of the issuer's CRL; 0: none. */
  shard: number;
}

/** The certificate of an order. */
export function leafSpec(request: LeafRequest, issuer: IssuerFacts): CertificateSpec {
  const profile = profiles[request.profile];
  return {
    serial: request.serial,
    issuerName: issuer.subject,
    subject: subjectOf(request.names[0] ?? '', request.serial),
    ...validity(request.now, profile.lifetime, issuer, request.asked),
    spki: request.publicKey.spki,
    signatureAlgorithm: issuer.signatureAlgorithm,
    keyUsage: request.publicKey.kind === 'RSA' ? ['digitalSignature', 'keyEncipherment'] : ['digitalSignature'],
    extKeyUsage: ['serverAuth', 'clientAuth'],
    subjectKeyId: keyIdentifier(request.publicKey.spki),
    authorityKeyId: keyIdentifier(issuer.spki),
    altNames: altNames(request.names, profile.altNames),
    policies: request.policies,
    issuerUrl: issuerUrl(request.statusUrl, issuer.id),
    ...(profile.revocable
      ? { crlUrl: crlUrl(request.statusUrl, issuer.id, request.shard), ocspUrl: ocspUrl(request.statusUrl) }
      : { noRevAvail: true }),
  };
}

/** A common name has 64 characters at most (RFC 5280 appendix A.1), a host's name up to 253. */
const subjectOf = (name: string, serial: Uint8Array): CertificateSpec['subject'] =>
  name.length <= 64 ? { commonName: name } : { serialNumber: Buffer.from(serial).toString('hex') };

interface OwnRequest {
  serial: Uint8Array;
  spki: Uint8Array;
  now: number;
  lifetime: number;
  statusUrl: string;
}

/** The delegated OCSP responder (RFC 6960 §4.2.2.2): short-lived, so nobody need ask whether it was revoked. */
export function responderSpec({ serial, spki, now, lifetime }: OwnRequest, issuer: IssuerFacts): CertificateSpec {
  return {
    serial,
    issuerName: issuer.subject,
    subject: { commonName: 'OCSP responder' },
    ...validity(now, lifetime, issuer),
    spki,
    signatureAlgorithm: issuer.signatureAlgorithm,
    keyUsage: ['digitalSignature'],
    extKeyUsage: ['OCSPSigning'],
    subjectKeyId: keyIdentifier(spki),
    authorityKeyId: keyIdentifier(issuer.spki),
    ocspNoCheck: true,
  };
}

/** The certificate of our own public listener, where the operator brings none. */
export function listenerSpec(
  { serial, spki, now, lifetime, statusUrl }: OwnRequest,
  issuer: IssuerFacts,
  names: AltName[],
): CertificateSpec {
  return {
    serial,
    issuerName: issuer.subject,
    subject: subjectOf(names[0]?.value ?? '', serial),
    ...validity(now, lifetime, issuer),
    spki,
    signatureAlgorithm: issuer.signatureAlgorithm,
    keyUsage: ['digitalSignature'],
    extKeyUsage: ['serverAuth'],
    subjectKeyId: keyIdentifier(spki),
    authorityKeyId: keyIdentifier(issuer.spki),
    altNames: names,
    issuerUrl: issuerUrl(statusUrl, issuer.id),
    crlUrl: crlUrl(statusUrl, issuer.id),
    ocspUrl: ocspUrl(statusUrl),
  };
}

interface AuthorityRequest {
  serial: Uint8Array;
  spki: Uint8Array;
  notBefore: number;
  notAfter: number;
  commonName: string;
}

/** A self-signed root (RFC 5280 §4.2.1.1: it needs no AKI). */
export function rootSpec(request: AuthorityRequest, signatureAlgorithm: Uint8Array): CertificateSpec {
  const { serial, spki, notBefore, notAfter, commonName } = request;
  return {
    serial,
    subject: { commonName },
    notBefore,
    notAfter,
    spki,
    signatureAlgorithm,
    basicConstraints: {},
    keyUsage: ['keyCertSign', 'cRLSign'],
    subjectKeyId: keyIdentifier(spki),
  };
}

/**
 * An issuing CA below a root: a CRL distribution point, no OCSP, no EKU. Its policy is anyPolicy, which sets no limit to those of its leaves: without it none of theirs
 * would be valid for a verifier that asks for one (RFC 5280 §6.1.3 d), and with theirs none could be added later.
 */
export function issuingSpec(request: AuthorityRequest, root: IssuerFacts, statusUrl: string): CertificateSpec {
  return {
    ...rootSpec(request, root.signatureAlgorithm),
    issuerName: root.subject,
    basicConstraints: { pathLength: 0 },
    authorityKeyId: keyIdentifier(root.spki),
    policies: [{ id: oids.anyPolicy }],
    crlUrl: crlUrl(statusUrl, root.id),
  };
}
