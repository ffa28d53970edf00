import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { endProofs } from '../../../src/ca/domains/prove-domain.ts';
import { recoverCommitted } from '../../../src/ca/issuance/finalize.ts';
import { operator } from '../../../src/model/audit.ts';
import { readCsr } from '../../../src/pki/csr.ts';
import { moveToDeactivated } from '../../../src/store/accounts.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { moveAuthorization } from '../../../src/store/authorizations.ts';
import { blockKey } from '../../../src/store/blocked-keys.ts';
import { claimCommitted, findCertificate } from '../../../src/store/certificates.ts';
import { revokedIn } from '../../../src/store/crls.ts';
import { moveMember } from '../../../src/store/members.ts';
import { findOrder } from '../../../src/store/orders.ts';
import { listMessages } from '../../../src/store/outbox.ts';
import { insertProof } from '../../../src/store/proofs.ts';
import { all } from '../../kit/all.ts';
import { engines } from '../../kit/ca.ts';
import { findCertificateByOrder } from '../../kit/certificate-of-order.ts';
import { crashedWhileSigning, finalizeOrder, issued, openTestCtx, readyOrder } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { anId, aProof, storedMember } from '../../kit/records.ts';

for (const engine of engines) {
  describe(`finalization (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));
    afterEach(() => at.ctx.background.settled());

    const actionsOf = async (serial: string) =>
      (await listAudit(at.ctx.db))
        .toReversed()
        .filter(e => e.subject['serial'] === serial)
        .map(e => `${e.action} by ${e.who}`);
    const noticesOf = async (serial: string) =>
      (await listMessages(at.ctx.db, ['queued', 'sent', 'dead'])).filter(m => m.kind === 'issued' && m.refs.serial === serial).length;

    async function isIssued(serial: string, orderId: string): Promise<void> {
      const certificate = await findCertificate(at.ctx.db, serial);
      assert.equal(certificate?.state, 'issued');
      const leaf = new X509Certificate(certificate.der ?? Buffer.alloc(0));
      assert.ok(leaf.verify(new X509Certificate(at.ctx.authority.active.certificate).publicKey));
      assert.ok(Buffer.from(leaf.raw).includes(Buffer.from(certificate.tbs)), 'the stored bytes were signed');
      assert.equal((await findOrder(at.ctx.db, orderId))?.state, 'valid');
      assert.equal(await noticesOf(serial), 1);
    }

    async function isAbandoned(serial: string, orderId: string, reason: RegExp): Promise<void> {
      const certificate = await findCertificate(at.ctx.db, serial);
      assert.equal(certificate?.state, 'abandoned');
      assert.equal(certificate.der, undefined);
      assert.equal(certificate.revocation?.reason, 'cessationOfOperation');
      const order = await findOrder(at.ctx.db, orderId);
      assert.equal(order?.state, 'invalid');
      assert.match(order?.error?.detail ?? '', reason);
      assert.equal((await actionsOf(serial)).at(-1), 'certificate.abandoned by clock');
      assert.equal(await noticesOf(serial), 0);
      const listed = await all(revokedIn(at.ctx.db, { issuerId: certificate.issuerId, shard: 0 }, at.ctx.now(), []));
      assert.ok(listed.some(e => e.serial === serial));
    }

    it('commits, signs and tells, in this order', async () => {
      const { serial, orderId, accountId } = await issued(at);
      await isIssued(serial, orderId ?? '');
      const who = `account:${accountId}`;
      assert.deepEqual(await actionsOf(serial), [`certificate.committed by ${who}`, `certificate.issued by ${who}`]);
    });

    it('does nothing when it is repeated with the same CSR, and refuses another', async () => {
      const ready = await readyOrder(at);
      await finalizeOrder(at, ready);
      const done = (await findOrder(at.ctx.db, ready.order.id)) ?? ready.order;
      await finalizeOrder(at, { ...ready, order: done });
      const other = await readyOrder(at);
      await assert.rejects(finalizeOrder(at, { ...ready, order: done, csr: other.csr }), { type: 'orderNotReady' });
      assert.equal((await at.ctx.db('certificates').where({ order_id: ready.order.id })).length, 1);
    });

    it('asked twice at once issues once; with the same CSR both get the order, with another the second is refused', async () => {
      const ready = await readyOrder(at);
      const orders = await Promise.all([finalizeOrder(at, ready), finalizeOrder(at, ready)]);
      assert.equal(new Set(orders.map(o => o.serial)).size, 1);
      const contested = await readyOrder(at);
      const { csr } = await readyOrder(at, contested.order.names);
      const asked = await Promise.allSettled([finalizeOrder(at, contested), finalizeOrder(at, { ...contested, csr })]);
      assert.equal(asked.filter(a => a.status === 'fulfilled').length, 1);
      assert.equal((await at.ctx.db('certificates').where({ order_id: ready.order.id })).length, 1);
      const certificate = await findCertificateByOrder(at.ctx.db, ready.order.id);
      await isIssued(certificate?.serial ?? '', ready.order.id);
    });

    it('refuses a key that was blocked while CAA was looked up, and an order without an authorization for each name', async () => {
      const ready = await readyOrder(at);
      const { net } = at.ctx;
      const caa = net.caa;
      const key = readCsr(ready.csr, new Set()).publicKey;
      net.caa = async name => {
        await blockKey(at.ctx.db, key.spkiHash, Buffer.from('sealed'), at.clock.now);
        return caa.call(net, name);
      };
      await assert.rejects(finalizeOrder(at, ready), { type: 'badCSR' }).finally(() => {
        net.caa = caa;
      });
      const bare = await readyOrder(at);
      await at.ctx.db('orders').where({ id: bare.order.id }).update({ authorization_ids: '[]' });
      await assert.rejects(finalizeOrder(at, { ...bare, order: { ...bare.order, authorizationIds: [] } }), { type: 'orderNotReady' });
      for (const { order } of [ready, bare]) assert.equal((await at.ctx.db('certificates').where({ order_id: order.id })).length, 0);
    });

    it('reads membership, account, authorization and proof again as it commits, and leaves nothing where one has ended', async () => {
      const ends: ((ready: Awaited<ReturnType<typeof readyOrder>>) => Promise<unknown>)[] = [
        ({ member }) => moveMember(at.ctx.db, member.id, 'active', 'suspended', at.ctx.now()),
        ({ account }) => moveToDeactivated(at.ctx.db, account, at.ctx.now()),
        ({ authorizations: [a] }) => moveAuthorization(at.ctx.db, a?.id ?? '', 'valid', 'deactivated'),
      ];
      for (const end of ends) {
        const ready = await readyOrder(at);
        // While CAA is looked up, after all was well.
        at.net.delay = async () => {
          at.net.delay = undefined;
          await end(ready);
        };
        await assert.rejects(finalizeOrder(at, ready));
        assert.equal((await findOrder(at.ctx.db, ready.order.id))?.state, 'open');
        assert.equal(await findCertificateByOrder(at.ctx.db, ready.order.id), undefined);
      }
    });

    describe('after a crash between commit and signature', () => {
      it('is taken up with the stored bytes, and the order becomes valid', async () => {
        const { serial, order } = await crashedWhileSigning(at);
        assert.equal((await findOrder(at.ctx.db, order.id))?.state, 'processing');
        assert.equal(await noticesOf(serial), 0);
        await recoverCommitted(at.ctx);
        await isIssued(serial, order.id);
        assert.deepEqual((await actionsOf(serial)).at(-1), 'certificate.issued by clock');
      });

      it('is left alone while its writer holds it', async () => {
        const { serial, order } = await crashedWhileSigning(at);
        await at.ctx.db('certificates').where({ serial }).update({ claim_until: 4_000_000_000 });
        await recoverCommitted(at.ctx);
        assert.equal((await findOrder(at.ctx.db, order.id))?.state, 'processing');
        await at.ctx.db('certificates').where({ serial }).update({ claim_until: 0 });
        await recoverCommitted(at.ctx);
        await isIssued(serial, order.id);
      });

      it('is given up where the member was suspended meanwhile', async () => {
        const { serial, order, member } = await crashedWhileSigning(at);
        await moveMember(at.ctx.db, member.id, 'active', 'suspended', at.ctx.now());
        await recoverCommitted(at.ctx);
        await isAbandoned(serial, order.id, /suspended/);
      });

      it('is given up where the account was deactivated meanwhile', async () => {
        const { serial, order, account } = await crashedWhileSigning(at);
        await moveToDeactivated(at.ctx.db, account, at.ctx.now());
        await recoverCommitted(at.ctx);
        await isAbandoned(serial, order.id, /deactivated/);
      });

      it('is given up where an authorization ended meanwhile', async () => {
        const { serial, order, authorizations } = await crashedWhileSigning(at, ['im.test', 'b.im.test']);
        await moveAuthorization(at.ctx.db, authorizations[1]?.id ?? '', 'valid', 'deactivated');
        await recoverCommitted(at.ctx);
        await isAbandoned(serial, order.id, /authorization of b\.im\.test is deactivated/);
      });

      it('is given up where the proof behind it was revoked meanwhile, or lapsed', async () => {
        const member = await storedMember(at.ctx);
        const proof = aProof(member.id, 'im.test', { status: 'valid', expiresAt: at.ctx.now() + 86400 });
        await insertProof(at.ctx.db, proof);
        const proved = { member, authorization: { proofId: proof.id, method: 'email-mailbox-01' } } as const;
        const first = await crashedWhileSigning(at, undefined, proved);
        await at.ctx.db('domain_proofs').where({ id: proof.id }).update({ expires_at: at.ctx.now() });
        await recoverCommitted(at.ctx);
        await isAbandoned(first.serial, first.order.id, /proof behind im\.test has ended/);
        await at.ctx.db('domain_proofs').where({ id: proof.id }).update({ expires_at: proof.expiresAt });
        const second = await crashedWhileSigning(at, undefined, proved);
        await endProofs(at.ctx, [proof], operator);
        await recoverCommitted(at.ctx);
        await isAbandoned(second.serial, second.order.id, /authorization of im\.test is revoked/);
      });

      it('is given up where CAA forbids it by now', async () => {
        const name = `${anId()}.test`;
        const { serial, order } = await crashedWhileSigning(at, [name]);
        at.net.dns.caa.set(name, [{ critical: false, tag: 'issue', value: ';' }]);
        await recoverCommitted(at.ctx);
        await isAbandoned(serial, order.id, /CAA/);
      });

      it('is given up where its key was blocked meanwhile', async () => {
        const { serial, order } = await crashedWhileSigning(at);
        await blockKey(
          at.ctx.db,
          (await findCertificate(at.ctx.db, serial))?.spkiHash ?? Buffer.alloc(0),
          Buffer.from('sealed'),
          at.ctx.now(),
        );
        await recoverCommitted(at.ctx);
        await isAbandoned(serial, order.id, /blocked/);
      });

      it('is given up after ten minutes', async () => {
        const { serial, order } = await crashedWhileSigning(at);
        at.clock.now += 600;
        await recoverCommitted(at.ctx);
        await isAbandoned(serial, order.id, /interrupted for too long/);
        const late = await crashedWhileSigning(at);
        at.clock.now += 599;
        await recoverCommitted(at.ctx);
        await isIssued(late.serial, late.order.id);
      });

      it('is never signed where somebody altered the row', async () => {
        const alter: ((row: { tbs: Buffer; names: string }) => Record<string, unknown>)[] = [
          ({ tbs }) => ({ tbs: Buffer.concat([tbs.subarray(0, -1), Buffer.of((tbs.at(-1) ?? 0) ^ 1)]) }),
          () => ({ names: JSON.stringify(['victim.test']) }),
          () => ({ profile: 'xmpp-server-short' }),
          () => ({ member_id: 'somebodyelse' }),
          () => ({ account_id: 'somebodyelse' }),
          () => ({ mac: Buffer.alloc(32) }),
          () => ({ not_after: 4_000_000_000 }),
          () => ({ spki_hash: Buffer.alloc(32) }),
          () => ({ committed_at: at.ctx.now() + 1 }),
        ];
        const { signer } = at.ctx.authority.active;
        const { sign } = signer;
        for (const change of alter) {
          const { serial, order } = await crashedWhileSigning(at);
          const row = await at.ctx.db('certificates').where({ serial }).first();
          await at.ctx.db('certificates').where({ serial }).update(change(row));
          signer.sign = async () => assert.fail('the key was used');
          await recoverCommitted(at.ctx);
          signer.sign = sign;
          await isAbandoned(serial, order.id, /internal error/);
        }
      });

      it('is never signed where a row was moved to another order', async () => {
        const { serial, order } = await crashedWhileSigning(at);
        const other = await readyOrder(at);
        await at.ctx.db('certificates').where({ serial }).update({ order_id: other.order.id });
        await recoverCommitted(at.ctx);
        const certificate = await findCertificate(at.ctx.db, serial);
        assert.deepEqual([certificate?.state, certificate?.der], ['abandoned', undefined]);
        assert.equal((await findOrder(at.ctx.db, order.id))?.state, 'processing', 'what was cut off by hand stays');
        assert.equal((await findOrder(at.ctx.db, other.order.id))?.state, 'open');
      });

      it('is taken up by one of two processes', async () => {
        const other = await at.another();
        const left: { serial: string; orderId: string }[] = [];
        for (let i = 0; i < 5; i++) {
          const { serial, order } = await crashedWhileSigning(at);
          left.push({ serial, orderId: order.id });
        }
        await Promise.all([recoverCommitted(at.ctx), recoverCommitted(other.ctx)]);
        // Who lost a race for a row ended its round; nothing is left for another.
        await recoverCommitted(at.ctx);
        for (const { serial, orderId } of left) {
          await isIssued(serial, orderId);
          assert.equal((await actionsOf(serial)).filter(a => a.startsWith('certificate.issued')).length, 1);
        }
        await other.ctx.background.settled();
      });

      it('leaves a process whose claim was taken over with nothing to say', async () => {
        const ready = await readyOrder(at);
        const { signer } = at.ctx.authority.active;
        const { sign } = signer;
        // It signs so slowly that another takes the row up and finishes first.
        signer.sign = async tbs => {
          signer.sign = sign;
          await at.ctx.db('certificates').where({ order_id: ready.order.id }).update({ claim_until: 0 });
          await recoverCommitted(at.ctx);
          return sign(tbs);
        };
        await assert.rejects(finalizeOrder(at, ready), /another process/);
        const certificate = await findCertificateByOrder(at.ctx.db, ready.order.id);
        await isIssued(certificate?.serial ?? '', ready.order.id);
      });

      it('gives up a certificate of our own, whose key went with the process', async () => {
        const own = await issued(at);
        await at.ctx
          .db('certificates')
          .where({ serial: own.serial })
          .update({ state: 'committed', der: null, order_id: null, claim_until: 0 });
        await recoverCommitted(at.ctx);
        assert.equal((await findCertificate(at.ctx.db, own.serial))?.state, 'abandoned');
        assert.equal(await claimCommitted(at.ctx.db, 30), undefined);
      });
    });
  });
}
