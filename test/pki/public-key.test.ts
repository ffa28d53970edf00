import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, generatePrimeSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { bitString, integer, oid, sequence } from '../../src/pki/der.ts';
import { oids } from '../../src/pki/oids.ts';
import { checkLeafKey, thumbprint, UnfitKey } from '../../src/pki/public-key.ts';
import { debianFingerprint, readWeakKeyLists, rsaWeakness } from '../../src/pki/weak-keys.ts';
import { newRsaKey } from '../kit/acme-client.ts';
import { ecKey, spkiOf } from '../kit/hierarchy.ts';
import { mutated, only } from '../kit/mutate.ts';

const none: ReadonlySet<string> = new Set();
const bytesOf = (n: bigint): Buffer =>
  Buffer.from(n.toString(16).padStart(n.toString(16).length + (n.toString(16).length % 2), '0'), 'hex');

/** SubjectPublicKeyInfo of an RSA key with this modulus, whoever knows its factors. */
const rsaSpki = (n: bigint, e = 65537n): Uint8Array =>
  sequence(sequence(oid(oids.rsaEncryption), Uint8Array.of(5, 0)), bitString(sequence(integer(bytesOf(n)), integer(bytesOf(e)))));

const p256 = Uint8Array.from([6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
const ecSpki = (point: Uint8Array): Uint8Array => sequence(sequence(oid(oids.ecPublicKey), p256), bitString(point));

const refuses = (spki: Uint8Array, why: RegExp, lists: ReadonlySet<string> = none) =>
  assert.throws(
    () => checkLeafKey(spki, lists),
    (error: unknown) => error instanceof UnfitKey && why.test(error.message),
  );

/** No small factor, no close primes: fit but for what a test does to it. */
const sound = (bits: number): bigint => {
  const [p, q] = [bits / 2 + 8, bits / 2 - 8].map(size => generatePrimeSync(size, { bigint: true })) as [bigint, bigint];
  const n = p * q;
  return n.toString(2).length === bits ? n : sound(bits);
};

/** 65537^a modulo the product of the first primes: the form of every modulus of CVE-2017-15361. */
function rocaModulus(): bigint {
  let product = 1n;
  const primes: bigint[] = [];
  for (let n = 2n; primes.length < 39; n++) if (primes.every(p => n % p !== 0n)) primes.push(n);
  for (const p of primes) product *= p;
  let residue = 1n;
  for (let i = 0; i < 12345; i++) residue = (residue * 65537n) % product;
  const least = 1n << 2047n;
  const top = 1n << 2048n;
  for (let n = least - (least % product) + product + residue; n < top; n += product)
    if (rsaWeakness(bytesOf(n), none)?.includes('ROCA')) return n;
  throw new Error('there is none');
}

describe('public keys', () => {
  const rsa = newRsaKey();
  const modulus = BigInt(`0x${Buffer.from(createPublicKey(rsa).export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`);
  const point = spkiOf(ecKey('leaf')).subarray(-65);

  describe('of a leaf are accepted:', () => {
    it('P-256', () => assert.equal(checkLeafKey(spkiOf(ecKey('a')), none).kind, 'EC'));
    it('P-384', () => assert.equal(checkLeafKey(spkiOf(ecKey('a', 'P-384')), none).kind, 'EC'));
    it('RSA of 2048 bits', () => assert.equal(checkLeafKey(spkiOf(rsa), none).kind, 'RSA'));
    for (const bits of [3072, 4096]) it(`RSA of ${bits} bits`, () => assert.equal(checkLeafKey(rsaSpki(sound(bits)), none).kind, 'RSA'));
    it('a compressed point, which comes out uncompressed', () => {
      const compressed = Buffer.concat([Buffer.of(2 + ((point.at(-1) ?? 0) & 1)), point.subarray(1, 33)]);
      const facts = checkLeafKey(ecSpki(compressed), none);
      assert.deepEqual(Buffer.from(facts.spki), spkiOf(ecKey('leaf')));
      assert.deepEqual(
        Buffer.from(facts.spkiHash),
        createHash('sha256')
          .update(spkiOf(ecKey('leaf')))
          .digest(),
      );
    });
    it('and known by the thumbprint of RFC 7638 §3.1', () => {
      const n =
        '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
      assert.equal(thumbprint({ kty: 'RSA', n, e: 'AQAB' }), 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
      assert.equal(checkLeafKey(spkiOf(rsa), none).thumbprint, thumbprint(createPublicKey(rsa).export({ format: 'jwk' })));
    });
  });

  describe('of a leaf are refused:', () => {
    it('RSA of 1024 bits', () => refuses(rsaSpki(sound(1024)), /1024 bits is not accepted/));
    it('RSA of 2047 bits', () => refuses(rsaSpki((1n << 2046n) + 1n), /2047 bits is not accepted/));
    it('RSA of 2056 bits is fit, of 2049 is not', () => {
      refuses(rsaSpki((1n << 2048n) + 1n), /2049 bits/);
      checkLeafKey(rsaSpki(sound(2064)), none);
    });
    it('RSA of 4104 bits', () => refuses(rsaSpki((1n << 4103n) + 1n), /4104 bits is not accepted/));
    for (const e of [1n, 3n, 17n, 65539n, (1n << 40n) + 1n])
      it(`RSA with the exponent ${e}`, () => refuses(rsaSpki(modulus, e), /exponent \d+ is not accepted|cannot be read/));
    for (const p of [2n, 3n, 5n, 743n, 751n])
      it(`RSA with the factor ${p}`, () => {
        const cofactor = (1n << 2047n) / p + 1n;
        refuses(rsaSpki(cofactor * p), /divisible by/);
      });
    it('RSA of a faulty chip (ROCA, CVE-2017-15361)', () => refuses(rsaSpki(rocaModulus()), /ROCA/));
    it('RSA with close primes (Fermat, CVE-2022-26320)', () => {
      const p = generatePrimeSync(1024, { bigint: true });
      let q = p + 2n;
      while (rsaWeakness(bytesOf(q), none)?.includes('divisible')) q += 2n;
      refuses(rsaSpki(p * q), /close together/);
    });
    it('RSA that is a square', () => {
      const p = generatePrimeSync(1024, { bigint: true });
      refuses(rsaSpki(p * p), /close together/);
    });
    it('RSA of a Debian list (CVE-2008-0166)', () => refuses(spkiOf(rsa), /Debian/, new Set([debianFingerprint(bytesOf(modulus))])));
    it('P-521', () => refuses(spkiOf(ecKey('a', 'P-521')), /secp521r1 is not accepted/));
    it('secp256k1', () => refuses(spkiOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey), /secp256k1 is not accepted/));
    it('brainpoolP256r1', () => refuses(spkiOf(generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }).privateKey), /./));
    it('P-256 with explicit parameters (RFC 5480 §2.1.1)', () =>
      refuses(
        generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }).publicKey.export({ format: 'der', type: 'spki' }),
        /./,
      ));
    it('Ed25519', () => refuses(spkiOf(generateKeyPairSync('ed25519').privateKey), /ed25519 are not accepted/));
    it('X25519', () => refuses(generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }), /x25519 are not accepted/));
    it('RSA-PSS', () => refuses(spkiOf(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey), /rsa-pss are not accepted/));
    it('a point off the curve', () => {
      const off = Buffer.from(point);
      off[64] = (off[64] ?? 0) ^ 1;
      refuses(ecSpki(off), /cannot be read/);
    });
    it('a compressed point off the curve', () => {
      // Half of all x have no y.
      const refused = Array.from({ length: 16 }, (_, i) => Buffer.concat([Buffer.of(2), Buffer.alloc(31), Buffer.of(i)])).filter(p => {
        const read = only(UnfitKey, () => checkLeafKey(ecSpki(p), none));
        return read instanceof Error;
      });
      assert.ok(refused.length > 0 && refused.length < 16);
    });
    it('the point at infinity, which Node cannot export without aborting', () => refuses(ecSpki(Buffer.of(0)), /cannot be read/));
    it('a point in hybrid form (RFC 5480 §2.2)', () =>
      refuses(ecSpki(Buffer.concat([Buffer.of(6 + ((point[64] ?? 0) & 1)), point.subarray(1)])), /cannot be read/));
    it('a point that is too short', () => refuses(ecSpki(point.subarray(0, 64)), /cannot be read/));
    it('no key', () => refuses(new Uint8Array(), /cannot be read/));
  });

  it('are facts or UnfitKey, whatever the bytes', () => {
    fc.assert(
      fc.property(mutated([spkiOf(rsa), spkiOf(ecKey('leaf')), spkiOf(ecKey('leaf', 'P-384'))]), bytes => {
        const read = only(UnfitKey, () => checkLeafKey(bytes, none));
        if (!(read instanceof Error)) assert.deepEqual(checkLeafKey(read.spki, none).spki, read.spki);
      }),
      { numRuns: 500 },
    );
  });
});

describe('weak keys', () => {
  it('are none among sound ones', () => {
    for (let i = 0; i < 5; i++) assert.equal(rsaWeakness(bytesOf(sound(1024)), none), undefined);
  });

  it("have Debian's fingerprint: the end of the SHA-1 of openssl's Modulus line", () => {
    const digits = 'C0FFEE';
    const expected = createHash('sha1').update(`Modulus=${digits}\n`).digest('hex').slice(-20);
    assert.equal(debianFingerprint(Buffer.from('00c0ffee', 'hex')), expected);
  });

  describe('lists', () => {
    let folder: string;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'xmpp-ca-weak-'));
    });
    after(() => rmSync(folder, { recursive: true }));
    const list = (text: string) => {
      const file = join(folder, 'list');
      writeFileSync(file, text);
      return file;
    };
    it('are read without comments, empty lines and case', () => {
      const found = readWeakKeyLists([list('# a list\n\n00112233445566778899 # the first\r\nAABBCCDDEEFF00112233\n')]);
      assert.deepEqual([...found], ['00112233445566778899', 'aabbccddeeff00112233']);
    });
    it('are refused with file and line', () => {
      const file = list('00112233445566778899\nnonsense\n');
      assert.throws(() => readWeakKeyLists([file]), { message: `${file}:2: is not a fingerprint of 20 hex digits` });
    });
    it('that are missing are named', () => assert.throws(() => readWeakKeyLists([join(folder, 'absent')]), /absent/));
  });
});
