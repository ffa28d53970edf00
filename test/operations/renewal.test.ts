import assert from 'node:assert/strict';
import { listAudit } from '../../src/store/audit.ts';
import { findCertificate } from '../../src/store/certificates.ts';
import { engines } from '../kit/ca.ts';
import { issued, openTestCtx } from '../kit/ctx.ts';
import { opened } from '../kit/opened.ts';
import { storedMember } from '../kit/records.ts';

const day = 86400;
const rfc3339 = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');

for (const engine of engines) {
  describe(`the renewal operations (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));

    /** A member with a certificate for each name. */
    async function fleet(...names: string[]) {
      const member = await storedMember(at.ctx);
      const certificates = [];
      for (const name of names) certificates.push(await issued(at, [name], { member }));
      return { member, certificates, filter: { member: member.id } };
    }
    const windowOf = async (serial: string) => (await findCertificate(at.ctx.db, serial))?.movedWindow;
    const events = (action: 'renewal.moved' | 'renewal.reset') => listAudit(at.ctx.db, { action }).then(events => events.toReversed());

    it('move the windows of what matches to the next day, and record filter and number', async () => {
      const { filter, certificates } = await fleet('one.test', 'two.test');
      const other = await issued(at, ['other.test']);
      const now = at.ctx.now();
      const window = { start: now, end: now + day };
      assert.deepEqual(await at.run('renewal move', filter), {
        matched: 2,
        moved: 2,
        start: rfc3339(window.start),
        end: rfc3339(window.end),
      });
      for (const { serial } of certificates) assert.deepEqual(await windowOf(serial), window);
      assert.equal(await windowOf(other.serial), undefined);
      const event = (await events('renewal.moved')).at(-1);
      assert.equal(event?.who, 'operator');
      assert.deepEqual(event?.detail, { filter, window, certificates: 2 });
    });

    it('take times, and a page that says why; a start alone means a day from then', async () => {
      const { filter, certificates } = await fleet('times.test');
      const [serial = ''] = certificates.map(c => c.serial);
      const explanation = 'https://ca.test/why';
      await at.run('renewal move', { ...filter, start: '2026-10-01T00:00:00Z', end: '2026-10-01T06:00:00+02:00', explanation });
      assert.deepEqual(await windowOf(serial), { start: 1790812800, end: 1790827200, explanation });
      await at.run('renewal move', { ...filter, start: '2026-10-01T00:00:00Z' });
      assert.deepEqual(await windowOf(serial), { start: 1790812800, end: 1790812800 + day });
    });

    it('touch nothing in a dry run', async () => {
      const { filter, certificates } = await fleet('dry.test');
      const before = (await events('renewal.moved')).length;
      assert.deepEqual(await at.run('renewal move', { ...filter, dryRun: true }).then(o => [o.matched, o.moved]), [1, 0]);
      assert.equal(await windowOf(certificates[0]?.serial ?? ''), undefined);
      assert.equal((await events('renewal.moved')).length, before);
      await at.run('renewal move', filter);
      assert.deepEqual(await at.run('renewal reset', { ...filter, dryRun: true }), { matched: 1, reset: 0 });
      assert.ok(await windowOf(certificates[0]?.serial ?? ''));
    });

    it('leave what is revoked or expired alone, and record nothing where nothing matches', async () => {
      const { filter, certificates } = await fleet('gone.test');
      await at.run('cert revoke', { serial: certificates[0]?.serial ?? '' });
      const before = (await events('renewal.moved')).length;
      assert.deepEqual(await at.run('renewal move', filter).then(o => [o.matched, o.moved]), [0, 0]);
      assert.equal((await events('renewal.moved')).length, before);
    });

    it('take a move back', async () => {
      const { filter, certificates } = await fleet('back.test', 'never.back.test');
      await at.run('renewal move', { ...filter, name: 'back.test' });
      assert.deepEqual(await at.run('renewal reset', filter), { matched: 1, reset: 1 });
      for (const { serial } of certificates) assert.equal(await windowOf(serial), undefined);
      assert.deepEqual((await events('renewal.reset')).at(-1)?.detail, { filter, certificates: 1 });
      assert.deepEqual(await at.run('renewal reset', filter), { matched: 0, reset: 0 });
    });

    it('say how far a replacement has come', async () => {
      const { member, filter } = await fleet('a.far.test', 'b.far.test', 'c.far.test');
      assert.deepEqual(await at.run('renewal status', filter), { matched: 3, moved: 0, replaced: 0, remaining: 0 });
      await at.run('renewal move', filter);
      at.clock.now += 60;
      await issued(at, ['b.far.test'], { member });
      assert.deepEqual(await at.run('renewal status', filter), { matched: 4, moved: 3, replaced: 1, remaining: 2 });
    });

    it('work through more than one batch', async () => {
      const { member, certificates } = await fleet('many.test');
      const row = await at.ctx.db('certificates').where({ serial: certificates[0]?.serial }).first();
      const copies = Array.from({ length: 2000 }, (_, i) => ({
        ...row,
        serial: `02${String(i).padStart(30, '0')}`,
        order_id: `copy-${i}`,
      }));
      await at.ctx.db.batchInsert('certificates', copies, 100);
      const before = (await events('renewal.moved')).length;
      assert.deepEqual(await at.run('renewal move', { member: member.id }).then(o => [o.matched, o.moved]), [2001, 2001]);
      const numbers = (await events('renewal.moved')).slice(before).map(e => e.detail?.['certificates']);
      assert.deepEqual(numbers, [1000, 1000, 1]);
      assert.equal((await at.run('renewal status', { member: member.id })).moved, 2001);
      assert.deepEqual(await at.run('renewal reset', { member: member.id }), { matched: 2001, reset: 2001 });
    });

    it('refuse to move all there are by a slip, and a window that ends before it starts', async () => {
      await assert.rejects(at.run('renewal move'), /Say which certificates, by one or more of member, issuer/);
      await assert.rejects(at.run('renewal reset', { dryRun: true }), /Say which certificates/);
      await at.run('renewal status');
      const { filter } = await fleet('wrong.test');
      await assert.rejects(at.run('renewal move', { ...filter, end: '2020-01-01T00:00:00Z' }), /not after its start/);
    });

    const wrong: [string, object, RegExp][] = [
      ['a time', { start: 'tomorrow' }, /is a time of RFC 3339/],
      ['a time of the filter', { issuedAfter: '2026-02-30T00:00:00Z' }, /is a time of RFC 3339/],
      ['a key', { key: 'abcd' }, /SHA-256 of the key/],
      ['a serial', { serial: 'xyz' }, /serial number in hex/],
      ['a profile', { profile: 'other' }, /xmpp-server/],
      ['a page', { explanation: 'javascript:alert(1)' }, /http or https URL/],
    ];
    for (const [what, input, message] of wrong)
      it(`refuse ${what} that is none`, () => assert.rejects(at.run('renewal move', { member: 'abc', ...input }), message));

    it('are given a key as cert show has it, in any case and with colons', async () => {
      const { certificates } = await fleet('key.test');
      const shown = await at.run('cert show', { serial: certificates[0]?.serial ?? '' });
      const key = shown.key.toUpperCase().replace(/..(?!$)/g, '$&:');
      assert.equal((await at.run('renewal move', { key, dryRun: true })).matched, 1);
      assert.equal((await at.run('cert list', { key })).length, 1);
    });
  });
}
