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
  const [certId, extensions] = elements(request, tags.sequence);
  readExtensions(extensions);
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
  const value = readExtensions(extensions).get(oids.ocspNonce);
  if (!value) return undefined;
  // RFC 9654 §2.1: an OCTET STRING inside the extension's own; the octets alone, as older clients send them, are none.
  const nonce = octetsOf(readDer(value));
  if (nonce.length < 1 || nonce.length > 128) throw new DerError('a nonce of other than 1 to 128 octets');
  return nonce;
}

/** Values by name. RFC 6960 §4.1.2: what is not understood is ignored, unless it is critical. */
function readExtensions(extensions: Tlv | undefined): Map<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  if (!extensions) return values;
  const [list] = elements(extensions);
  if (!list) throw new DerError('no extensions');
  for (const extension of elements(list, tags.sequence)) {
    const [name, ...rest] = elements(extension, tags.sequence);
    const id = name ? readOid(name) : '';
    const critical = rest[0]?.tag === tags.boolean && rest[0].value[0] !== 0;
    if (critical && id !== oids.ocspNonce) throw new DerError('a critical extension that is not understood');
    values.set(id, octetsOf(rest.at(-1)));
  }
  return values;
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
}

/** RFC 6960 §4.2.1: a successful, signed answer. */
export type SignOcsp = (response: OcspResponse) => Promise<Uint8Array>;

/** @param certificate DER of the delegated responder's own */
export function ocspSigner(certificate: Uint8Array, signer: Signer): SignOcsp {
  // What is the same in every answer.
  const responderId = tlv(contextConstructed(2), octetString(keyIdentifier(signer.spki)));
  const certificates = tlv(contextConstructed(0), sequence(certificate));
  return async ({ responses, producedAt, thisUpdate, nextUpdate, nonce }) => {
    const data = sequence(
      responderId,
      generalizedTime(producedAt),
      sequence(...responses.map(r => singleResponse(r, thisUpdate, nextUpdate))),
      ...(nonce ? [tlv(contextConstructed(1), sequence(sequence(oid(oids.ocspNonce), octetString(octetString(nonce)))))] : []),
    );
    const basic = sequence(data, signer.algorithm, bitString(await signer.sign(data)), certificates);
    return sequence(successful, tlv(contextConstructed(0), sequence(oid(oids.ocspBasic), octetString(basic))));
  };
}

const successful = tlv(tags.enumerated, Uint8Array.of(0));

function singleResponse({ certId, status }: SingleResponse, thisUpdate: number, nextUpdate: number): Uint8Array {
  return sequence(certId.bytes, certStatus(status), generalizedTime(thisUpdate), tlv(contextConstructed(0), generalizedTime(nextUpdate)));
}

function certStatus(status: OcspStatus): Uint8Array {
  if (status.status === 'good') return tlv(context(0));
  const reason = tlv(contextConstructed(0), tlv(tags.enumerated, Uint8Array.of(revocationReasons[status.reason])));
  return tlv(contextConstructed(1), generalizedTime(status.at), ...(status.reason === 'unspecified' ? [] : [reason]));
}

/** RFC 6960 §4.2.1, §2.3: answers without a signature. */
const errorCodes = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;

export type OcspError = keyof typeof errorCodes;

export function ocspError(name: OcspError): Uint8Array {
  return sequence(tlv(tags.enumerated, Uint8Array.of(errorCodes[name])));
}
