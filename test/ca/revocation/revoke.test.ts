import assert from 'node:assert/strict';
import { recoverCommitted } from '../../../src/ca/issuance/finalize.ts';
import { deliverDue } from '../../../src/ca/mail/deliver.ts';
import { remindOfExpiry } from '../../../src/ca/members/remind.ts';
import { blockCompromisedKey, revoke, revokeMatching } from '../../../src/ca/revocation/revoke.ts';
import { operator } from '../../../src/model/audit.ts';
import type { Certificate } from '../../../src/model/certificate.ts';
import { hex } from '../../../src/model/encoding.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { findCertificate } from '../../../src/store/certificates.ts';
import { revocationCounts } from '../../../src/store/crls.ts';
import { newKey } from '../../kit/acme-client.ts';
import { engines } from '../../kit/ca.ts';
import { findCertificateByOrder } from '../../kit/certificate-of-order.ts';
import { finalizeOrder, issued, letClaimLapse, openTestCtx, readyOrder } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { storedMember } from '../../kit/records.ts';

for (const engine of engines) {
  describe(`revocation of many (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }), 'each');
    const reasonOf = async ({ serial }: Certificate) => (await findCertificate(at.ctx.db, serial))?.revocation?.reason;
    const sent = async () => {
      await at.ctx.background.settled();
      await deliverDue(at.ctx);
      return at.mail.sent.map(n => n.subject).filter(s => s.includes('revoked'));
    };

    it('revokes all that match, tells each member once, and shows how far it is', async () => {
      const [one, other] = [await storedMember(at.ctx), await storedMember(at.ctx)];
      const theirs = [await issued(at, ['a.test'], { member: one }), await issued(at, ['b.test'], { member: one })];
      const spared = await issued(at, ['c.test'], { member: other });
      assert.deepEqual(await at.run('cert revoke-all', { member: one.id, dryRun: true }), { matched: 2, revoked: 0, remaining: 2 });
      assert.equal(await reasonOf(theirs[0] as Certificate), undefined);
      const lines: number[] = [];
      const done = await revokeMatching(
        at.ctx,
        { member: one.id },
        { reason: 'privilegeWithdrawn', limit: 100, progress: n => lines.push(n) },
        operator,
      );
      assert.deepEqual([done, lines], [2, [2]]);
      for (const certificate of theirs) assert.equal(await reasonOf(certificate), 'privilegeWithdrawn');
      assert.equal(await reasonOf(spared), undefined);
      const [subject, ...more] = await sent();
      assert.match(subject ?? '', /^2 certificates revoked for [ab]\.test and 1 more$/);
      assert.deepEqual(more, []);
      assert.equal((await listAudit(at.ctx.db, { action: 'certificate.revoked' })).length, 2);
      const count = (await revocationCounts(at.ctx.db)).find(c => c.issuerId === at.ctx.authority.active.id);
      assert.equal(count?.revocations, 2);
    });

    it('leaves no notice behind, also where the one before is being delivered', async () => {
      const [one, other] = [await issued(at, ['a.test']), await issued(at, ['b.test'])];
      await deliverDue(at.ctx);
      const by = (certificate: Certificate) =>
        revoke(at.ctx, certificate, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
      let go = () => {};
      const held = new Promise<void>(resolve => {
        go = resolve;
      });
      const begun = new Promise<void>(resolve => {
        at.mail.hold = () => {
          resolve();
          return held;
        };
      });
      await by(one);
      await begun;
      await by(other);
      go();
      await at.ctx.background.settled();
      assert.equal(at.mail.sent.filter(n => n.subject.includes('revoked')).length, 2);
    });

    it('goes on where it was interrupted', async () => {
      const member = await storedMember(at.ctx);
      for (const name of ['a.test', 'b.test', 'c.test']) await issued(at, [name], { member });
      const call = () => at.run('cert revoke-all', { member: member.id, limit: 2 });
      assert.deepEqual(await call(), { matched: 3, revoked: 2, remaining: 1 });
      assert.deepEqual(await call(), { matched: 1, revoked: 1, remaining: 0 });
      assert.deepEqual(await call(), { matched: 0, revoked: 0, remaining: 0 });
    });

    it('wants to know which: not all by a slip', async () => {
      await assert.rejects(at.run('cert revoke-all', {}), /Say which certificates, by one or more of member, issuer/);
    });

    it('a compromised key takes with it everything that bears it, also of others, and is blocked for ever', async () => {
      const key = newKey();
      const [one, other] = [await storedMember(at.ctx), await storedMember(at.ctx)];
      const first = await issued(at, ['a.test'], { member: one, key });
      const second = await issued(at, ['b.test'], { member: other, key });
      const apart = await issued(at, ['c.test'], { member: other });
      await revoke(at.ctx, first, { reason: 'keyCompromise', revoker: { kind: 'key' }, actor: operator });
      assert.deepEqual(
        [await reasonOf(first), await reasonOf(second), await reasonOf(apart)],
        ['keyCompromise', 'keyCompromise', undefined],
      );
      assert.equal((await sent()).length, 2);
      const order = await readyOrder(at, ['d.test'], { member: one, key });
      await assert.rejects(finalizeOrder(at, order), /blocked for ever/);
      assert.deepEqual(
        (await at.run('key list')).map((k: { key: string }) => k.key),
        [hex(first.spkiHash)],
      );
      const [blocked] = await listAudit(at.ctx.db, { action: 'key.blocked' });
      const { serial, accountId: account, orderId } = first;
      const through = { key: hex(first.spkiHash), serial, order: orderId, member: one.id, account };
      assert.deepEqual(blocked?.subject, through, 'through which certificate');
    });

    it('by key compromise, all that match and whatever else bears their keys is counted, and each key is blocked once', async () => {
      const [key, member, other] = [newKey(), await storedMember(at.ctx), await storedMember(at.ctx)];
      for (const name of ['a.test', 'b.test']) await issued(at, [name], { member, key });
      await issued(at, ['c.test'], { member });
      const elsewhere = await issued(at, ['d.test'], { member: other, key });
      const done = await at.run('cert revoke-all', { member: member.id, reason: 'keyCompromise' });
      assert.deepEqual(done, { matched: 3, revoked: 4, remaining: 0 });
      assert.equal(await reasonOf(elsewhere), 'keyCompromise');
      assert.equal((await at.run('key list')).length, 2);
      const blocked = await listAudit(at.ctx.db, { action: 'key.blocked', subject: { member: member.id } });
      assert.equal(blocked.length, 2);
      assert.equal((await listAudit(at.ctx.db, { action: 'certificate.revoked' })).length, 4);
      await at.run('key block', { key: hex(elsewhere.spkiHash) });
      assert.equal((await listAudit(at.ctx.db, { action: 'key.blocked' })).length, 2);
    });

    it('a key is blocked through a certificate that has expired too, which stays as it is', async () => {
      const [one, other] = [newKey(), newKey()];
      const ended = [await issued(at, ['a.test'], { key: one }), await issued(at, ['b.test'], { key: other })] as const;
      const unasked = await issued(at, ['c.test']);
      at.clock.now += 90 * 86400;
      const living = [await issued(at, ['a.test'], { key: one }), await issued(at, ['b.test'], { key: other })] as const;
      const before = await revocationCounts(at.ctx.db);
      assert.equal(await revoke(at.ctx, ended[0], { reason: 'keyCompromise', revoker: { kind: 'key' }, actor: operator }), undefined);
      const { serial } = ended[1];
      assert.deepEqual(await at.run('cert revoke', { serial, reason: 'keyCompromise' }), {
        serial,
        status: 'expired',
        reason: 'keyCompromise',
      });
      for (const certificate of ended) assert.equal(await reasonOf(certificate), undefined);
      for (const certificate of living) assert.equal(await reasonOf(certificate), 'keyCompromise');
      assert.deepEqual(
        (await revocationCounts(at.ctx.db)).map(c => c.revocations),
        before.map(c => c.revocations + (c.issuerId === at.ctx.authority.active.id ? 2 : 0)),
      );
      assert.equal((await at.run('key list')).length, 2);
      for (const [reason, kind] of [
        ['superseded', 'operator'],
        ['superseded', 'key'],
        ['keyCompromise', 'account'],
      ] as const)
        await assert.rejects(revoke(at.ctx, unasked, { reason, revoker: { kind, id: 'a' }, actor: operator }), /has expired/);
      assert.equal((await at.run('key list')).length, 2);
    });

    it('a key that is blocked while a certificate of it is being signed: the certificate is not given out', async () => {
      const key = newKey();
      const { spkiHash } = await issued(at, ['a.test'], { key });
      const order = await readyOrder(at, ['b.test'], { key });
      const { signer } = at.ctx.authority.active;
      const { sign } = signer;
      signer.sign = async bytes => {
        signer.sign = sign;
        await blockCompromisedKey(at.ctx, hex(spkiHash), 'heard just now', operator);
        return sign(bytes);
      };
      await assert.rejects(finalizeOrder(at, order), /blocked for ever/);
      const row = await findCertificateByOrder(at.ctx.db, order.order.id);
      assert.equal(row?.state, 'committed');
      await letClaimLapse(at, row.serial);
      await recoverCommitted(at.ctx);
      assert.equal((await findCertificate(at.ctx.db, row.serial))?.state, 'abandoned');
    });

    it('a key that its holder reports at the same time as another revokes is blocked all the same', async () => {
      const certificate = await issued(at, ['a.test']);
      await revoke(at.ctx, certificate, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
      // As it was read before the other one's commit.
      const report = revoke(at.ctx, certificate, { reason: 'keyCompromise', revoker: { kind: 'key' }, actor: operator });
      await assert.rejects(report, /was revoked.*; its key is now blocked/);
      assert.equal((await at.run('key list')).length, 1);
    });

    if (engine === 'postgres')
      it('many at once, of one key, wait for each other and never for ever', async () => {
        const key = newKey();
        const bearers: Certificate[] = [];
        for (let i = 0; i < 8; i++) bearers.push(await issued(at, [`k${i}.test`], { key }));
        const [first, ...others] = bearers as [Certificate, ...Certificate[]];
        const report = revoke(at.ctx, first, { reason: 'keyCompromise', revoker: { kind: 'key' }, actor: operator });
        const all = [
          report,
          ...others.map(c => revoke(at.ctx, c, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator })),
        ];
        const failures = (await Promise.allSettled(all)).flatMap(r => (r.status === 'rejected' ? [String(r.reason)] : []));
        assert.deepEqual(
          failures.filter(f => !/was revoked/.test(f)),
          [],
        );
        for (const certificate of bearers) assert.ok(await reasonOf(certificate));
      });

    it('goes on beside the moving of windows and beside reminders', async () => {
      const member = await storedMember(at.ctx);
      const serials: string[] = [];
      for (let i = 0; i < 24; i++) serials.push((await issued(at, [`w${i}.test`], { member })).serial);
      at.clock.now += 75 * 86400;
      const rounds = Array.from({ length: 6 }, () => [
        at.run('renewal move', { member: member.id }),
        remindOfExpiry(at.ctx),
        at.run('cert revoke-all', { member: member.id, limit: 4 }),
      ]);
      await Promise.all(rounds.flat());
      for (const serial of serials) assert.equal((await at.run('cert show', { serial }))['status'], 'revoked');
    });

    it('an operator who has heard of a key blocks it', async () => {
      const key = newKey();
      const bearer = await issued(at, ['a.test'], { key });
      const shown = await at.run('key block', { key: hex(bearer.spkiHash), why: 'found in a public repository' });
      assert.deepEqual(shown['revoked'], [bearer.serial]);
      assert.equal(await reasonOf(bearer), 'keyCompromise');
      assert.deepEqual((await at.run('key block', { key: hex(bearer.spkiHash) }))['revoked'], []);
      assert.equal((await at.run('key list'))[0].why, 'found in a public repository');
    });

    it('a member that is suspended or leaves takes its certificates with it only where that is said', async () => {
      const member = await storedMember(at.ctx);
      const certificate = await issued(at, ['a.test'], { member });
      const suspended = await at.run('member suspend', { id: member.id });
      assert.deepEqual([suspended['status'], suspended['certificates'], suspended['revoked']], ['suspended', 1, 0]);
      assert.equal(await reasonOf(certificate), undefined);
      const left = await at.run('member remove', { id: member.id, revoke: true });
      assert.deepEqual([left['status'], left['certificates'], left['revoked']], ['left', 0, 1]);
      assert.equal(await reasonOf(certificate), 'privilegeWithdrawn');
      await assert.rejects(at.run('member suspend', { id: member.id }), /is left, not active/);
      assert.equal((await at.run('member activate', { id: member.id }))['status'], 'active');
    });
  });
}
