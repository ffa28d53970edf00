import { createHash } from 'node:crypto';
import { type RevocationReason, revocationReasons } from '../model/certificate.ts';
import {
  bitString,
  context,
  contextConstructed,
  DerError,
  elements,
  generalizedTime,
  octetString,
  oid,
  readBits,
  readDer,
  readOid,
  sequence,
  type Tlv,
  tags,
  tlv,
  unsigned,
} from './der.ts';
import { keyIdentifier, type Signer } from './keys.ts';
import { oids } from './oids.ts';

/** Which certificate is asked about (RFC 6960 §4.1.1). */
export interface CertId {
  /** As it was sent: echoed. */
  bytes: Uint8Array;
  hash: 'sha1' | 'sha256' | undefined;
  issuerNameHash: string;
  issuerKeyHash: string;
  /** Hex of the value. */
  serial: string;
}

export interface OcspRequest {
  certIds: CertId[];
  /** RFC 9654: 1 to 128 octets. */
  nonce?: Uint8Array;
}

/** A request that is answered `malformedRequest`. */
export class MalformedRequest extends Error {}

const mostCertificates = 100;

/** @throws MalformedRequest */
export function readOcspRequest(der: Uint8Array): OcspRequest {
  try {
    const [tbs] = elements(readDer(der), tags.sequence);
    if (!tbs) throw new DerError('empty');
    const members = elements(tbs, tags.sequence);
    const list = members.find(m => m.tag === tags.sequence);
    if (!list) throw new DerError('no request list');
    const requests = elements(list);
    if (requests.length === 0 || requests.length > mostCertificates) throw new DerError('no certificate, or too many');
    const nonce = readNonce(members.find(m => m.tag === contextConstructed(2)));
    return { certIds: requests.map(readCertId), ...(nonce && { nonce }) };
  } catch (error) {
    if (error instanceof DerError) throw new MalformedRequest(error.message);
    throw error;
  }
}

function readCertId(request: Tlv): CertId {
  const [certId] = elements(request, tags.sequence);
  if (!certId) throw new DerError('no CertID');
  const [algorithm, nameHash, keyHash, serial] = elements(certId, tags.sequence);
  const id = algorithm && elements(algorithm, tags.sequence)[0];
  if (!id || nameHash?.tag !== tags.octetString || keyHash?.tag !== tags.octetString || !serial) throw new DerError('no CertID');
  const name = readOid(id);
  return {
    bytes: certId.bytes,
    hash: name === oids.sha1 ? 'sha1' : name === oids.sha256 ? 'sha256' : undefined,
    issuerNameHash: Buffer.from(nameHash.value).toString('hex'),
    issuerKeyHash: Buffer.from(keyHash.value).toString('hex'),
    serial: Buffer.from(unsigned(serial)).toString('hex'),
  };
}

function readNonce(extensions: Tlv | undefined): Uint8Array | undefined {
  if (!extensions) return undefined;
  const [list] = elements(extensions);
  if (!list) throw new DerError('no extensions');
  for (const extension of elements(list, tags.sequence)) {
    const parts = elements(extension, tags.sequence);
    if (!parts[0] || readOid(parts[0]) !== oids.ocspNonce) continue;
    // RFC 9654 §2.1: an OCTET STRING inside the extension's own; the octets alone, as older clients send them, are none.
    const nonce = octetsOf(readDer(octetsOf(parts.at(-1))));
    if (nonce.length < 1 || nonce.length > 128) throw new DerError('a nonce of other than 1 to 128 octets');
    return nonce;
  }
  return undefined;
}

function octetsOf(element: Tlv | undefined): Uint8Array {
  if (element?.tag !== tags.octetString) throw new DerError('no OCTET STRING');
  return element.value;
}

/** How requests name an issuer: hashes of its DER Name and of its key's bits. */
export function issuerHashes(hash: 'sha1' | 'sha256', subject: Uint8Array, spki: Uint8Array): { name: string; key: string } {
  const bits = elements(readDer(spki))[1];
  if (!bits) throw new DerError('no key');
  const digest = (bytes: Uint8Array) => createHash(hash).update(bytes).digest('hex');
  return { name: digest(subject), key: digest(readBits(bits)) };
}

export type OcspStatus = { status: 'good' } | { status: 'revoked'; at: number; reason: RevocationReason };

export interface SingleResponse {
  certId: CertId;
  status: OcspStatus;
}

export interface OcspResponse {
  responses: SingleResponse[];
  producedAt: number;
  thisUpdate: number;
  nextUpdate: number;
  nonce?: Uint8Array;
  /** DER of the delegated responder's certificate. */
  responderCertificate: Uint8Array;
}

/** RFC 6960 §4.2.1: a successful, signed answer. */
export async function signOcspResponse(response: OcspResponse, signer: Signer): Promise<Uint8Array> {
  const { nonce } = response;
  const data = sequence(
    tlv(contextConstructed(2), octetString(keyIdentifier(signer.spki))),
    generalizedTime(response.producedAt),
    sequence(...response.responses.map(r => singleResponse(r, response.thisUpdate, response.nextUpdate))),
    ...(nonce ? [tlv(contextConstructed(1), sequence(sequence(oid(oids.ocspNonce), octetString(octetString(nonce)))))] : []),
  );
  const basic = sequence(
    data,
    signer.algorithm,
    bitString(await signer.sign(data)),
    tlv(contextConstructed(0), sequence(response.responderCertificate)),
  );
  return sequence(tlv(tags.enumerated, Uint8Array.of(0)), tlv(contextConstructed(0), sequence(oid(oids.ocspBasic), octetString(basic))));
}

function singleResponse({ certId, status }: SingleResponse, thisUpdate: number, nextUpdate: number): Uint8Array {
  return sequence(certId.bytes, certStatus(status), generalizedTime(thisUpdate), tlv(contextConstructed(0), generalizedTime(nextUpdate)));
}

function certStatus(status: OcspStatus): Uint8Array {
  if (status.status === 'good') return tlv(context(0));
  const reason = tlv(contextConstructed(0), tlv(tags.enumerated, Uint8Array.of(revocationReasons[status.reason])));
  return tlv(contextConstructed(1), generalizedTime(status.at), ...(status.reason === 'unspecified' ? [] : [reason]));
}

/** RFC 6960 §4.2.1, §2.3: answers without a signature. */
export const errorCodes = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;

export function ocspError(name: keyof typeof errorCodes): Uint8Array {
  return sequence(tlv(tags.enumerated, Uint8Array.of(errorCodes[name])));
}
