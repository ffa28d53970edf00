import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { encodeTbs, readCertificate, signTbs } from '../../src/pki/certificate.ts';
import { checkSigned } from '../../src/pki/check-signed.ts';
import { elements, readDer } from '../../src/pki/der.ts';
import { readValidity } from '../../src/pki/validity.ts';
import { newRsaKey } from '../kit/acme-client.ts';
import {
  ecKey,
  everyKind,
  Folder,
  issuingCertificate,
  issuingFacts,
  issuingMeant,
  issuingSigner,
  leafKey,
  leafMeant,
  now,
  openssl,
  opensslSays,
  publicKeyOf,
  responderMeant,
  rootCertificate,
  rootMeant,
  rootSigner,
  signLeaf,
  spkiOf,
  testPolicy,
} from '../kit/hierarchy.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const day = 86400;

/** Subject key identifier by RFC 5280 §4.2.1.2, method 1: SHA-1 of the key's bits. */
const keyId = (word: string, curve: 'P-256' | 'P-384' = 'P-256') =>
  createHash('sha1')
    .update(spkiOf(ecKey(word, curve)).subarray(curve === 'P-256' ? -65 : -97))
    .digest('hex');
const colons = (digits: string) => (digits.toUpperCase().match(/../g) ?? []).join(':');

describe('certificates', () => {
  const rsaKey = newRsaKey();
  let folder: Folder;
  let root: string;
  let issuing: string;
  before(() => {
    folder = new Folder();
    root = folder.certificate('root.pem', rootCertificate);
    issuing = folder.certificate('issuing.pem', issuingCertificate);
  });
  after(() => folder.remove());

  /** What `openssl x509 -text` says of extensions, spaces folded. */
  function text(der: Uint8Array): string {
    const file = folder.certificate('one.pem', der);
    return openssl('x509', '-in', file, '-noout', '-text', '-nameopt', 'RFC2253').replace(/\s+/g, ' ');
  }
  const says = (der: Uint8Array, facts: string[]) => {
    const said = text(der);
    for (const fact of facts) assert.ok(said.includes(fact), `${fact}\nis missing in\n${said}`);
  };
  const saysNot = (der: Uint8Array, facts: string[]) => {
    const said = text(der);
    for (const fact of facts) assert.ok(!said.includes(fact), `${fact}\nis in\n${said}`);
  };

  describe('read by openssl', () => {
    it('a leaf of xmpp-server', () => {
      const der = signLeaf(leafMeant({ names: ['example.com', 'conference.example.com'], policies: [testPolicy] }));
      says(der, [
        'Version: 3 (0x2)',
        'Serial Number: 42:00:00:00:00:00:00:00:00:00:00:00:00:00:00:03',
        'Signature Algorithm: ecdsa-with-SHA256 Issuer: CN=Test issuing CA',
        'Not Before: Sep 30 23:00:00 2026 GMT Not After : Dec 29 22:59:59 2026 GMT',
        'Subject: CN=example.com ',
        'X509v3 Key Usage: critical Digital Signature X509v3',
        'X509v3 Extended Key Usage: TLS Web Server Authentication, TLS Web Client Authentication X509v3',
        `X509v3 Subject Key Identifier: ${colons(keyId('leaf'))} `,
        `X509v3 Authority Key Identifier: ${colons(keyId('issuing'))} `,
        'X509v3 Subject Alternative Name: DNS:example.com, DNS:conference.example.com, othername: SRVName::_xmpp-client.example.com',
        'X509v3 Certificate Policies: Policy: 1.3.6.1.4.1.99999.1 CPS: https://ca.example/cp-cps ',
        'Authority Information Access: OCSP - URI:http://status.ca.example/ocsp CA Issuers - URI:http://status.ca.example/issuer/issuing.cer ',
        'X509v3 CRL Distribution Points: Full Name: URI:http://status.ca.example/crl/issuing.crl ',
      ]);
      saysNot(der, ['Basic Constraints', 'XmppAddr', 'Unique ID', 'Name Constraints', 'Subject Alternative Name: critical']);
    });

    it('a leaf of xmpp-server-addr', () => {
      const der = signLeaf(leafMeant({ profile: 'xmpp-server-addr', names: ['xn--mnchen-3ya.example'] }));
      says(der, [
        'DNS:xn--mnchen-3ya.example, othername: SRVName::_xmpp-client.xn--mnchen-3ya.example, othername: SRVName::_xmpp-server.xn--mnchen-3ya.example, othername: XmppAddr::münchen.example',
      ]);
    });

    it('a leaf of xmpp-server-short (RFC 9608)', () => {
      const der = signLeaf(leafMeant({ profile: 'xmpp-server-short' }));
      says(der, [
        'Not Before: Sep 30 23:00:00 2026 GMT Not After : Oct 7 22:59:59 2026 GMT',
        'Authority Information Access: CA Issuers - URI:http://status.ca.example/issuer/issuing.cer ',
        'X509v3 No Revocation Available: ',
      ]);
      saysNot(der, ['CRL Distribution Points', 'OCSP']);
    });

    it('a leaf with an RSA key', () => {
      says(signLeaf(leafMeant({ publicKey: publicKeyOf(rsaKey) })), [
        'X509v3 Key Usage: critical Digital Signature, Key Encipherment X509v3',
        'Public-Key: (2048 bit)',
        'Exponent: 65537',
      ]);
    });

    it('a leaf whose first name does not fit into a common name', () => {
      const names = [`${'a'.repeat(60)}.example.com`];
      says(signLeaf(leafMeant({ names })), ['Subject: serialNumber=42000000000000000000000000000003 ', `DNS:${names[0]}`]);
    });

    it('the root', () => {
      says(rootCertificate, [
        'Signature Algorithm: ecdsa-with-SHA384 Issuer: CN=Test root',
        'Not After : Sep 23 00:00:00 2056 GMT',
        'Subject: CN=Test root',
        'X509v3 Basic Constraints: critical CA:TRUE X509v3',
        'X509v3 Key Usage: critical Certificate Sign, CRL Sign X509v3',
        `X509v3 Subject Key Identifier: ${colons(keyId('root', 'P-384'))} `,
      ]);
      saysNot(rootCertificate, ['CRL Distribution', 'Authority Information', 'Extended Key Usage', 'pathlen', 'Name Constraints']);
    });

    it('the issuing CA', () => {
      says(issuingCertificate, [
        'Issuer: CN=Test root',
        'Subject: CN=Test issuing CA',
        'X509v3 Basic Constraints: critical CA:TRUE, pathlen:0 X509v3',
        'X509v3 Key Usage: critical Certificate Sign, CRL Sign X509v3',
        `X509v3 Authority Key Identifier: ${colons(keyId('root', 'P-384'))} `,
        'X509v3 Certificate Policies: Policy: X509v3 Any Policy X509v3',
        'X509v3 CRL Distribution Points: Full Name: URI:http://status.ca.example/crl/root.crl ',
      ]);
      saysNot(issuingCertificate, ['CPS', 'Extended Key Usage', 'OCSP', 'Name Constraints', 'Policy Mappings', 'Policy Constraints']);
    });

    it('the OCSP responder (RFC 6960 §4.2.2.2)', () => {
      says(signLeaf(responderMeant), [
        'X509v3 Extended Key Usage: OCSP Signing X509v3',
        'OCSP No Check: ',
        'X509v3 Key Usage: critical Digital Signature X509v3',
      ]);
    });
  });

  describe('verified by openssl -x509_strict', () => {
    for (const profile of ['xmpp-server', 'xmpp-server-addr', 'xmpp-server-short'] as const)
      for (const purpose of ['sslserver', 'sslclient'])
        it(`${profile} as ${purpose}`, () => {
          const leaf = folder.certificate('leaf.pem', signLeaf(leafMeant({ profile, names: ['example.com', 'xn--mnchen-3ya.example'] })));
          const verify = (...more: string[]) =>
            openssl(
              'verify',
              '-x509_strict',
              '-attime',
              String(now),
              '-CAfile',
              root,
              '-untrusted',
              issuing,
              '-purpose',
              purpose,
              ...more,
              leaf,
            );
          verify('-verify_hostname', 'xn--mnchen-3ya.example');
          assert.throws(() => verify('-verify_hostname', 'other.example'));
        });
    it('the RSA leaf', () => {
      const leaf = folder.certificate('leaf.pem', signLeaf(leafMeant({ publicKey: publicKeyOf(rsaKey) })));
      openssl('verify', '-x509_strict', '-attime', String(now), '-CAfile', root, '-untrusted', issuing, '-purpose', 'sslserver', leaf);
    });
    it('under the policy that the leaf names, and under no other (RFC 5280 §6.1)', () => {
      const leaf = folder.certificate('leaf.pem', signLeaf(leafMeant({ policies: [testPolicy] })));
      const under = (policy: string) => {
        const strict = ['-x509_strict', '-attime', String(now), '-CAfile', root, '-untrusted', issuing];
        return opensslSays('verify', ...strict, '-explicit_policy', '-policy', policy, leaf);
      };
      assert.equal(under(testPolicy.id).code, 0);
      assert.match(under('1.3.6.1.4.1.99999.2').text, /no explicit policy/);
    });
    it('not as an authority (RFC 6120 §13.7.1.1)', () => {
      const leaf = folder.certificate('leaf.pem', signLeaf(leafMeant()));
      assert.equal(new X509Certificate(signLeaf(leafMeant())).ca, false);
      const said = opensslSays('verify', '-attime', String(now), '-CAfile', root, '-untrusted', issuing, '-purpose', 'crlsign', leaf);
      assert.notEqual(said.code, 0);
    });
    it('not after its end', () => {
      const leaf = folder.certificate('leaf.pem', signLeaf(leafMeant()));
      const at = (time: number) =>
        opensslSays('verify', '-x509_strict', '-attime', String(time), '-CAfile', root, '-untrusted', issuing, leaf).code;
      const { notBefore, notAfter } = leafMeant();
      assert.deepEqual(
        [at(notBefore - 1), at(notBefore), at(notAfter - 1), at(notAfter + 1)].map(code => code === 0),
        [false, true, true, false],
      );
    });
  });

  describe('bytes', () => {
    it('are the same for the same facts', () => {
      for (const spec of Object.values(everyKind)) assert.equal(hex(encodeTbs(spec)), hex(encodeTbs({ ...spec })));
    });

    it('do not change when the buffers of the facts do', () => {
      const serial = Buffer.from(leafMeant().serial);
      const spki = Buffer.from(leafMeant().spki);
      const meant = { ...leafMeant(), serial, spki };
      const bytes = encodeTbs(meant);
      const copy = hex(bytes);
      serial.fill(1);
      spki.fill(1);
      assert.equal(hex(bytes), copy);
    });

    it('have the signature algorithm inside and outside (RFC 5280 §4.1.1.2)', () => {
      for (const der of [rootCertificate, issuingCertificate, signLeaf(leafMeant())]) {
        const [tbs, outer] = elements(readDer(der));
        assert.ok(tbs && outer);
        assert.equal(hex(elements(tbs)[2]?.bytes ?? new Uint8Array()), hex(outer.bytes));
      }
    });

    it('repeat the subject of the issuer byte for byte (RFC 5280 §4.1.2.6)', () => {
      const issuerOf = (der: Uint8Array) => hex(elements(elements(readDer(der))[0] ?? readDer(der))[3]?.bytes ?? new Uint8Array());
      assert.equal(issuerOf(signLeaf(leafMeant())), hex(readCertificate(issuingCertificate).subject));
      assert.equal(issuerOf(issuingCertificate), hex(readCertificate(rootCertificate).subject));
      assert.equal(issuerOf(rootCertificate), hex(readCertificate(rootCertificate).subject));
    });

    it('have UTCTime through 2049 and GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5)', () => {
      const times = (notBefore: number, notAfter: number) => {
        const validity = elements(readDer(encodeTbs({ ...leafMeant(), notBefore, notAfter })))[4];
        return validity && elements(validity).map(t => `${t.tag.toString(16)} ${Buffer.from(t.value).toString('latin1')}`);
      };
      const end = Date.UTC(2049, 11, 31, 23, 59, 59) / 1000;
      assert.deepEqual(times(now, end), ['17 261001000000Z', '17 491231235959Z']);
      assert.deepEqual(times(now, end + 1), ['17 261001000000Z', '18 20500101000000Z']);
      assert.deepEqual(times(end + 1, end + day), ['18 20500101000000Z', '18 20500101235959Z']);
    });

    it('are read back as facts', () => {
      const der = signLeaf(leafMeant());
      const { serial, spki } = readCertificate(der);
      assert.equal(serial, '42000000000000000000000000000003');
      assert.equal(hex(spki), hex(spkiOf(leafKey)));
      assert.deepEqual(readValidity(der), { notBefore: leafMeant().notBefore, notAfter: leafMeant().notAfter });
    });
  });

  it('are signed by P-384 with SHA-384 and by P-256 with SHA-256 (RFC 6120 §13.7.1.1)', async () => {
    const one = await signTbs(encodeTbs(rootMeant), rootSigner);
    assert.ok(checkSigned(one, encodeTbs(rootMeant), rootSigner.algorithm, rootSigner.spki));
    const two = await signTbs(encodeTbs(leafMeant()), issuingSigner);
    assert.ok(checkSigned(two, encodeTbs(leafMeant()), issuingSigner.algorithm, issuingFacts.spki));
    const three = await signTbs(encodeTbs(issuingMeant), rootSigner);
    assert.ok(new X509Certificate(three).verify(new X509Certificate(rootCertificate).publicKey));
  });
});
