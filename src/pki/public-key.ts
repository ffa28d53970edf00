import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Jwk } from '../model/account.ts';
import { base64url } from '../model/encoding.ts';
import { sha256 } from '../model/sha256.ts';
import { elements, readBits, readDer, readOid, tags } from './der.ts';
import { oids } from './oids.ts';
import { rsaWeakness } from './weak-keys.ts';

/** A subject's public key that has passed the rules, in the one encoding that we use for it. */
export interface PublicKeyFacts {
  kind: 'RSA' | 'EC';
  /** DER SubjectPublicKeyInfo, re-encoded: points uncompressed, parameters canonical. */
  spki: Uint8Array;
  /** SHA-256 of it. */
  spkiHash: Uint8Array;
  /** RFC 7638: comparable with an account's. */
  thumbprint: string;
  key: KeyObject;
}

/** Why a key cannot be used, in words for a person. */
export class UnfitKey extends Error {}

const leafCurves = ['prime256v1', 'secp384r1'];

/**
 * Leaf keys: RSA 2048 to 4096 with exponent 65537, P-256, P-384; none that is known to be weak.
 * @throws UnfitKey
 */
export function checkLeafKey(spki: Uint8Array, weakKeys: ReadonlySet<string>): PublicKeyFacts {
  let key: KeyObject;
  try {
    const point = readPoint(spki);
    if (point)
      return {
        kind: 'EC',
        spki,
        spkiHash: sha256(spki),
        thumbprint: thumbprint(point),
        key: createPublicKey({ key: point, format: 'jwk' }),
      };
    if (!isPlain(spki)) throw new Error('no plain point');
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    // By way of a JWK: a compressed point comes out uncompressed, and a point off the curve is refused.
    if (key.asymmetricKeyType === 'ec') key = createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
  } catch {
    throw new UnfitKey('the public key cannot be read');
  }
  if (key.asymmetricKeyType === 'ec') {
    const curve = key.asymmetricKeyDetails?.namedCurve ?? '';
    if (!leafCurves.includes(curve)) throw new UnfitKey(`the curve ${curve} is not accepted; use P-256 or P-384`);
  } else if (key.asymmetricKeyType === 'rsa') {
    checkRsa(key, weakKeys, 2048, 4096);
  } else {
    throw new UnfitKey(`keys of type ${key.asymmetricKeyType} are not accepted; use RSA or EC`);
  }
  const der = key.export({ format: 'der', type: 'spki' });
  return {
    kind: key.asymmetricKeyType === 'rsa' ? 'RSA' : 'EC',
    spki: der,
    spkiHash: sha256(der),
    thumbprint: thumbprint(key.export({ format: 'jwk' }) as Jwk),
    key,
  };
}

/** What stands before the uncompressed point in the one DER encoding of such a key (RFC 5480 §2). */
const curveHeads = [
  { crv: 'P-256', size: 32, head: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex') },
  { crv: 'P-384', size: 48, head: Buffer.from('3076301006072a8648ce3d020106052b8104002203620004', 'hex') },
];

/** The usual case, at a third of the time: a canonical key, whose point needs no parser. Whether it lies on the curve is seen at import. */
function readPoint(spki: Uint8Array): { kty: 'EC'; crv: string; x: string; y: string } | undefined {
  const bytes = Buffer.from(spki.buffer, spki.byteOffset, spki.byteLength);
  const curve = curveHeads.find(({ head, size }) => bytes.length === head.length + 2 * size && bytes.subarray(0, head.length).equals(head));
  if (!curve) return undefined;
  const start = curve.head.length;
  const [x, y] = [bytes.subarray(start, start + curve.size), bytes.subarray(start + curve.size)];
  return { kty: 'EC', crv: curve.crv, x: x.toString('base64url'), y: y.toString('base64url') };
}

/**
 * Whether an EC key is a point of a named curve (RFC 5480 §2.1.1, §2.2); of other keys nothing is asked. The point at infinity is one zero octet: OpenSSL
 * reads it, and Node ends the whole process, by an assertion of its own, when such a key is exported.
 * @throws DerError
 */
function isPlain(spki: Uint8Array): boolean {
  const [algorithm, bits] = elements(readDer(spki), tags.sequence);
  const [type, parameters] = algorithm ? elements(algorithm, tags.sequence) : [];
  if (!bits || !type || readOid(type) !== oids.ecPublicKey) return true;
  const point = readBits(bits);
  return parameters?.tag === tags.oid && point.length > 32 && [2, 3, 4].includes(point[0] ?? 0);
}

/** RFC 7638, of a certificate's key, fit or not: a key that has become known as weak can still revoke. */
export function spkiThumbprint(spki: Uint8Array): string | undefined {
  return isPlain(spki)
    ? thumbprint(createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).export({ format: 'jwk' }))
    : undefined;
}

/** @throws UnfitKey */
export function checkRsa(key: KeyObject, weakKeys: ReadonlySet<string>, least: number, most: number): void {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < least || modulusLength > most)
    throw new UnfitKey(`an RSA key of ${modulusLength} bits is not accepted; use ${least} to ${most}`);
  if (modulusLength % 8) throw new UnfitKey(`an RSA key of ${modulusLength} bits is not accepted; use a multiple of 8`);
  if (publicExponent !== 65537n) throw new UnfitKey(`the RSA exponent ${publicExponent} is not accepted; use 65537`);
  const { n } = key.export({ format: 'jwk' });
  const weakness = rsaWeakness(Buffer.from(n ?? '', 'base64url'), weakKeys);
  if (weakness) throw new UnfitKey(`the RSA key is known to be weak: ${weakness}`);
}

/** RFC 7638: SHA-256 over the required members in lexicographic order, base64url. */
export function thumbprint(jwk: Jwk | JsonWebKey): string {
  const { crv, e, kty, n, x, y } = jwk as Record<string, string | undefined>;
  const members = kty === 'RSA' ? { e, kty, n } : kty === 'OKP' ? { crv, kty, x } : { crv, kty, x, y };
  return base64url(sha256(JSON.stringify(members)));
}
