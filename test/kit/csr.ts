import { createPublicKey, type KeyObject, sign } from 'node:crypto';

/** Certification requests, written by hand: right ones and wrong ones. */

export interface CsrOptions {
  commonName?: string;
  /** Whole GeneralNames, DER. */
  altNames?: Uint8Array[];
  hash?: 'sha256' | 'sha384' | 'sha512' | 'sha1';
  /** SubjectPublicKeyInfo in the place of the signing key's. */
  spki?: Uint8Array;
}

export function tlv(tag: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 128) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, body]);
}

const oid = (hex: string) => tlv(6, Buffer.from(hex, 'hex'));
const rsaAlgorithms = {
  sha1: '2a864886f70d010105',
  sha256: '2a864886f70d01010b',
  sha384: '2a864886f70d01010c',
  sha512: '2a864886f70d01010d',
};
const ecdsaAlgorithms = { sha1: '2a8648ce3d0401', sha256: '2a8648ce3d040302', sha384: '2a8648ce3d040303', sha512: '2a8648ce3d040304' };

export const dnsAltName = (name: string): Buffer => tlv(0x82, Buffer.from(name, 'latin1'));
export const srvAltName = (name: string): Buffer => tlv(0xa0, oid('2b06010505070807'), tlv(0xa0, tlv(0x16, Buffer.from(name))));
export const xmppAltName = (name: string): Buffer => tlv(0xa0, oid('2b06010505070805'), tlv(0xa0, tlv(0x0c, Buffer.from(name))));
export const ipAltName = (...octets: number[]): Buffer => tlv(0x87, Buffer.from(octets));

/** DER of a PKCS #10 request (RFC 2986). */
export function makeCsr(key: KeyObject, names: string[], options: CsrOptions = {}): Buffer {
  const hash = options.hash ?? 'sha256';
  const altNames = options.altNames ?? names.map(dnsAltName);
  const subject =
    options.commonName === undefined
      ? tlv(0x30)
      : tlv(0x30, tlv(0x31, tlv(0x30, oid('550403'), tlv(0x0c, Buffer.from(options.commonName)))));
  const extension = tlv(0x30, oid('551d11'), tlv(4, tlv(0x30, ...altNames)));
  const attributes = altNames.length ? tlv(0xa0, tlv(0x30, oid('2a864886f70d01090e'), tlv(0x31, tlv(0x30, extension)))) : tlv(0xa0);
  const info = tlv(
    0x30,
    tlv(2, Buffer.of(0)),
    subject,
    options.spki ? Buffer.from(options.spki) : createPublicKey(key).export({ format: 'der', type: 'spki' }),
    attributes,
  );
  const rsa = key.asymmetricKeyType === 'rsa';
  const algorithm = rsa ? tlv(0x30, oid(rsaAlgorithms[hash]), tlv(5)) : tlv(0x30, oid(ecdsaAlgorithms[hash]));
  return tlv(0x30, info, algorithm, tlv(3, Buffer.of(0), sign(hash, info, key)));
}
