import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { elements, readBits, readDer, readOid, tags } from './der.ts';
import { oids } from './oids.ts';

/** Whether the signed certificate is these bytes under the issuer's key: the last look before anything leaves. */
export function checkSigned(der: Uint8Array, tbs: Uint8Array, algorithm: Uint8Array, issuerSpki: Uint8Array): boolean {
  const [body, outer, signature] = elements(readDer(der), tags.sequence);
  if (!body || !outer || !signature || readBits(signature).length === 0) return false;
  if (!Buffer.from(body.bytes).equals(tbs) || !Buffer.from(outer.bytes).equals(algorithm)) return false;
  const hash = hashes[readOid(elements(outer, tags.sequence)[0] ?? outer)];
  return hash !== undefined && verify(hash, tbs, issuerKey(issuerSpki), readBits(signature));
}

const hashes: Record<string, string> = { [oids.ecdsaWithSHA256]: 'sha256', [oids.ecdsaWithSHA384]: 'sha384' };

/** Imported once for each issuer. */
const issuerKeys = new WeakMap<Uint8Array, KeyObject>();

function issuerKey(spki: Uint8Array): KeyObject {
  const known = issuerKeys.get(spki);
  if (known) return known;
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  issuerKeys.set(spki, key);
  return key;
}
