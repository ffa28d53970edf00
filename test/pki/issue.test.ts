import assert from 'node:assert/strict';
import fc from 'fast-check';
import { profileNames } from '../../src/model/certificate.ts';
import { newSerial, validity } from '../../src/pki/issue.ts';
import { keyIdentifier } from '../../src/pki/keys.ts';
import { profiles } from '../../src/pki/profiles/table.ts';
import { issuingFacts, issuingMeant, leafKey, leafMeant, now, responderMeant, rootFacts, rootMeant, spkiOf } from '../kit/hierarchy.ts';

const day = 86400;

describe('issue', () => {
  describe('a serial number (RFC 5280 §4.1.2.2)', () => {
    it('is positive, of 16 octets, and never begins with zero', () => {
      fc.assert(
        fc.property(fc.infiniteStream(fc.integer({ min: 0, max: 255 })), stream => {
          const octets = stream[Symbol.iterator]();
          const serial = newSerial(size => Uint8Array.from({ length: size }, () => Number(octets.next().value)));
          assert.equal(serial.length, 16);
          assert.ok((serial[0] ?? 0) > 0 && (serial[0] ?? 0) < 128);
        }),
      );
    });
    it('is drawn again where the first octet is zero', () => {
      const draws = [0x00, 0x80, 0x01];
      let drawn = 0;
      const serial = newSerial(size => new Uint8Array(size).fill(draws[drawn++] ?? 9));
      assert.equal(drawn, 3);
      assert.equal(serial[0], 1);
    });
    it('keeps its 126 random bits', () => {
      assert.equal(Buffer.from(newSerial(size => new Uint8Array(size).fill(0xff))).toString('hex'), `7f${'ff'.repeat(15)}`);
    });
  });

  describe('validity (RFC 5280 §4.1.2.5)', () => {
    const issuer = issuingFacts;
    const cases: [what: string, got: ReturnType<typeof validity>, notBefore: number, notAfter: number][] = [
      [
        'begins an hour back and lasts the lifetime, both ends included',
        validity(now, 90 * day, issuer),
        now - 3600,
        now - 3600 + 90 * day - 1,
      ],
      ['follows what the order asks', validity(now, 90 * day, issuer, { notBefore: now, notAfter: now + day }), now, now + day],
      ['counts the lifetime from an asked beginning', validity(now, day, issuer, { notBefore: now + day }), now + day, now + 2 * day - 1],
      ['never ends after the issuer', validity(issuer.notAfter - day, 90 * day, issuer), issuer.notAfter - day - 3600, issuer.notAfter],
      [
        'never ends after the issuer, whatever is asked',
        validity(now, day, issuer, { notAfter: issuer.notAfter + 1 }),
        now - 3600,
        issuer.notAfter,
      ],
      ['never begins before the issuer', validity(issuer.notBefore, day, issuer), issuer.notBefore, issuer.notBefore + day - 1],
    ];
    for (const [what, got, notBefore, notAfter] of cases) it(what, () => assert.deepEqual(got, { notBefore, notAfter }));
  });

  describe('a leaf', () => {
    it('has a profile for each name that the model lists', () => assert.deepEqual(Object.keys(profiles).sort(), [...profileNames].sort()));
    it('has serverAuth and clientAuth, and never a right to sign certificates', () => {
      for (const profile of profileNames) {
        const { extKeyUsage, keyUsage, basicConstraints } = leafMeant({ profile });
        assert.deepEqual(extKeyUsage, ['serverAuth', 'clientAuth']);
        assert.deepEqual(keyUsage, ['digitalSignature']);
        assert.equal(basicConstraints, undefined);
      }
    });
    it('takes key identifiers from the keys (RFC 5280 §4.2.1.1, §4.2.1.2)', () => {
      assert.deepEqual(leafMeant().subjectKeyId, keyIdentifier(spkiOf(leafKey)));
      assert.deepEqual(leafMeant().authorityKeyId, issuingMeant.subjectKeyId);
      assert.deepEqual(issuingMeant.authorityKeyId, rootMeant.subjectKeyId);
    });
    it('has a common name only where the first name fits into 64 characters', () => {
      const of = (length: number) => [`${'a'.repeat(length - 12)}.example.com`];
      assert.deepEqual(leafMeant({ names: of(64) }).subject, { commonName: of(64)[0] });
      assert.deepEqual(leafMeant({ names: of(65) }).subject, { serialNumber: '42000000000000000000000000000003' });
    });
    it('mirrors every dNSName as an XmppAddr in xmpp-server-addr alone (RFC 3920 §5.1.1)', () => {
      const names = ['example.com', 'xn--mnchen-3ya.example'];
      const addresses = (profile: (typeof profileNames)[number]) =>
        (leafMeant({ profile, names }).altNames ?? []).filter(n => n.kind === 'xmppAddr').map(n => n.value);
      assert.deepEqual(addresses('xmpp-server-addr'), ['example.com', 'münchen.example']);
      assert.deepEqual(addresses('xmpp-server'), []);
      assert.deepEqual(addresses('xmpp-server-short'), []);
    });
    it('has a CRL and OCSP unless it is short-lived (RFC 9608)', () => {
      const { crlUrl, ocspUrl, noRevAvail } = leafMeant();
      assert.deepEqual(
        [crlUrl, ocspUrl, noRevAvail],
        ['http://status.ca.example/crl/issuing.crl', 'http://status.ca.example/ocsp', undefined],
      );
      const short = leafMeant({ profile: 'xmpp-server-short' });
      assert.deepEqual([short.crlUrl, short.ocspUrl, short.noRevAvail], [undefined, undefined, true]);
    });
  });

  it('the issuing CA has a path length of zero, no EKU and no OCSP (RFC 5280 §4.2.1.9)', () => {
    assert.deepEqual(issuingMeant.basicConstraints, { pathLength: 0 });
    assert.equal(issuingMeant.extKeyUsage, undefined);
    assert.equal(issuingMeant.ocspUrl, undefined);
    assert.ok(Buffer.from(issuingMeant.issuerName ?? []).equals(rootFacts.subject));
  });

  it('the OCSP responder can do nothing else, and nobody need ask about it (RFC 6960 §4.2.2.2)', () => {
    assert.deepEqual(responderMeant.extKeyUsage, ['OCSPSigning']);
    assert.deepEqual(responderMeant.keyUsage, ['digitalSignature']);
    assert.equal(responderMeant.ocspNoCheck, true);
    assert.equal(responderMeant.altNames, undefined);
  });
});
