import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readAcmeTlsCertificate } from '../../src/pki/acme-tls.ts';
import { acmeTlsCertificate, dnsNames, extension, identifier, nonCritical } from '../kit/acme-tls.ts';
import { everyKind, issuingCertificate, signLeaf } from '../kit/hierarchy.ts';
import { mutated } from '../kit/mutate.ts';

const digest = Buffer.alloc(32, 7);
const name = 'a.example';

describe('tls-alpn-01 certificate (RFC 8737 §3)', () => {
  it('is read', () => {
    const read = readAcmeTlsCertificate(acmeTlsCertificate(name, digest));
    assert.deepEqual(read, { dnsNames: [name], digest: new Uint8Array(digest), selfIssued: true });
  });
  it('has names in lower case', () => {
    assert.deepEqual(readAcmeTlsCertificate(acmeTlsCertificate('A.Example', digest))?.dnsNames, [name]);
  });
  it('is not self-issued where the issuer is another', () => {
    assert.equal(readAcmeTlsCertificate(acmeTlsCertificate(name, digest, { issuer: 'other' }))?.selfIssued, false);
  });

  const digests: [what: string, extensions: Uint8Array[]][] = [
    ['is missing', [dnsNames(name)]],
    ['is not critical', [dnsNames(name), nonCritical(digest)]],
    ['says FALSE', [dnsNames(name), extension('1.3.6.1.5.5.7.1.31', identifier(digest), Uint8Array.of(1, 1, 0))]],
    [
      'stands twice',
      [dnsNames(name), extension('1.3.6.1.5.5.7.1.31', identifier(digest)), extension('1.3.6.1.5.5.7.1.31', identifier(digest))],
    ],
    ['is no OCTET STRING', [dnsNames(name), extension('1.3.6.1.5.5.7.1.31', Uint8Array.of(5, 0))]],
    ['has another OID', [dnsNames(name), extension('1.3.6.1.5.5.7.1.30', identifier(digest))]],
  ];
  for (const [what, extensions] of digests)
    it(`has no digest where the acmeIdentifier ${what}`, () => {
      const read = readAcmeTlsCertificate(acmeTlsCertificate(name, digest, { extensions }));
      assert.equal(read?.digest, undefined);
    });
  it('has no names where there is no SAN, where it stands twice, and where it holds another kind of name', () => {
    const id = extension('1.3.6.1.5.5.7.1.31', identifier(digest));
    for (const extensions of [[id], [id, dnsNames(name), dnsNames(name)], [id, dnsNames(name, Uint8Array.of(0x87, 4, 192, 0, 2, 1))]])
      assert.equal(readAcmeTlsCertificate(acmeTlsCertificate(name, digest, { extensions }))?.dnsNames, undefined);
  });
  it('is read without what an ordinary certificate lacks', () => {
    const read = readAcmeTlsCertificate(signLeaf(everyKind['xmpp-server'] ?? assert.fail()));
    assert.deepEqual(read, { dnsNames: undefined, digest: undefined, selfIssued: false });
  });
  for (const bytes of [[], [0x30], [0x30, 0], [5, 0], [0x30, 2, 0x30, 0]])
    it(`of the bytes ${Buffer.from(bytes).toString('hex') || '(none)'} is nothing, or says nothing`, () => {
      const read = readAcmeTlsCertificate(Uint8Array.from(bytes));
      assert.ok(!read?.digest && !read?.dnsNames && !read?.selfIssued);
    });

  it('is read or undefined, whatever the bytes, and nothing is thrown', () => {
    fc.assert(
      fc.property(mutated([acmeTlsCertificate(name, digest), issuingCertificate]), bytes => {
        const read = readAcmeTlsCertificate(bytes);
        if (read) assert.equal(typeof read.selfIssued, 'boolean');
      }),
      { numRuns: 3000 },
    );
  });
});
