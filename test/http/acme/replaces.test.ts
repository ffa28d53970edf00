import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { refuseReplaced } from '../../../src/http/acme/replaces.ts';
import { findCertificate } from '../../../src/store/certificates.ts';
import { insertOrder } from '../../../src/store/orders.ts';
import { isReplaced } from '../../../src/store/renewals.ts';
import type { AcmeClient, Answer } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { makeCsr } from '../../kit/csr.ts';
import { type Issued, issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { anOrder } from '../../kit/records.ts';
import { refused } from '../../kit/refused.ts';
import { certIdOf, serialOf } from '../../kit/renewal.ts';

const names = ['old.test', 'im.old.test'];

for (const engine of engines) {
  describe(`an order that replaces a certificate (${engine})`, () => {
    const ca = opened(() => startCa({ engine, config: { policy: { duplicatesPerWeek: 1000 } } }));
    let member: string;
    let client: AcmeClient;
    let old: Issued;
    before(async () => {
      ({ id: member, client } = await ca.member());
      await ca.prove(member, 'old.test');
    });
    beforeEach(async () => {
      old = await issue(client, ca.net, names);
    });

    const replace = (what: object = {}, of = names, by = client): Promise<Answer> =>
      by.newOrder(of, { replaces: certIdOf(old.chain), ...what });
    const replaced = (issued = old) => isReplaced(ca.ctx.db, serialOf(issued.chain));

    it('says so, in the answer and ever after; valid, it has replaced the certificate', async () => {
      const answer = await replace();
      assert.equal(answer.status, 201, answer.body.toString());
      assert.equal(answer.json.replaces, certIdOf(old.chain));
      const url = String(answer.headers['location']);
      assert.deepEqual((await client.read(url)).json, answer.json);
      assert.equal(await replaced(), false);
      const csr = makeCsr(old.key, names).toString('base64url');
      const finalized = await client.post(answer.json.finalize, { csr });
      assert.deepEqual([finalized.json.status, finalized.json.replaces], ['valid', certIdOf(old.chain)]);
      assert.equal((await client.read(url)).json.replaces, certIdOf(old.chain));
      assert.equal(await replaced(), true);
    });

    it('needs one name in common, no more', async () => {
      assert.equal((await replace({}, ['im.old.test', 'new.old.test'])).status, 201);
    });

    it('is refused where none of its names is the certificate’s', async () => {
      refused(await replace({}, ['other.old.test']), 'malformed', 400, /none of the order's names, but old\.test, im\.old\.test/);
    });

    it('is refused to another account, one of the same member too', async () => {
      const { client: foreign } = await ca.member('Another');
      refused(await replace({}, names, foreign), 'unauthorized', 403, /another account/);
      const eab = await ca.run('eab create', { member });
      const second = await ca.client().open();
      await second.register({ eab });
      refused(await replace({}, names, second), 'unauthorized', 403, /another account/);
    });

    it('is malformed with a certID of no certificate, or with none', async () => {
      refused(await replace({ replaces: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE' }), 'malformed', 400, /not issued here/);
      for (const replaces of ['', 'x', 7, null, {}, `${certIdOf(old.chain)}=`])
        refused(await replace({ replaces }), 'malformed', 400, /authority key identifier/);
    });

    it('is alreadyReplaced while another one goes on, and after it', async () => {
      const first = await replace();
      const id = String(first.headers['location']).split('/').at(-1);
      refused(await replace(), 'alreadyReplaced', 409, new RegExp(`order ${id}, which is ready`));
      await client.post(first.json.finalize, { csr: makeCsr(old.key, names).toString('base64url') });
      refused(await replace(), 'alreadyReplaced', 409, new RegExp(`order ${id}, which is valid`));
      assert.equal((await client.newOrder(names)).status, 201, 'without "replaces" it is an order like any other');
    });

    it('is one of several that come at once', async () => {
      const nonces = [await client.takeNonce(), await client.takeNonce(), await client.takeNonce()];
      const payload = { identifiers: names.map(value => ({ type: 'dns', value })), replaces: certIdOf(old.chain) };
      const answers = await Promise.all(nonces.map(nonce => client.post(client.directory.newOrder, payload, { nonce })));
      assert.deepEqual(answers.map(a => a.status).sort(), [201, 409, 409]);
      const orders = await ca.ctx.db('orders').where({ replaces: serialOf(old.chain) });
      assert.equal(orders.length, 1);
    });

    it('waits for one that is being made', async () => {
      const { ctx } = ca;
      const serial = serialOf(old.chain);
      const certificate = await findCertificate(ctx.db, serial);
      assert.ok(certificate?.accountId);
      const order = anOrder(certificate.accountId, { replaces: { serial, certId: certIdOf(old.chain) }, expiresAt: ca.clock.now + 60 });
      const gate = { entered: () => {}, open: () => {} };
      const entered = new Promise<void>(resolve => Object.assign(gate, { entered: resolve }));
      const opened = new Promise<void>(resolve => Object.assign(gate, { open: resolve }));
      const first = ctx.db.transaction(async trx => {
        await refuseReplaced(ctx, trx, certificate);
        await insertOrder(trx, order);
        gate.entered();
        await opened;
      });
      await entered;
      const second = ctx.db.transaction(trx => refuseReplaced(ctx, trx, certificate));
      const outcome = assert.rejects(second, new RegExp(`The order ${order.id}, which is ready`));
      await new Promise(resolve => setTimeout(resolve, 50));
      gate.open();
      await first;
      await outcome;
    });

    it('leaves the certificate to another one when it has become invalid: stored, expired, or by an authorization', async () => {
      const invalid = await replace();
      const row = (answer: Answer) => ca.ctx.db('orders').where({ id: String(answer.headers['location']).split('/').at(-1) });
      await row(invalid).update({ state: 'invalid' });
      const expired = await replace();
      await row(expired).update({ expires_at: ca.clock.now });
      const deactivated = await replace();
      assert.equal(deactivated.status, 201, deactivated.body.toString());
      await client.post(deactivated.json.authorizations[0], { status: 'deactivated' });
      const last = await replace();
      assert.equal(last.status, 201, last.body.toString());
      assert.equal(await replaced(), false);
    });

    it('may replace one that was revoked', async () => {
      const certificate = new X509Certificate(old.chain).raw.toString('base64url');
      await client.post(client.directory.revokeCert, { certificate });
      assert.equal((await replace()).status, 201);
    });
  });
}
