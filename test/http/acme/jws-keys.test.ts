import assert from 'node:assert/strict';
import { createECDH, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { type Header, type Json, newKey, newRsaKey, publicJwk } from '../../kit/acme-client.ts';
import { startCa } from '../../kit/ca.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';

const b64 = (value: string | Uint8Array) => Buffer.from(value).toString('base64url');

describe('jws: who signs', () => {
  const ca = opened(() => startCa({ config: { policy: { externalAccountRequired: false } } }));

  const register = async (key: KeyObject, header: Header = {}) => {
    const client = await ca.client().open();
    return client.post(client.directory.newAccount, {}, { jwk: publicJwk(key), ...header }, key);
  };

  it('newAccount is signed by a jwk, never by a kid', async () => {
    const client = ca.client();
    await client.register();
    refused(await client.post(client.directory.newAccount, {}), 'malformed', 400, /"jwk", not "kid"/);
  });

  it('all else is signed by a kid, never by a jwk', async () => {
    const client = ca.client();
    await client.register();
    const { json } = await client.newOrder(['d.test']);
    const paths = [client.directory.newOrder, client.directory.newAuthz, client.directory.keyChange, client.kid, `${client.kid}/orders`];
    for (const url of [...paths, json.finalize, json.authorizations[0]])
      refused(await client.post(url, {}, { jwk: publicJwk(client.key) }), 'malformed', 400, /"kid", not "jwk"/);
  });

  it('the jwk that is sent must have signed', async () => {
    refused(await register(newKey(), { jwk: publicJwk(newKey()) }), 'malformed', 400, /signature/);
  });

  const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey;
  const good: [string, () => KeyObject, string?][] = [
    ['ES256', () => ec('P-256')],
    ['ES384', () => ec('P-384')],
    ['ES512', () => ec('P-521')],
    ['EdDSA', () => generateKeyPairSync('ed25519').privateKey],
    ['Ed25519', () => generateKeyPairSync('ed25519').privateKey, 'Ed25519'],
    ['RS256', () => newRsaKey()],
    ['RS512', () => newRsaKey(3072), 'RS512'],
  ];
  for (const [what, make, alg] of good) {
    it(`${what} is accepted`, async () => {
      assert.equal((await register(make(), alg === undefined ? {} : { alg })).status, 201);
    });
  }

  const offCurve = () => {
    const { x, y, ...rest } = publicJwk(newKey());
    const bytes = Buffer.from(y!, 'base64url');
    bytes[31] = (bytes[31] ?? 0) ^ 1;
    return { ...rest, x, y: bytes.toString('base64url') };
  };
  const rsaJwk = (change: (jwk: Record<string, string>) => object) => change(publicJwk(newRsaKey()));
  const bad: [string, () => object, RegExp, string?][] = [
    ['a P-256 point off the curve', offCurve, /no valid key/],
    ['a point at zero', () => ({ kty: 'EC', crv: 'P-256', x: b64(Buffer.alloc(32)), y: b64(Buffer.alloc(32)) }), /no valid key/],
    ['another curve', () => publicJwk(ec('secp256k1')), /curve/],
    ['a small RSA key', () => publicJwk(newRsaKey(1024)), /1024 bits/, 'RS256'],
    [
      'an RSA exponent of 3',
      () => generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey.export({ format: 'jwk' }),
      /exponent/,
      'RS256',
    ],
    ['an RSA modulus with a small factor', () => rsaJwk(jwk => ({ ...jwk, n: timesThree(jwk['n']!) })), /divisible by [23]/, 'RS256'],
    [
      'leading zeros in the RSA modulus',
      () => rsaJwk(jwk => ({ ...jwk, n: b64(Buffer.concat([Buffer.of(0), Buffer.from(jwk['n']!, 'base64url')])) })),
      /canonical/,
      'RS256',
    ],
    [
      'leading zeros in a coordinate',
      () => ({ ...publicJwk(newKey()), x: b64(Buffer.concat([Buffer.of(0), createECDH('prime256v1').generateKeys().subarray(1, 33)])) }),
      /no valid key|canonical/,
    ],
    ['a symmetric key', () => ({ kty: 'oct', k: 'AAAA' }), /kty/],
    ['private parts', () => newKey().export({ format: 'jwk' }), /private/],
    ['a member missing', () => ({ kty: 'EC', crv: 'P-256', x: b64(randomBytes(32)) }), /"y"/],
    ['X25519', () => publicJwk(generateKeyPairSync('x25519').privateKey), /Ed25519/],
  ];
  for (const [what, jwk, why, alg] of bad) {
    it(`a key is refused with badPublicKey and a reason: ${what}`, async () => {
      const signer = alg === undefined ? newKey() : newRsaKey();
      refused(await register(signer, { jwk: jwk(), ...(alg !== undefined && { alg }) }), 'badPublicKey', 400, why);
    });
  }

  const timesThree = (n: string): string => {
    const value = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
    let hex = (value - (value % 3n)).toString(16);
    if (hex.length % 2) hex = `0${hex}`;
    return b64(Buffer.from(hex, 'hex'));
  };

  it('a jwk that is no object is malformed', async () => {
    const client = await ca.client().open();
    for (const jwk of ['x', 5, null, []] as Json[]) refused(await client.post(client.directory.newAccount, {}, { jwk }), 'malformed');
  });
});
