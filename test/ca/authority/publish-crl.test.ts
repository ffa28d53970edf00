import assert from 'node:assert/strict';
import { publishCrls, publishDueCrls } from '../../../src/ca/authority/publish-crl.ts';
import { recoverCommitted } from '../../../src/ca/issuance/finalize.ts';
import { ocspResponder } from '../../../src/ca/revocation/answer-ocsp.ts';
import { revoke } from '../../../src/ca/revocation/revoke.ts';
import { operator } from '../../../src/model/audit.ts';
import type { Certificate } from '../../../src/model/certificate.ts';
import { shardOf } from '../../../src/pki/issue.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { newestCrl, newestCrls } from '../../../src/store/crls.ts';
import { releaseLease, takeLease } from '../../../src/store/leases.ts';
import { engines } from '../../kit/ca.ts';
import { crashedWhileSigning, issued, openTestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { ocspRequest, readCrl, readOcsp } from '../../kit/status.ts';

const day = 86400;

for (const engine of engines) {
  describe(`CRLs and OCSP (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }), 'each');

    const revokeNow = (certificate: Certificate) =>
      revoke(at.ctx, certificate, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
    const newest = () => newestCrl(at.ctx.db, { issuerId: at.ctx.authority.active.id, shard: 0 });
    const serials = async () => readCrl((await newest())?.der ?? Buffer.alloc(0), at.ctx.authority.active).serials;
    const published = async () => (await listAudit(at.ctx.db, { action: 'crl.published' })).length;

    it('come first at the start, then daily, with numbers that rise', async () => {
      await publishDueCrls(at.ctx);
      const first = await newest();
      assert.ok(first);
      assert.deepEqual(readCrl(first.der, at.ctx.authority.active), {
        serials: [],
        thisUpdate: at.clock.now,
        nextUpdate: at.clock.now + 7 * day,
      });
      await publishDueCrls(at.ctx);
      at.clock.now += day - 1;
      await publishDueCrls(at.ctx);
      assert.equal(await published(), 1);
      at.clock.now += 1;
      await publishDueCrls(at.ctx);
      assert.equal(await published(), 2);
      assert.ok(((await newest())?.number ?? 0) > first.number);
    });

    it('are published when asked, also twice in a second', async () => {
      const [one] = await publishCrls(at.ctx, operator);
      const [two] = await publishCrls(at.ctx, operator);
      assert.ok(one && two && two.number > one.number);
      assert.equal(two.thisUpdate, one.thisUpdate);
    });

    it('never lose their number or their time when the clock goes back', async () => {
      const [one] = await publishCrls(at.ctx, operator);
      at.clock.now -= day;
      const [two] = await publishCrls(at.ctx, operator);
      assert.ok(one && two && two.number > one.number && two.thisUpdate >= one.thisUpdate);
    });

    it('are due after a revocation, once', async () => {
      await publishDueCrls(at.ctx);
      at.clock.now += 10;
      const certificate = await issued(at);
      await publishDueCrls(at.ctx);
      assert.equal(await published(), 1);
      await revokeNow(certificate);
      await publishDueCrls(at.ctx);
      assert.deepEqual(await serials(), [certificate.serial]);
      for (let i = 0; i < 3; i++) {
        at.clock.now += 1;
        await publishDueCrls(at.ctx);
      }
      assert.ok((await published()) <= 3, 'once, and once more where it was the same second');
    });

    it('list what was revoked in the very second in which the one before was made', async () => {
      const certificate = await issued(at);
      await publishDueCrls(at.ctx);
      await revokeNow(certificate);
      at.clock.now += 1;
      await publishDueCrls(at.ctx);
      assert.deepEqual(await serials(), [certificate.serial]);
    });

    it('show an expired entry once more, then no more', async () => {
      const gone = await issued(at, ['a.test'], { order: { notAfter: at.clock.now + 5 * day } });
      const stays = await issued(at, ['b.test']);
      await revokeNow(gone);
      await revokeNow(stays);
      await publishCrls(at.ctx, operator);
      assert.deepEqual(await serials(), [gone.serial, stays.serial].sort());
      at.clock.now = gone.notAfter + 1;
      await publishCrls(at.ctx, operator);
      assert.deepEqual(await serials(), [gone.serial, stays.serial].sort(), 'RFC 5280 §3.3');
      at.clock.now += 1;
      await publishCrls(at.ctx, operator);
      assert.deepEqual(await serials(), [stays.serial]);
    });

    it('never list the short profile, of which OCSP knows nothing', async () => {
      const answer = ocspResponder(at.ctx);
      const short = await issued(at, ['short.test'], { order: { profile: 'xmpp-server-short' } });
      await revokeNow(short);
      await publishCrls(at.ctx, operator);
      assert.deepEqual(await serials(), []);
      assert.equal(readOcsp(await answer(ocspRequest(at.ctx, short.serial))).status, 'error 6');
    });

    it('count abandoned certificates as revoked, and committed ones as unknown', async () => {
      const answer = ocspResponder(at.ctx);
      const { serial } = await crashedWhileSigning(at);
      await publishCrls(at.ctx, operator);
      assert.deepEqual(await serials(), []);
      assert.equal(readOcsp(await answer(ocspRequest(at.ctx, serial))).status, 'error 6');
      at.clock.now += 600;
      await recoverCommitted(at.ctx);
      await publishDueCrls(at.ctx);
      assert.deepEqual(await serials(), [serial]);
      assert.equal(readOcsp(await answer(ocspRequest(at.ctx, serial))).status, 'revoked');
    });

    it('tell good from revoked at once', async () => {
      const answer = ocspResponder(at.ctx);
      const certificate = await issued(at);
      assert.equal(readOcsp(await answer(ocspRequest(at.ctx, certificate.serial))).status, 'good');
      await revokeNow(certificate);
      assert.equal(readOcsp(await answer(ocspRequest(at.ctx, certificate.serial))).status, 'revoked');
      assert.equal(readOcsp(await answer(ocspRequest(at.ctx, '01aabb'))).status, 'error 6', 'never issued');
      assert.equal(readOcsp(await answer(Buffer.from('nothing'))).status, 'error 1');
    });

    it('are published by one process of several, and a start does not fail where another is at the first one', async () => {
      const other = await at.another();
      const name = `crl:${at.ctx.authority.active.id}/0`;
      const lease = await takeLease(at.ctx.db, name, 'a third process', 60);
      assert.ok(lease);
      await publishDueCrls(at.ctx);
      assert.equal(await newest(), undefined);
      const waiting = publishCrls(at.ctx, operator);
      await releaseLease(at.ctx.db, lease);
      assert.equal((await waiting).length, 1, 'an operator waits for it');
      await Promise.all([publishDueCrls(at.ctx), publishDueCrls(other.ctx), publishDueCrls(other.ctx)]);
      assert.equal(await published(), 1);
    });
  });

  describe(`shards of a CRL (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine, config: { status: { crlShards: 4, crlDays: 2 } } }));
    const issuer = () => at.ctx.authority.active;
    const crl = (shard: number) => newestCrl(at.ctx.db, { issuerId: issuer().id, shard });
    const serials = async (shard: number) => readCrl((await crl(shard))?.der ?? Buffer.alloc(0), issuer()).serials;
    const numbers = async () => (await newestCrls(at.ctx.db)).filter(c => c.issuerId === issuer().id).map(c => c.number);

    it('are published besides the complete one, for as long as is configured', async () => {
      await publishDueCrls(at.ctx);
      assert.equal((await numbers()).length, 5);
      const { thisUpdate, nextUpdate } = readCrl((await crl(4))?.der ?? Buffer.alloc(0), issuer());
      assert.equal(nextUpdate - thisUpdate, 2 * day);
    });

    it('each list what names them, and are published again only for that', async () => {
      const certificate = await issued(at);
      const { shard, serial, der } = certificate;
      assert.equal(shard, shardOf(Buffer.from(serial, 'hex'), 4));
      assert.ok(Buffer.from(der ?? []).includes(`/crl/${issuer().id}/${shard}.crl`));
      await revoke(at.ctx, certificate, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
      at.clock.now += 1;
      const before = await numbers();
      await publishDueCrls(at.ctx);
      const after = await numbers();
      assert.deepEqual(
        [0, 1, 2, 3, 4].filter(n => after[n] !== before[n]),
        [0, shard],
      );
      for (const n of [0, shard]) assert.deepEqual(await serials(n), [serial]);
      assert.deepEqual(await serials((shard % 4) + 1), []);
    });

    it('once published go on for ever: certificates name them', async () => {
      const { config } = at.ctx;
      at.clock.now += day;
      const before = await numbers();
      await publishDueCrls({ ...at.ctx, config: { ...config, status: { ...config.status, crlShards: 1 } } });
      const after = await numbers();
      assert.ok(after.length === 5 && after.every((n, i) => n > (before[i] ?? 0)), `${before} ${after}`);
    });
  });
}
