import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { ocspResponder } from '../../src/ca/answer-ocsp.ts';
import { listAudit } from '../../src/store/audit.ts';
import { engines, startCa, type TestCa } from '../kit/ca.ts';
import { issued, openTestCtx, type TestCtx } from '../kit/ctx.ts';
import { issue } from '../kit/issue.ts';
import { ocspRequest, readOcsp } from '../kit/status.ts';

for (const engine of engines) {
  describe(`the first questions to a fresh OCSP responder (${engine})`, () => {
    const opened: { close(): Promise<void> }[] = [];
    afterEach(() => Promise.all(opened.splice(0).map(each => each.close())));

    const made = async ({ ctx }: TestCtx | TestCa) =>
      (await listAudit(ctx.db, { action: 'credential.issued' })).filter(e => e.detail?.['purpose'] === 'ocsp').length;

    it('that come at once are all answered, by one credential', async () => {
      const ca = await startCa({ engine });
      opened.push(ca);
      const { client } = await ca.member();
      const { chain } = await issue(client, ca.net, ['im.test']);
      const body = ocspRequest(ca.ctx, new X509Certificate(chain).serialNumber);
      const headers = { 'Content-Type': 'application/ocsp-request', Connection: 'close' };
      const ask = async () =>
        readOcsp(Buffer.from(await (await fetch(`${ca.statusUrl}/ocsp`, { method: 'POST', headers, body })).arrayBuffer()));
      assert.equal(await made(ca), 0);
      const answers = await Promise.all(Array.from({ length: 50 }, ask));
      assert.deepEqual([...new Set(answers.map(a => a.status))], ['good']);
      assert.equal(new Set(answers.map(a => Buffer.from(a.responderCertificate ?? []).toString('hex'))).size, 1);
      assert.equal(await made(ca), 1);
    });

    it('are answered after one that came while no credential could be made', async () => {
      const at = await openTestCtx({ engine });
      opened.push(at);
      const { serial } = await issued(at);
      const { signer } = at.ctx.authority.active;
      const { sign } = signer;
      signer.sign = async () => {
        signer.sign = sign;
        throw new Error('the token is away');
      };
      const answer = ocspResponder(at.ctx);
      const statuses = await Promise.all([1, 2, 3].map(async () => readOcsp(await answer(ocspRequest(at.ctx, serial))).status));
      assert.deepEqual(statuses.sort(), ['error 2', 'good', 'good']);
      assert.equal(await made(at), 1);
    });
  });
}
