import assert from 'node:assert/strict';
import { type RevocationReason, revocationReasons } from '../../src/model/certificate.ts';
import { pem } from '../../src/model/encoding.ts';
import { type CrlSpec, signCrl } from '../../src/pki/crl.ts';
import { elements, readDer } from '../../src/pki/der.ts';
import {
  Folder,
  issuingCertificate,
  issuingFacts,
  issuingSigner,
  leafMeant,
  now,
  openssl,
  opensslSays,
  rootCertificate,
  rootFacts,
  rootSigner,
  signLeaf,
} from '../kit/hierarchy.ts';

const day = 86400;
const spec = (more: Partial<CrlSpec> = {}): CrlSpec => ({
  issuerName: issuingFacts.subject,
  number: now,
  thisUpdate: now,
  nextUpdate: now + 7 * day,
  entries: [],
  ...more,
});

const tbsOf = (der: Uint8Array) => elements(elements(readDer(der))[0] ?? readDer(der));

describe('CRL', () => {
  let folder: Folder;
  before(() => {
    folder = new Folder();
  });
  after(() => folder.remove());

  const text = (der: Uint8Array) =>
    openssl('crl', '-in', folder.write('one.crl', pem('X509 CRL', der)), '-noout', '-text', '-nameopt', 'RFC2253').replace(/\s+/g, ' ');

  it('verifies with openssl against its issuer', async () => {
    const crl = folder.write('one.crl', pem('X509 CRL', await signCrl(spec(), issuingSigner)));
    const issuer = folder.certificate('issuing.pem', issuingCertificate);
    const said = opensslSays('crl', '-in', crl, '-verify', '-CAfile', issuer, '-noout');
    assert.ok(said.text.includes('verify OK'), said.text);
    const other = folder.certificate('root.pem', rootCertificate);
    assert.ok(!opensslSays('crl', '-in', crl, '-verify', '-CAfile', other, '-noout').text.includes('verify OK'));
  });

  it('says version 2, issuer, dates, number and key identifier (RFC 5280 §5)', async () => {
    const said = text(await signCrl(spec({ number: 4711 }), issuingSigner));
    for (const fact of [
      'Version 2 (0x1)',
      'Signature Algorithm: ecdsa-with-SHA256 Issuer: CN=Test issuing CA ',
      'Last Update: Oct 1 00:00:00 2026 GMT Next Update: Oct 8 00:00:00 2026 GMT',
      'CRL extensions: X509v3 Authority Key Identifier: ',
      'X509v3 CRL Number: 4711 ',
      'No Revoked Certificates.',
    ])
      assert.ok(said.includes(fact), `${fact}\nis missing in\n${said}`);
    for (const absent of ['critical', 'Issuing Distribution', 'Delta CRL', 'Freshest', 'Issuer Alternative', 'Authority Information'])
      assert.ok(!said.includes(absent), `${absent}\nis in\n${said}`);
  });

  it('has no list where nothing is revoked (RFC 5280 §5.1.2.6)', async () => {
    assert.equal(tbsOf(await signCrl(spec(), issuingSigner)).length, 6);
    const one = { serial: '42', revokedAt: now, reason: 'unspecified' as const };
    assert.equal(tbsOf(await signCrl(spec({ entries: [one] }), issuingSigner)).length, 7);
  });

  it('has the issuer name of the certificate, byte for byte (RFC 5280 §5.1.2.3)', async () => {
    assert.deepEqual(tbsOf(await signCrl(spec(), issuingSigner))[2]?.bytes, new Uint8Array(issuingFacts.subject));
  });

  it('has one algorithm inside and outside (RFC 5280 §5.1.1.2)', async () => {
    for (const signer of [issuingSigner, rootSigner]) {
      const der = await signCrl(spec(), signer);
      assert.deepEqual(tbsOf(der)[1]?.bytes, elements(readDer(der))[1]?.bytes);
    }
  });

  it('has UTCTime through 2049 and GeneralizedTime from 2050 on (RFC 5280 §5.1.2.4)', async () => {
    const edge = Date.UTC(2050, 0, 1) / 1000;
    const entries = [
      { serial: '01', revokedAt: edge - 1, reason: 'superseded' as const },
      { serial: '02', revokedAt: edge, reason: 'superseded' as const },
    ];
    const members = tbsOf(await signCrl(spec({ thisUpdate: edge - 1, nextUpdate: edge, entries }), issuingSigner));
    const shown = (t: { tag: number; value: Uint8Array } | undefined) =>
      `${t?.tag.toString(16)} ${Buffer.from(t?.value ?? []).toString('latin1')}`;
    assert.deepEqual([shown(members[3]), shown(members[4])], ['17 491231235959Z', '18 20500101000000Z']);
    const list = members[5];
    assert.ok(list);
    assert.deepEqual(
      elements(list).map(e => shown(elements(e)[1])),
      ['17 491231235959Z', '18 20500101000000Z'],
    );
  });

  for (const [reason, number] of Object.entries(revocationReasons) as [RevocationReason, number][])
    it(`says the reason ${reason} ${number === 0 ? 'by no reason code (RFC 5280 §5.3.1)' : `as ${number} (RFC 5280 §5.3.1)`}`, async () => {
      const der = await signCrl(spec({ entries: [{ serial: '42ff', revokedAt: now - 60, reason }] }), issuingSigner);
      const list = tbsOf(der)[5];
      assert.ok(list);
      const [entry] = elements(list);
      assert.ok(entry);
      const hex = Buffer.from(entry.bytes).toString('hex');
      assert.ok(hex.includes(`020242ff170d${Buffer.from('260930235900Z').toString('hex')}`), hex);
      if (number === 0) assert.equal(elements(entry).length, 2);
      else assert.ok(hex.endsWith(`300c300a0603551d1504030a01${number.toString(16).padStart(2, '0')}`), hex);
    });

  it('lists serials as openssl reads them, with the high bit too', async () => {
    const serials = ['01', '7f', '80', 'ff00', '42000000000000000000000000000003'];
    const der = await signCrl(
      spec({ entries: serials.map(serial => ({ serial, revokedAt: now, reason: 'keyCompromise' })) }),
      issuingSigner,
    );
    const said = text(der);
    for (const serial of serials) assert.ok(said.includes(`Serial Number: ${serial.toUpperCase()} `), `${serial}\nis missing in\n${said}`);
  });

  it('makes openssl refuse what it lists, and nothing else', async () => {
    const [root, issuing] = [folder.certificate('root.pem', rootCertificate), folder.certificate('issuing.pem', issuingCertificate)];
    const leaf = folder.certificate('leaf.pem', signLeaf(leafMeant()));
    const verify = async (serials: string[]) => {
      const der = await signCrl(
        spec({ entries: serials.map(serial => ({ serial, revokedAt: now, reason: 'superseded' })) }),
        issuingSigner,
      );
      const crl = folder.write('leaf.crl', pem('X509 CRL', der));
      const rootCrl = await signCrl(spec({ issuerName: rootFacts.subject }), rootSigner);
      const above = folder.write('root.crl', pem('X509 CRL', rootCrl));
      return opensslSays(
        ...['verify', '-x509_strict', '-attime', String(now), '-crl_check_all', '-CAfile', root, '-untrusted', issuing],
        ...['-CRLfile', crl, '-CRLfile', above, leaf],
      );
    };
    assert.equal((await verify(['42000000000000000000000000000004'])).code, 0);
    const revoked = await verify(['42000000000000000000000000000003']);
    assert.ok(revoked.text.includes('certificate revoked'), revoked.text);
  });

  it('has a number of at most 20 octets that is not critical (RFC 5280 §5.2.3)', async () => {
    const der = await signCrl(spec({ number: 2 ** 47 }), issuingSigner);
    // SEQUENCE { OID 2.5.29.20, OCTET STRING { INTEGER } }: no BOOLEAN between.
    const extension = `30100603551d1404090207${'00'}${(2 ** 47).toString(16)}`;
    assert.ok(Buffer.from(der).toString('hex').includes(extension), Buffer.from(der).toString('hex'));
  });

  it('of a shard says so in a critical extension, by the URL that its certificates name (RFC 5280 §5.2.5)', async () => {
    const [root, issuing] = [folder.certificate('root.pem', rootCertificate), folder.certificate('issuing.pem', issuingCertificate)];
    const inShard = (shard: number) => leafMeant({ shard });
    const crlOf = async (shard: number, serials: string[] = []) => {
      const entries = serials.map(serial => ({ serial, revokedAt: now, reason: 'superseded' as const }));
      const url = inShard(shard).crlUrl ?? '';
      assert.ok(url.endsWith(`/${shard}.crl`), url);
      return signCrl(spec({ entries, distributionPoint: url }), issuingSigner);
    };
    assert.ok(text(await crlOf(3)).includes('X509v3 Issuing Distribution Point: critical Full Name: URI:http://'));
    const leaf = folder.certificate('leaf.pem', signLeaf(inShard(3)));
    const verify = async (crl: Uint8Array) =>
      opensslSays(
        ...['verify', '-x509_strict', '-attime', String(now), '-extended_crl', '-crl_check', '-CAfile', root, '-untrusted', issuing],
        ...['-CRLfile', folder.write('shard.crl', pem('X509 CRL', crl)), leaf],
      );
    assert.equal((await verify(await crlOf(3))).code, 0);
    assert.match((await verify(await crlOf(3, ['42000000000000000000000000000003']))).text, /certificate revoked/);
    assert.match((await verify(await crlOf(2))).text, /[Dd]ifferent CRL scope|unable to get certificate CRL/);
  });

  it('holds 100,000 entries', async () => {
    function* entries() {
      for (let i = 0; i < 100_000; i++)
        yield { serial: (0x42000000 + i).toString(16), revokedAt: now, reason: 'cessationOfOperation' as const };
    }
    const list = tbsOf(await signCrl(spec({ entries: entries() }), issuingSigner))[5];
    assert.ok(list);
    assert.equal(elements(list).length, 100_000);
  });
});
