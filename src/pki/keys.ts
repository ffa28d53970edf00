import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { elements, oid, readBits, readDer, sequence } from './der.ts';
import { oids } from './oids.ts';

/** Signs without handing the key out: bytes to be signed in, signature out. A file key here; a PKCS #11 token later. */
export interface Signer {
  /** DER AlgorithmIdentifier of its signatures. */
  algorithm: Uint8Array;
  /** DER SubjectPublicKeyInfo. */
  spki: Uint8Array;
  /** Signature as it stands in a certificate's BIT STRING (ECDSA: DER, RFC 3279 §2.2.3). */
  sign(tbs: Uint8Array): Promise<Uint8Array>;
}

/** A signer over an EC key in PKCS #8: P-256 signs with SHA-256, P-384 with SHA-384. */
export function fileSigner(pkcs8: Uint8Array): Signer {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  const [algorithm, hash] = signatureOf(key);
  return {
    algorithm: sequence(oid(algorithm)),
    spki: createPublicKey(key).export({ format: 'der', type: 'spki' }),
    sign: async tbs => sign(hash, tbs, key),
  };
}

function signatureOf(key: KeyObject): [algorithm: string, hash: string] {
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return [oids.ecdsaWithSHA256, 'sha256'];
    case 'secp384r1':
      return [oids.ecdsaWithSHA384, 'sha384'];
    default:
      throw new Error('the key of an issuer is EC P-256 or P-384');
  }
}

/** SHA-1 over the key's bits (RFC 5280 §4.2.1.2, method 1; RFC 6960 byKey): an identifier, not a protection. */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  const bits = elements(readDer(spki))[1];
  if (!bits) throw new Error('no SubjectPublicKeyInfo');
  return createHash('sha1').update(readBits(bits)).digest();
}
