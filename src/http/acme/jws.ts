import { constants, createPublicKey, type KeyObject, type VerifyKeyObjectInput, verify } from 'node:crypto';
import { flattenedVerify } from 'jose';
import type { Jwk } from '../../model/account.ts';
import { fromBase64url } from '../../model/encoding.ts';
import { isObject, parseJson } from '../../model/json.ts';
import { Lru } from '../../model/lru.ts';
import { Problem } from '../../model/problem.ts';
import { checkRsa, thumbprint, UnfitKey } from '../../pki/public-key.ts';

/** RFC 8555 §6.2: the algorithms of account keys. No `none`, no MAC. */
export const algorithms = ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;

/** Of a JWS body (§6.1 asks for a limit). */
export const bodyLimit = 64 * 1024;

/** A flattened JWS whose form is right; nothing of it is trusted yet. */
export interface ParsedJws {
  header: Record<string, unknown>;
  alg: string;
  url: string;
  /** Exactly one of `jwk` and `kid` is there. */
  jwk?: Jwk;
  kid?: string;
  nonce?: string;
  payload: Uint8Array;
  /** For the check of the signature. */
  wire: { protected: string; payload: string; signature: string };
}

const malformed = (detail: string) => new Problem('malformed', detail);

/** RFC 8555 §6.2, §6.4, RFC 7515 §7.2.2: every strict rule about the form, in one place. @throws Problem */
export function parseJws(body: Uint8Array | string | Record<string, unknown>): ParsedJws {
  const jws = typeof body === 'object' && !(body instanceof Uint8Array) ? body : readJson(body, 'The request body');
  for (const forbidden of ['header', 'signatures'])
    if (forbidden in jws)
      throw malformed(`The JWS has a member "${forbidden}": only the flattened form without an unprotected header is accepted.`);
  const { protected: header, payload, signature } = jws;
  const headerBytes = fromBase64url(header);
  const payloadBytes = fromBase64url(payload);
  if (!headerBytes || !payloadBytes || !fromBase64url(signature))
    throw malformed('The JWS is an object with "protected", "payload" and "signature", each in base64url without padding.');
  const wire = { protected: header as string, payload: payload as string, signature: signature as string };
  return { ...readHeader(readJson(headerBytes, 'The protected header')), payload: payloadBytes, wire };
}

function readJson(text: Uint8Array | string, what: string): Record<string, unknown> {
  try {
    const value = parseJson(typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true }).decode(text));
    if (isObject(value)) return value;
  } catch (error) {
    throw malformed(
      `${what} is not JSON in UTF-8: ${error instanceof SyntaxError && error.message.startsWith('duplicate') ? error.message : 'it cannot be parsed'}.`,
    );
  }
  throw malformed(`${what} is not a JSON object.`);
}

function readHeader(header: Record<string, unknown>): Omit<ParsedJws, 'payload' | 'wire'> {
  const { alg, url, jwk, kid, nonce } = header;
  if (typeof alg !== 'string') throw malformed('The protected header has no "alg".');
  if ('crit' in header || 'b64' in header) throw malformed('The protected header uses "crit" or "b64", which are not understood here.');
  if (typeof url !== 'string') throw malformed('The protected header has no "url" (RFC 8555 §6.4).');
  if ((jwk === undefined) === (kid === undefined)) throw malformed('The protected header has exactly one of "jwk" and "kid".');
  if (kid !== undefined && typeof kid !== 'string') throw malformed('"kid" is a string.');
  if (jwk !== undefined && !isObject(jwk)) throw malformed('"jwk" is an object.');
  if (nonce !== undefined && !fromBase64url(nonce)) throw malformed('"nonce" is base64url (RFC 8555 §6.5.2).');
  return {
    header,
    alg,
    url,
    ...(jwk !== undefined && { jwk: jwk as unknown as Jwk }),
    ...(kid !== undefined && { kid }),
    ...(nonce !== undefined && { nonce: nonce as string }),
  };
}

/** @throws Problem badSignatureAlgorithm */
export function checkAlgorithm(alg: string): void {
  if (!(algorithms as readonly string[]).includes(alg))
    throw new Problem('badSignatureAlgorithm', `The algorithm is not accepted; use one of ${algorithms.join(', ')}.`, { algorithms });
}

/** An account key ready for use. */
export interface AccountKey {
  jwk: Jwk;
  thumbprint: string;
  key: KeyObject;
}

const members = { EC: ['crv', 'x', 'y'], RSA: ['e', 'n'], OKP: ['crv', 'x'] } as const;

/** The rules for account keys: RSA 2048 to 4096, P-256, P-384, P-521, Ed25519; none that is known to be weak. @throws Problem badPublicKey */
export function readAccountKey(jwk: Record<string, unknown> | Jwk, weakKeys: ReadonlySet<string>): AccountKey {
  return readKey(jwk, weakKeys);
}

/** The key of a certificate that is to be revoked: whether it is fit for anything else does not matter. @throws Problem badPublicKey */
export function readCertificateKey(jwk: Record<string, unknown> | Jwk): AccountKey {
  return readKey(jwk, undefined);
}

/** Without a list of weak keys the strength of an RSA key is not judged, and the key is not kept for those who ask with one. */
function readKey(jwk: Record<string, unknown> | Jwk, weakKeys: ReadonlySet<string> | undefined): AccountKey {
  const unfit = (detail: string) => new Problem('badPublicKey', `The account key is not accepted: ${detail}.`);
  const { kty } = jwk as { kty?: unknown };
  if (kty !== 'EC' && kty !== 'RSA' && kty !== 'OKP') throw unfit('its "kty" is none of EC, RSA, OKP');
  if ('d' in jwk || 'k' in jwk) throw unfit('it holds private parts; send the public key only');
  const source = jwk as Record<string, unknown>;
  const own: Record<string, string> = { kty };
  for (const member of members[kty]) {
    const value = source[member];
    if (typeof value !== 'string' || (member !== 'crv' && !fromBase64url(value))) throw unfit(`its "${member}" is missing or no base64url`);
    own[member] = value;
  }
  const clean = own as unknown as Jwk;
  const print = thumbprint(clean);
  const cached = keys.get(print);
  if (cached) return { jwk: clean, thumbprint: print, key: cached.key };
  const key = importKey(own, weakKeys, unfit);
  if (weakKeys) keys.set(print, { key, size: 1 });
  return { jwk: clean, thumbprint: print, key };
}

function importKey(jwk: Record<string, string>, weakKeys: ReadonlySet<string> | undefined, unfit: (detail: string) => Problem): KeyObject {
  let key: KeyObject;
  try {
    // Refuses points off the curve.
    key = createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    throw unfit('it is no valid key');
  }
  // A second spelling of the same key (leading zeros) would have a second thumbprint.
  const canonical = key.export({ format: 'jwk' }) as Record<string, unknown>;
  if (Object.entries(jwk).some(([member, value]) => canonical[member] !== value))
    throw unfit('its numbers are not in their canonical form');
  if (jwk['kty'] === 'OKP' && jwk['crv'] !== 'Ed25519') throw unfit('of OKP keys only Ed25519 is accepted');
  if (jwk['kty'] === 'EC' && !['P-256', 'P-384', 'P-521'].includes(jwk['crv'] ?? ''))
    throw unfit('the curve is none of P-256, P-384, P-521');
  if (jwk['kty'] === 'RSA' && weakKeys) {
    try {
      checkRsa(key, weakKeys, 2048, 4096);
    } catch (error) {
      throw error instanceof UnfitKey ? unfit(error.message) : error;
    }
  }
  return key;
}

/** Imported keys, by thumbprint; this many are kept. */
const keys = new Lru<{ key: KeyObject; size: 1 }>(2000);

const curves: Record<string, string> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' };
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

/** RFC 7518 §3, RFC 8037 §3.1: how a signature of this algorithm is verified with the key; undefined where the algorithm is not the key's. */
function verification(alg: string, key: KeyObject): [hash: string | null, input: VerifyKeyObjectInput] | undefined {
  const hash = `sha${alg.slice(2)}`;
  const type = key.asymmetricKeyType;
  if (curves[alg]) return key.asymmetricKeyDetails?.namedCurve === curves[alg] ? [hash, { key, dsaEncoding: 'ieee-p1363' }] : undefined;
  if (alg === 'EdDSA' || alg === 'Ed25519') return type === 'ed25519' ? [null, { key }] : undefined;
  if (type !== 'rsa') return undefined;
  return [hash, alg.startsWith('PS') ? { key, ...pss } : { key }];
}

/** That of a request, with node:crypto: jose takes three times as long (docs/decisions/own-code.md). @throws Problem malformed */
export function checkSignature({ alg, wire }: ParsedJws, key: KeyObject): void {
  if (!isSignature(alg, wire, key)) throw malformed('The signature of the JWS does not verify with the key.');
}

/** A JWS within another one (RFC 8555 §7.3.4, §7.3.5), by a MAC key or a public one: these are few. @returns whether it verifies */
export const isInner = ({ alg, wire }: ParsedJws, key: KeyObject): Promise<boolean> =>
  flattenedVerify(wire, key, { algorithms: [alg] }).then(
    () => true,
    () => false,
  );

/** @throws Problem malformed */
export async function checkInner(jws: ParsedJws, key: KeyObject): Promise<void> {
  if (!(await isInner(jws, key))) throw malformed('The signature of the JWS does not verify with the key.');
}

function isSignature(alg: string, wire: ParsedJws['wire'], key: KeyObject): boolean {
  const how = verification(alg, key);
  try {
    return (
      how !== undefined &&
      verify(how[0], Buffer.from(`${wire.protected}.${wire.payload}`), how[1], Buffer.from(wire.signature, 'base64url'))
    );
  } catch {
    // What OpenSSL cannot even begin with is no signature.
    return false;
  }
}

/** The payload as an object. @throws Problem malformed */
export function payloadObject(payload: Uint8Array): Record<string, unknown> {
  return readJson(payload, 'The payload');
}

/** Equality of keys, whatever order or extra members their JWKs have. */
export function sameKey(a: unknown, b: Jwk): boolean {
  return isObject(a) && thumbprint(a) === thumbprint(b);
}
