import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { type RevocationReason, revocationReasons } from '../../src/model/certificate.ts';
import { DerError, elements, integer, octetString, oid, readBits, readDer, readOid, sequence, tags, tlv } from '../../src/pki/der.ts';
import { fileSigner } from '../../src/pki/keys.ts';
import { issuerHashes, MalformedRequest, type OcspStatus, ocspError, ocspSigner, readOcspRequest } from '../../src/pki/ocsp.ts';
import { oids } from '../../src/pki/oids.ts';
import {
  Folder,
  issuingCertificate,
  issuingFacts,
  leafMeant,
  openssl,
  opensslSays,
  responderKey,
  responderMeant,
  rootCertificate,
  serialOf,
  signLeaf,
} from '../kit/hierarchy.ts';
import { mutated, only } from '../kit/mutate.ts';

const nul = Uint8Array.of(5, 0);
const sha1Id = sequence(oid(oids.sha1), nul);
const certId = (serial: Uint8Array, algorithm: Uint8Array = sha1Id) =>
  sequence(algorithm, octetString(Buffer.alloc(20, 1)), octetString(Buffer.alloc(20, 2)), integer(serial));
const nonceExtension = (value: Uint8Array) => tlv(0xa2, sequence(sequence(oid(oids.ocspNonce), octetString(value))));
const request = (ids: Uint8Array[], ...more: Uint8Array[]) => sequence(sequence(sequence(...ids.map(id => sequence(id))), ...more));

describe('OCSP', () => {
  let folder: Folder;
  let leaf: string;
  let issuing: string;
  let root: string;
  before(() => {
    folder = new Folder();
    leaf = folder.certificate('leaf.pem', signLeaf(leafMeant()));
    issuing = folder.certificate('issuing.pem', issuingCertificate);
    root = folder.certificate('root.pem', rootCertificate);
  });
  after(() => folder.remove());

  /** A request that openssl writes. */
  function asked(...options: string[]): Uint8Array {
    const file = folder.write('request.der', '');
    openssl('ocsp', '-issuer', issuing, ...options, '-reqout', file);
    return new Uint8Array(readFileSync(file));
  }

  const signer = fileSigner(responderKey.export({ format: 'der', type: 'pkcs8' }));
  const responderCertificate = signLeaf(responderMeant);

  async function answer(bytes: Uint8Array, status: OcspStatus): Promise<Uint8Array> {
    const { certIds, nonce } = readOcspRequest(bytes);
    // openssl compares with the clock of this machine.
    const produced = Math.floor(Date.now() / 1000);
    return ocspSigner(
      responderCertificate,
      signer,
    )({
      responses: certIds.map(certId => ({ certId, status })),
      producedAt: produced,
      thisUpdate: produced,
      nextUpdate: produced + 86400,
      ...(nonce && { nonce }),
    });
  }

  /** What openssl says of a response; certificates are judged at the hierarchy's own time. */
  function judged(bytes: Uint8Array, response: Uint8Array): string {
    const [reqin, respin] = [folder.write('request.der', bytes), folder.write('response.der', response)];
    const at = String(responderMeant.notBefore + 3600);
    return opensslSays('ocsp', '-reqin', reqin, '-respin', respin, '-CAfile', root, '-verify_other', issuing, '-attime', at, '-text').text;
  }

  describe('a request', () => {
    for (const hash of ['sha1', 'sha256'] as const)
      it(`of openssl with ${hash} is read (RFC 6960 §4.1)`, () => {
        const { certIds, nonce } = readOcspRequest(asked(`-${hash}`, '-cert', leaf));
        assert.equal(certIds.length, 1);
        const { name, key } = issuerHashes(hash, issuingFacts.subject, issuingFacts.spki);
        assert.deepEqual(
          { ...certIds[0], bytes: undefined },
          { hash, issuerNameHash: name, issuerKeyHash: key, serial: '42000000000000000000000000000003', bytes: undefined },
        );
        assert.ok(nonce && nonce.length >= 16);
      });
    it('with several certificates, without a nonce', () => {
      const { certIds, nonce } = readOcspRequest(asked('-no_nonce', '-cert', leaf, '-serial', '0x80', '-serial', '0x1'));
      assert.deepEqual(
        certIds.map(c => c.serial),
        ['42000000000000000000000000000003', '80', '01'],
      );
      assert.equal(nonce, undefined);
    });
    it('with another hash is read, for an answer that is no match', () => {
      assert.equal(readOcspRequest(asked('-sha512', '-cert', leaf)).certIds[0]?.hash, undefined);
    });
    it('of up to 100 certificates', () => {
      const ids = (count: number) => Array.from({ length: count }, (_, i) => certId(serialOf(i)));
      assert.equal(readOcspRequest(request(ids(100))).certIds.length, 100);
      assert.throws(() => readOcspRequest(request(ids(101))), MalformedRequest);
    });

    const one = [certId(serialOf(1))];
    const nonces: [octets: number, ok: boolean][] = [
      [0, false],
      [1, true],
      [16, true],
      [32, true],
      [128, true],
      [129, false],
    ];
    for (const [octets, ok] of nonces)
      it(`with a nonce of ${octets} octets is ${ok ? 'read' : 'refused'} (RFC 9654 §2.1)`, () => {
        const bytes = request(one, nonceExtension(octetString(Buffer.alloc(octets, 7))));
        if (ok) assert.equal(readOcspRequest(bytes).nonce?.length, octets);
        else assert.throws(() => readOcspRequest(bytes), MalformedRequest);
      });
    const noNonces: [what: string, extension: Uint8Array][] = [
      ['octets alone (older clients)', nonceExtension(Buffer.alloc(16, 7))],
      ['empty', nonceExtension(new Uint8Array())],
      ['an INTEGER', nonceExtension(integer(Buffer.alloc(16, 7)))],
      ['an OCTET STRING with bytes after it', nonceExtension(Buffer.concat([octetString(Buffer.alloc(16, 7)), nul]))],
      ['no extnValue', tlv(0xa2, sequence(sequence(oid(oids.ocspNonce))))],
      ['an extnValue that is a NULL', tlv(0xa2, sequence(sequence(oid(oids.ocspNonce), nul)))],
    ];
    for (const [what, extension] of noNonces)
      it(`with a nonce that is ${what} is refused (RFC 9654 §2.1)`, () =>
        assert.throws(() => readOcspRequest(request(one, extension)), MalformedRequest));
    it('with a version, a requestor, a signature and other extensions is read', () => {
      const extensions = tlv(0xa2, sequence(sequence(oid('1.3.6.1.5.5.7.48.1.4'), octetString(sequence()))));
      const tbs = sequence(
        tlv(0xa0, integer(Uint8Array.of(0))),
        tlv(0xa1, tlv(0xa4, sequence())),
        sequence(sequence(one[0] ?? nul)),
        extensions,
      );
      assert.equal(readOcspRequest(sequence(tbs, tlv(0xa0, sequence()))).certIds.length, 1);
    });

    it('of an unsigned asker who names himself is read as if he did not (RFC 9919 §3.1.2)', () => {
      const list = sequence(sequence(one[0] ?? nul));
      const nonce = nonceExtension(octetString(Buffer.alloc(32, 7)));
      for (const name of [tlv(0x82, Buffer.from('im.test')), tlv(0x86, Buffer.from('xmpp:im.test')), tlv(0xa4, sequence())])
        assert.deepEqual(
          readOcspRequest(sequence(sequence(tlv(0xa1, name), list, nonce))),
          readOcspRequest(sequence(sequence(list, nonce))),
        );
    });

    const unknown = (critical: boolean) =>
      sequence(sequence(oid('1.2.3'), ...(critical ? [Uint8Array.of(1, 1, 0xff)] : []), octetString(nul)));
    it('with an extension that nobody knows is read, and refused where that one is critical (RFC 6960 §4.1.2)', () => {
      const single = (critical: boolean) => sequence(sequence(sequence(sequence(certId(serialOf(1)), tlv(0xa0, unknown(critical))))));
      for (const bytes of [request(one, tlv(0xa2, unknown(false))), single(false)]) assert.equal(readOcspRequest(bytes).certIds.length, 1);
      for (const bytes of [request(one, tlv(0xa2, unknown(true))), single(true)])
        assert.throws(() => readOcspRequest(bytes), MalformedRequest);
    });

    const wrong: [what: string, bytes: Uint8Array][] = [
      ['nothing', new Uint8Array()],
      ['text', Buffer.from('hello')],
      ['an empty sequence', sequence()],
      ['no list', sequence(sequence())],
      ['an empty list', request([])],
      ['bytes after the end', Buffer.concat([request(one), nul])],
      ['a negative serial number', request([sequence(sha1Id, octetString(nul), octetString(nul), Uint8Array.of(2, 1, 0x80))])],
      ['no serial number', request([sequence(sha1Id, octetString(nul), octetString(nul))])],
      ['hashes that are no OCTET STRING', request([sequence(sha1Id, nul, nul, integer(Uint8Array.of(1)))])],
      ['no algorithm', request([certId(serialOf(1), sequence())])],
      ['empty extensions', request(one, tlv(0xa2))],
      ['a request without CertID', sequence(sequence(sequence(sequence())))],
    ];
    for (const [what, bytes] of wrong) it(`is malformed: ${what}`, () => assert.throws(() => readOcspRequest(bytes), MalformedRequest));

    it('is read or malformed, whatever its bytes, and nothing else happens', () => {
      const valid = [request(one, nonceExtension(octetString(Buffer.alloc(16, 7)))), request([...one, certId(Uint8Array.of(1))])];
      fc.assert(
        fc.property(mutated(valid), bytes => {
          const read = only(MalformedRequest, () => readOcspRequest(bytes));
          if (!(read instanceof Error)) assert.ok(read.certIds.length >= 1 && read.certIds.length <= 100);
        }),
        { numRuns: 3000 },
      );
    });
  });

  describe('a response', () => {
    it('good is accepted by openssl, nonce included (RFC 6960 §4.2)', async () => {
      const bytes = asked('-cert', leaf);
      const said = judged(bytes, await answer(bytes, { status: 'good' }));
      assert.match(said, /Response verify OK/);
      assert.match(said, /Cert Status: good/);
      assert.doesNotMatch(said, /WARNING: no nonce|Nonce Verify error/);
      assert.match(said, /Response Type: Basic OCSP Response/);
      assert.match(said, /Responder Id: [0-9A-F]{40}/);
    });

    for (const [reason, number] of Object.entries(revocationReasons) as [RevocationReason, number][])
      it(`revoked for ${reason} is accepted by openssl (RFC 6960 §4.2.1)`, async () => {
        const bytes = asked('-cert', leaf);
        const said = judged(bytes, await answer(bytes, { status: 'revoked', at: 1790812800, reason }));
        assert.match(said, /Response verify OK/);
        assert.match(said, /Cert Status: revoked\s+Revocation Time: Oct {2}1 00:00:00 2026 GMT/);
        if (number === 0) assert.doesNotMatch(said, /Revocation Reason/);
        else assert.match(said, new RegExp(`Revocation Reason: .+ \\(0x${number.toString(16)}\\)`));
      });

    it('echoes each CertID and none of a nonce that was not sent', async () => {
      const bytes = asked('-no_nonce', '-sha256', '-cert', leaf, '-serial', '0x80');
      const said = judged(bytes, await answer(bytes, { status: 'good' }));
      assert.match(said, /Response verify OK/);
      assert.equal(said.match(/Cert Status: good/g)?.length, 2);
      assert.doesNotMatch(said, /OCSP Nonce/);
      assert.match(said, /Hash Algorithm: sha256/);
      assert.doesNotMatch(said, /Hash Algorithm: sha1/);
    });

    it('is DER to the letter: version 1 unwritten, the responder by its key, times in Zulu to the second (RFC 6960 §4.2.2.3, RFC 9919 §3.2)', async () => {
      const bytes = asked('-no_nonce', '-cert', leaf);
      const { certIds } = readOcspRequest(bytes);
      const times = { producedAt: 1790812800, thisUpdate: 1790812740, nextUpdate: 1790899140 };
      const response = await ocspSigner(
        responderCertificate,
        signer,
      )({ responses: certIds.map(certId => ({ certId, status: { status: 'revoked', at: 1790640000, reason: 'unspecified' } })), ...times });
      const [status, content] = elements(readDer(response));
      const [type, basic] = elements(elements(content!)[0]!);
      assert.deepEqual([status?.value[0], readOid(type!)], [0, oids.ocspBasic]);
      const [data, algorithm, , certificates] = elements(readDer(basic!.value));
      assert.equal(readOid(elements(algorithm!)[0]!), oids.ecdsaWithSHA256);
      assert.deepEqual(Buffer.from(elements(elements(certificates!)[0]!)[0]!.bytes), Buffer.from(responderCertificate));
      const [responder, producedAt, singles, ...more] = elements(data!);
      const key = createHash('sha1')
        .update(readBits(elements(readDer(signer.spki))[1]!))
        .digest();
      assert.deepEqual(Buffer.from(responder!.bytes), Buffer.from(tlv(0xa2, octetString(key))));
      assert.equal(more.length, 0, 'no extensions that nobody asked for');
      const [id, said, thisUpdate, nextUpdate, ...extensions] = elements(elements(singles!)[0]!);
      assert.deepEqual(Buffer.from(id!.bytes), Buffer.from(certIds[0]!.bytes));
      assert.equal(extensions.length, 0);
      const [revokedAt] = elements(said!);
      for (const [time, text] of [
        [producedAt, '20261001000000Z'],
        [thisUpdate, '20260930235900Z'],
        [elements(nextUpdate!)[0], '20261001235900Z'],
        [revokedAt, '20260929000000Z'],
      ] as const)
        assert.deepEqual([time?.tag, Buffer.from(time?.value ?? []).toString('latin1')], [tags.generalizedTime, text]);
    });

    it('that was altered is refused by openssl', async () => {
      const bytes = asked('-cert', leaf);
      const response = Buffer.from(await answer(bytes, { status: 'good' }));
      const at = response.indexOf(Buffer.from('8000', 'hex'));
      assert.ok(at > 0);
      response[at] = 0x82;
      assert.doesNotMatch(judged(bytes, response), /Response verify OK/);
    });

    const errors = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;
    for (const [name, number] of Object.entries(errors) as [keyof typeof errors, number][])
      it(`${name} is ${number}, unsigned (RFC 6960 §4.2.1)`, () => {
        assert.equal(Buffer.from(ocspError(name)).toString('hex'), `30030a010${number}`);
        const file = folder.write('error.der', ocspError(name));
        assert.match(
          opensslSays('ocsp', '-respin', file, '-noverify', '-resp_text').text,
          new RegExp(`\\(0x?${number}\\)|Responder Error: ${name}`, 'i'),
        );
      });
  });

  it('the responder’s certificate says by a NULL that is not critical that nobody need ask about it, and not where (RFC 6960 §4.2.2.2.1, RFC 9919 §3.2.2)', () => {
    const noCheck = sequence(oid(oids.ocspNoCheck), octetString(nul));
    assert.ok(Buffer.from(responderCertificate).includes(Buffer.from(noCheck)));
    for (const where of [oids.authorityInfoAccess, oids.cRLDistributionPoints])
      assert.ok(!Buffer.from(responderCertificate).includes(Buffer.from(oid(where))));
  });

  it('knows an issuer by the hashes of its name and of its key (RFC 6960 §4.1.1)', () => {
    assert.throws(() => issuerHashes('sha1', issuingFacts.subject, sequence()), DerError);
    assert.equal(readDer(issuingFacts.subject).tag, 0x30);
  });
});
