import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Problem } from '../../src/model/problem.ts';
import { type CsrFacts, readCsr } from '../../src/pki/csr.ts';
import { bitString, elements, readDer, sequence } from '../../src/pki/der.ts';
import { newRsaKey } from '../kit/acme-client.ts';
import { dnsAltName, ipAltName, makeCsr, srvAltName, tlv, xmppAltName } from '../kit/csr.ts';
import { ecKey, Folder, openssl, spkiOf } from '../kit/hierarchy.ts';
import { mutated, only } from '../kit/mutate.ts';

const none: ReadonlySet<string> = new Set();
const read = (csr: Uint8Array): CsrFacts => readCsr(csr, none);
const refuses = (csr: Uint8Array, why: RegExp) =>
  assert.throws(
    () => read(csr),
    (error: unknown) => error instanceof Problem && error.type === 'badCSR' && why.test(error.detail),
  );

const key = ecKey('csr');
const sha256Ecdsa = Buffer.from('300a06082a8648ce3d040302', 'hex');
/** Signs whatever stands in the place of the CertificationRequestInfo. */
const signed = (info: Uint8Array, by: KeyObject = key) => sequence(info, sha256Ecdsa, bitString(sign('sha256', info, by)));
const infoOf = (csr: Uint8Array) => elements(readDer(csr))[0]?.bytes ?? new Uint8Array();

const otherName = (oid: string, value: Uint8Array) => tlv(0xa0, tlv(6, Buffer.from(oid, 'hex')), tlv(0xa0, value));

describe('CSR (RFC 2986)', () => {
  const rsa = newRsaKey();

  describe('is read', () => {
    for (const hash of ['sha256', 'sha384', 'sha512'] as const)
      for (const [what, by] of [['ECDSA', key] as const, ['RSA', rsa] as const])
        it(`signed by ${what} with ${hash}`, () => assert.deepEqual(read(makeCsr(by, ['a.example'], { hash })).dnsNames, ['a.example']));
    it('with names in any case, each once, from SAN and common name', () => {
      const { dnsNames } = read(makeCsr(key, ['A.example', 'a.EXAMPLE', 'b.example'], { commonName: 'C.example' }));
      assert.deepEqual(dnsNames.sort(), ['a.example', 'b.example', 'c.example']);
    });
    it('with a common name alone', () => assert.deepEqual(read(makeCsr(key, [], { commonName: 'a.example' })).dnsNames, ['a.example']));
    it('without a name', () => assert.deepEqual(read(makeCsr(key, [])).dnsNames, []));
    it('with a wildcard', () => assert.deepEqual(read(makeCsr(key, ['*.a.example'])).dnsNames, ['*.a.example']));
    it('with SRVName and XmppAddr', () => {
      const altNames = [dnsAltName('a.example'), srvAltName('_XMPP-Server.a.example'), xmppAltName('münchen.example')];
      const { dnsNames, srvNames, xmppAddrs } = read(makeCsr(key, [], { altNames }));
      assert.deepEqual(
        { dnsNames, srvNames, xmppAddrs },
        { dnsNames: ['a.example'], srvNames: ['_xmpp-server.a.example'], xmppAddrs: ['münchen.example'] },
      );
    });
    it('with its key in our encoding', () => {
      const point = spkiOf(key).subarray(-65);
      const compressed = Buffer.concat([Buffer.of(2 + ((point[64] ?? 0) & 1)), point.subarray(1, 33)]);
      const spki = tlv(0x30, spkiOf(key).subarray(2, 23), tlv(3, Buffer.of(0), compressed));
      assert.deepEqual(Buffer.from(read(makeCsr(key, ['a.example'], { spki })).publicKey.spki), spkiOf(key));
    });

    it('from openssl, with extensions that are ignored', () => {
      const folder = new Folder();
      try {
        const file = folder.write('key.pem', key.export({ format: 'pem', type: 'pkcs8' }).toString());
        const csr = folder.write('csr.der', '');
        openssl(
          ...['req', '-new', '-key', file, '-subj', '/C=XX/O=Org/CN=a.example', '-outform', 'DER', '-out', csr],
          ...[
            '-addext',
            'subjectAltName=DNS:b.example',
            '-addext',
            'basicConstraints=critical,CA:TRUE',
            '-addext',
            'tlsfeature=status_request',
          ],
        );
        assert.deepEqual(read(new Uint8Array(readFileSync(csr))).dnsNames.sort(), ['a.example', 'b.example']);
      } finally {
        folder.remove();
      }
    });
  });

  describe('is refused', () => {
    const csr = makeCsr(key, ['a.example']);
    it('empty', () => refuses(new Uint8Array(), /./));
    it('as PEM', () => refuses(Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${csr.toString('base64')}\n`), /not PEM|no DER/));
    it('with bytes behind it', () => refuses(Buffer.concat([csr, Buffer.of(0)]), /bytes follow/));
    it('cut off', () => refuses(csr.subarray(0, -1), /./));
    it('in BER with an indefinite length', () =>
      refuses(Buffer.concat([Buffer.of(0x30, 0x80), csr.subarray(csr[1] === 0x81 ? 3 : 2), Buffer.of(0, 0)]), /./));
    it('signed with SHA-1', () => refuses(makeCsr(key, ['a.example'], { hash: 'sha1' }), /algorithm 1\.2\.840\.10045\.4\.1/));
    it('signed with RSA and SHA-1', () => refuses(makeCsr(rsa, ['a.example'], { hash: 'sha1' }), /algorithm 1\.2\.840\.113549\.1\.1\.5/));
    it('signed by another key', () => refuses(makeCsr(key, ['a.example'], { spki: spkiOf(ecKey('other')) }), /does not verify/));
    it('with an algorithm that is not the key’s', () => {
      const [info, , signature] = elements(readDer(csr));
      assert.ok(info && signature);
      refuses(sequence(info.bytes, tlv(0x30, Buffer.from('06092a864886f70d01010b', 'hex'), tlv(5)), signature.bytes), /does not verify/);
    });
    it('with a name changed after signing', () => {
      const altered = Buffer.from(csr);
      altered[altered.indexOf('a.example')] = 0x62;
      refuses(altered, /does not verify/);
    });
    it('with a signature that is no signature', () => {
      const [info] = elements(readDer(csr));
      refuses(sequence(info?.bytes ?? csr, sha256Ecdsa, bitString(Buffer.of(1, 2, 3))), /does not verify/);
    });
    it('with a P-521 key', () => refuses(makeCsr(ecKey('a', 'P-521'), ['a.example']), /secp521r1/));
    it('with an Ed25519 key', () => {
      const info = infoOf(makeCsr(key, ['a.example'], { spki: spkiOf(generateKeyPairSync('ed25519').privateKey) }));
      refuses(signed(info), /ed25519/);
    });
    it('with the point at infinity, which Node cannot export without aborting', () => {
      const spki = tlv(0x30, spkiOf(key).subarray(2, 23), tlv(3, Buffer.of(0, 0)));
      refuses(makeCsr(key, ['a.example'], { spki }), /cannot be read/);
    });
    it('with an RSA key of 1024 bits', () => refuses(makeCsr(newRsaKey(1024), ['a.example']), /1024 bits/));

    const names: [what: string, name: Uint8Array, why: RegExp][] = [
      ['an IP address', ipAltName(192, 0, 2, 1), /neither a dNSName/],
      ['a mail address', tlv(0x81, Buffer.from('a@a.example')), /neither a dNSName/],
      ['a URI', tlv(0x86, Buffer.from('https://a.example')), /neither a dNSName/],
      ['a directoryName', tlv(0xa4, tlv(0x30)), /neither a dNSName/],
      [
        'another otherName',
        otherName('2b060104018237140203', tlv(0x0c, Buffer.from('a@a.example'))),
        /otherName of type 1\.3\.6\.1\.4\.1\.311/,
      ],
      [
        'an SRVName as UTF8String (RFC 4985 §2)',
        otherName('2b06010505070807', tlv(0x0c, Buffer.from('_xmpp-server.a.example'))),
        /otherName/,
      ],
      ['an XmppAddr as IA5String (RFC 6120 §13.7.1.4)', otherName('2b06010505070805', tlv(0x16, Buffer.from('a.example'))), /otherName/],
      ['an otherName without a value', tlv(0xa0, tlv(6, Buffer.from('2b06010505070805', 'hex'))), /cannot be parsed/],
      ['an empty otherName', tlv(0xa0), /cannot be parsed/],
      ['a name that is cut off', Buffer.of(0x82, 40, 0x61), /cannot be parsed/],
    ];
    for (const [what, name, why] of names)
      it(`with ${what}`, () => refuses(makeCsr(key, [], { altNames: [dnsAltName('a.example'), name] }), why));
  });

  it('is no answer to whether a name was meant: NUL and odd characters are kept for the comparison', () => {
    assert.deepEqual(read(makeCsr(key, ['a.example\0.evil.example'])).dnsNames, ['a.example\0.evil.example']);
  });

  const valid = [
    makeCsr(key, ['a.example', 'b.example'], { commonName: 'a.example' }),
    makeCsr(key, [], { altNames: [dnsAltName('a.example'), srvAltName('_xmpp-server.a.example'), xmppAltName('a.example')] }),
  ];

  it('is facts or a Problem badCSR, whatever the bytes', () => {
    fc.assert(
      fc.property(mutated([...valid, makeCsr(rsa, ['a.example'])]), bytes => {
        const facts = only(Problem, () => read(bytes));
        if (facts instanceof Problem) assert.equal(facts.type, 'badCSR');
      }),
      { numRuns: 1500 },
    );
  });

  it('is facts or a Problem badCSR, whatever was signed', () => {
    fc.assert(
      fc.property(mutated(valid.map(infoOf)), info => {
        const facts = only(Problem, () => read(signed(info)));
        if (facts instanceof Problem) assert.equal(facts.type, 'badCSR');
      }),
      { numRuns: 1500 },
    );
  });

  it('of deep or wide nesting is refused at once', () => {
    let deep: Uint8Array = new Uint8Array();
    for (let i = 0; i < 5000; i++) deep = tlv(0x30, deep.subarray(0, 60_000));
    refuses(deep, /./);
    refuses(tlv(0x30, ...Array.from({ length: 20_000 }, () => Buffer.of(5, 0))), /./);
    refuses(signed(tlv(0x30, ...Array.from({ length: 20_000 }, () => Buffer.of(5, 0)))), /./);
  });
});
