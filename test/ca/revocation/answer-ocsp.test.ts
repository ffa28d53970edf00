import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { type OcspResponder, ocspResponder } from '../../../src/ca/revocation/answer-ocsp.ts';
import { revoke } from '../../../src/ca/revocation/revoke.ts';
import type { Ctx } from '../../../src/ctx.ts';
import { operator } from '../../../src/model/audit.ts';
import type { Certificate } from '../../../src/model/certificate.ts';
import { contextConstructed, elements, octetString, oid, readDer, readOid, sequence, tags, tlv } from '../../../src/pki/der.ts';
import { oids } from '../../../src/pki/oids.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { engines, startCa, type TestCa } from '../../kit/ca.ts';
import { issued, openTestCtx, type TestCtx } from '../../kit/ctx.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { ocspRequest, readOcsp } from '../../kit/status.ts';

for (const engine of engines) {
  describe(`the first questions to a fresh OCSP responder (${engine})`, () => {
    const toClose: { close(): Promise<void> }[] = [];
    afterEach(() => Promise.all(toClose.splice(0).map(each => each.close())));

    const made = async ({ ctx }: TestCtx | TestCa) =>
      (await listAudit(ctx.db, { action: 'credential.issued' })).filter(e => e.detail?.['purpose'] === 'ocsp').length;

    it('that come at once are all answered, by one credential', async () => {
      const ca = await startCa({ engine });
      toClose.push(ca);
      const { client } = await ca.member();
      const { chain } = await issue(client, ca.net, ['im.test']);
      const body = ocspRequest(ca.ctx, new X509Certificate(chain).serialNumber);
      const headers = { 'Content-Type': 'application/ocsp-request', Connection: 'close' };
      const ask = async () =>
        readOcsp(
          Buffer.from(await (await fetch(`${ca.statusUrl}/ocsp`, { method: 'POST', headers, body: Buffer.from(body) })).arrayBuffer()),
        );
      assert.equal(await made(ca), 0);
      const answers = await Promise.all(Array.from({ length: 50 }, ask));
      assert.deepEqual([...new Set(answers.map(a => a.status))], ['good']);
      assert.equal(new Set(answers.map(a => Buffer.from(a.responderCertificate ?? []).toString('hex'))).size, 1);
      assert.equal(await made(ca), 1);
    });

    it('are answered after one that came while no credential could be made', async () => {
      const at = await openTestCtx({ engine });
      toClose.push(at);
      const { serial } = await issued(at);
      const { signer } = at.ctx.authority.active;
      const { sign } = signer;
      signer.sign = async () => {
        signer.sign = sign;
        throw new Error('the token is away');
      };
      const answer = ocspResponder(at.ctx);
      const ask = async (n: number) => readOcsp(await answer(ocspRequest(at.ctx, serial, { nonce: Buffer.of(n) }))).status;
      const statuses = await Promise.all([1, 2, 3].map(ask));
      assert.deepEqual(statuses.sort(), ['error 2', 'good', 'good']);
      assert.equal(await made(at), 1);
    });
  });

  describe(`OCSP answers (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }), 'each');
    let answer: OcspResponder;
    beforeEach(async () => {
      answer = ocspResponder(at.ctx);
    });

    const ask = async (responder: OcspResponder, serials: string | string[], options: Parameters<typeof ocspRequest>[2] = {}) => {
      const given = await responder(ocspRequest(at.ctx, serials, options));
      return { ...readOcsp(given), text: Buffer.from(given.der).toString('hex'), shared: 'nextUpdate' in given };
    };
    const revokeNow = (ctx: Ctx, certificate: Certificate) =>
      revoke(ctx, certificate, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });

    it('without a nonce are given again; with one they are signed for the asker alone (RFC 9654 §2.1)', async () => {
      const { serial } = await issued(at);
      const first = await ask(answer, serial);
      assert.deepEqual([first.status, first.shared, first.nonce], ['good', true, undefined]);
      assert.equal((await ask(answer, serial)).text, first.text);
      for (const octets of [1, 16, 32, 33, 128]) {
        const nonce = randomBytes(octets);
        const own = await ask(answer, serial, { nonce });
        assert.deepEqual([own.status, own.shared], ['good', false]);
        assert.ok(nonce.equals(own.nonce ?? Buffer.alloc(0)));
      }
      assert.equal((await ask(answer, serial)).text, first.text);
    });

    it('are kept by the exact CertIDs: each hash, and each list of certificates, has its own', async () => {
      const [a, b] = [await issued(at, ['a.test']), await issued(at, ['b.test'])];
      const questions = [
        () => ask(answer, a.serial),
        () => ask(answer, a.serial, { hash: 'sha256' }),
        () => ask(answer, b.serial),
        () => ask(answer, [a.serial, b.serial]),
        () => ask(answer, [b.serial, a.serial]),
      ];
      const answers = await Promise.all(questions.map(q => q()));
      assert.deepEqual(
        answers.map(q => q.certificates),
        [1, 1, 1, 2, 2],
      );
      assert.equal(new Set(answers.map(q => q.text)).size, 5);
      for (const [i, question] of questions.entries()) assert.equal((await question()).text, answers[i]?.text);
    });

    it('to a nonce of no octet, or of more than 128, are malformedRequest (RFC 9654 §2.1)', async () => {
      const { serial } = await issued(at);
      for (const octets of [0, 129]) assert.equal((await ask(answer, serial, { nonce: Buffer.alloc(octets, 7) })).status, 'error 1');
    });

    it('are signed by ECDSA with SHA-256, whatever weaker algorithm the asker prefers (RFC 6960 §5.1.1)', async () => {
      const { serial } = await issued(at);
      const [sha1WithRsa, preferred] = ['1.2.840.113549.1.1.5', '1.3.6.1.5.5.7.48.1.8'];
      const algorithms = sequence(sequence(sequence(oid(sha1WithRsa), tlv(tags.null))));
      const [list] = elements(elements(readDer(ocspRequest(at.ctx, serial)))[0]!);
      const extensions = tlv(contextConstructed(2), sequence(sequence(oid(preferred), octetString(algorithms))));
      const given = await answer(sequence(sequence(list!.bytes, extensions)));
      assert.equal(readOcsp(given).status, 'good');
      const basic = elements(elements(elements(readDer(given.der))[1]!)[0]!)[1]!;
      assert.equal(readOid(elements(elements(readDer(basic.value))[1]!)[0]!), oids.ecdsaWithSHA256);
    });

    it('say revoked at once where the revocation was made, and a second later elsewhere', async () => {
      const certificate = await issued(at);
      const other = await at.another();
      const elsewhere = ocspResponder(other.ctx);
      const { serial } = certificate;
      for (const each of [answer, elsewhere]) assert.equal((await ask(each, serial)).status, 'good');
      await revokeNow(at.ctx, certificate);
      assert.equal((await ask(answer, serial)).status, 'revoked');
      assert.equal((await ask(elsewhere, serial, { nonce: Buffer.of(1) })).status, 'revoked', 'what is signed fresh is right at once');
      at.clock.now += 1;
      assert.equal((await ask(elsewhere, serial)).status, 'revoked');
    });

    it('are not kept where the certificate was revoked while they were signed', async () => {
      const certificate = await issued(at);
      const { signer } = at.ctx.authority.active;
      const { sign } = signer;
      // The status has been read when the responder's certificate is made.
      signer.sign = async tbs => {
        signer.sign = sign;
        await revokeNow(at.ctx, certificate);
        return sign(tbs);
      };
      assert.equal((await ask(answer, certificate.serial)).status, 'good');
      assert.equal((await ask(answer, certificate.serial)).status, 'revoked');
    });

    it('are signed anew after an hour, and not given beyond the end of the certificate', async () => {
      const { serial, notAfter } = await issued(at);
      const first = await ask(answer, serial);
      at.clock.now += 3599;
      assert.equal((await ask(answer, serial)).text, first.text);
      at.clock.now += 1;
      assert.notEqual((await ask(answer, serial)).text, first.text);
      at.clock.now = notAfter;
      assert.equal((await ask(answer, serial)).status, 'good');
      at.clock.now = notAfter + 1;
      assert.equal((await ask(answer, serial)).status, 'error 6');
    });

    it('come without the nonce under load, and tryLater where even that cannot be (RFC 9654 §2.1, RFC 6960 §2.3)', async () => {
      const [known, other] = [await issued(at, ['a.test']), await issued(at, ['b.test'])];
      await ask(answer, known.serial);
      // Every connection of the pool is busy: what is to be signed waits for its status.
      let open = () => {};
      const gate = new Promise<void>(resolve => {
        open = resolve;
      });
      let held = 0;
      const holding = Array.from({ length: engine === 'sqlite' ? 1 : 10 }, () =>
        at.ctx.db.transaction(() => {
          held++;
          return gate;
        }),
      );
      while (held < holding.length) await new Promise(setImmediate);
      const nonce = randomBytes(16);
      const waiting = Array.from({ length: 100 }, () => ask(answer, other.serial, { nonce }));
      const calm = await ask(answer, known.serial, { nonce });
      assert.deepEqual([calm.status, calm.nonce, calm.shared], ['good', undefined, true]);
      const strangers = Array.from({ length: 900 }, (_, i) => ask(answer, (0x100000 + i).toString(16).padStart(8, '0'), { nonce }));
      assert.equal((await ask(answer, other.serial, { nonce })).status, 'error 3');
      assert.equal((await ask(answer, known.serial, { nonce })).status, 'good');
      open();
      for (const { status, nonce: own } of await Promise.all(waiting)) assert.deepEqual([status, own && nonce.equals(own)], ['good', true]);
      assert.ok((await Promise.all(strangers)).every(a => a.status === 'error 6'));
      await Promise.all(holding);
    });

    it('are tryLater while the database cannot be asked (RFC 6960 §2.3)', async () => {
      const { serial } = await issued(at);
      assert.equal((await ask(answer, serial)).status, 'good');
      const away = async () => {
        throw new Error('the database is away');
      };
      const { client } = at.ctx.db;
      const { acquireConnection } = client;
      client.acquireConnection = away;
      at.clock.now += 1;
      assert.equal((await ask(answer, serial)).status, 'error 3', 'nobody knows whether it was revoked meanwhile');
      assert.equal((await ask(answer, serial, { nonce: Buffer.of(1) })).status, 'error 3');
      client.acquireConnection = acquireConnection;
      assert.equal((await ask(answer, serial)).status, 'good');
    });
  });
}
