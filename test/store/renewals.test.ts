import assert from 'node:assert/strict';
import type { Certificate } from '../../src/model/certificate.ts';
import { commitCertificate, findCertificate, firstFence, moveCertificate, revokeCertificates } from '../../src/store/certificates.ts';
import { insertOrder, moveOrder, ordersReplacing } from '../../src/store/orders.ts';
import { countProgress, isReplaced, livingSerials, nthNewestOfNames, setWindow } from '../../src/store/renewals.ts';
import { onEachEngine } from '../kit/database.ts';
import { aCertificate, anId, anOrder, at0, bytes, storedAccount } from '../kit/records.ts';

onEachEngine('the store of renewals', at => {
  async function issued(more: Partial<Certificate> = {}): Promise<Certificate> {
    const certificate = aCertificate({ orderId: anId(), ...more });
    await commitCertificate(at.db, certificate, 30);
    await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der: bytes('der') });
    return certificate;
  }

  it('moves windows, and takes that back', async () => {
    const memberId = anId();
    const [one, two] = [await issued({ memberId }), await issued({ memberId })];
    const window = { start: at0, end: at0 + 1, explanation: 'https://ca.test/why' };
    await setWindow(at.db, [one.serial], window);
    await setWindow(at.db, [two.serial], { start: at0, end: at0 + 1 });
    assert.deepEqual((await findCertificate(at.db, one.serial))?.movedWindow, window);
    assert.deepEqual((await findCertificate(at.db, two.serial))?.movedWindow, { start: at0, end: at0 + 1 });
    await setWindow(at.db, [one.serial], undefined);
    assert.equal((await findCertificate(at.db, one.serial))?.movedWindow, undefined);
    const serials = (isMoved: boolean) => livingSerials(at.db, { member: memberId }, at0, { after: '', limit: 10, isMoved });
    assert.deepEqual(await serials(true), [two.serial]);
    assert.deepEqual(await serials(false), [one.serial, two.serial].sort());
  });

  it('lists serials of the living in order, in parts', async () => {
    const memberId = anId();
    const all = [];
    for (let i = 0; i < 5; i++) all.push((await issued({ memberId })).serial);
    const revoked = await issued({ memberId });
    await revokeCertificates(at.db, [revoked.serial], { at: at0, reason: 'superseded', by: 'operator' });
    await issued({ memberId, notAfter: at0 - 1 });
    await issued();
    const part = (after: string, limit: number) => livingSerials(at.db, { member: memberId }, at0, { after, limit, isMoved: false });
    const sorted = all.sort();
    assert.deepEqual(await part('', 2), sorted.slice(0, 2));
    assert.deepEqual(await part(sorted[1] ?? '', 10), sorted.slice(2));
    assert.deepEqual(await part(sorted[4] ?? '', 10), []);
  });

  describe('a certificate is replaced', () => {
    let old: Certificate;
    const names = ['a.test', 'b.test'];
    beforeEach(async () => {
      old = await issued({ memberId: anId(), accountId: anId(), names });
    });
    const replaced = () => isReplaced(at.db, old.serial);

    it('by a valid order that says so, and by no other', async () => {
      const account = await storedAccount(at.db);
      const order = anOrder(account.id, { names: ['c.test'], replaces: { serial: old.serial, certId: 'x.y' } });
      await insertOrder(at.db, order);
      assert.deepEqual(await ordersReplacing(at.db, old.serial), [order]);
      assert.equal(await replaced(), false);
      await moveOrder(at.db, order.id, 'open', 'processing');
      await moveOrder(at.db, order.id, 'processing', 'valid');
      assert.equal(await replaced(), true);
      const failed = anOrder(account.id, { state: 'invalid', replaces: { serial: old.serial, certId: 'x.y' } });
      await insertOrder(at.db, failed);
      assert.deepEqual(
        (await ordersReplacing(at.db, old.serial)).map(o => o.id),
        [order.id],
      );
    });

    const newer = (): Partial<Certificate> => ({
      memberId: old.memberId as string,
      accountId: anId(),
      names,
      committedAt: old.committedAt + 1,
      notAfter: old.notAfter + 1,
    });
    const replacing: Record<string, Partial<Certificate>> = {
      'with the same names': {},
      'with the same names in another order': { names: ['b.test', 'a.test'] },
      'with more names': { names: ['0.test', 'a.test', 'b.test', 'c.test'] },
      'that ends at the same time': { notAfter: at0 + 90 * 86400 },
    };
    for (const [what, more] of Object.entries(replacing))
      it(`by a newer one of the member ${what}`, async () => {
        await issued({ ...newer(), ...more });
        assert.equal(await replaced(), true);
      });

    const others: Record<string, Partial<Certificate>> = {
      'that lacks a name': { names: ['a.test', 'c.test'] },
      'that lacks the first name': { names: ['b.test', 'c.test'] },
      'of another member': { memberId: anId() },
      'that is older': { committedAt: at0 - 1 },
      'that ends sooner': { notAfter: at0 + 86400 },
    };
    for (const [what, more] of Object.entries(others))
      it(`not by one ${what}`, async () => {
        await issued({ ...newer(), ...more });
        assert.equal(await replaced(), false);
      });

    it('not by one that is revoked, or was never issued', async () => {
      const { serial } = await issued(newer());
      await revokeCertificates(at.db, [serial], { at: at0, reason: 'superseded', by: 'operator' });
      await commitCertificate(at.db, aCertificate({ ...newer(), orderId: anId() }), 30);
      assert.equal(await replaced(), false);
    });

    it('by one of the same account, where that belongs to no member', async () => {
      const accountId = anId();
      const { serial } = await issued({ accountId, names });
      await issued({ accountId: anId(), names, committedAt: at0 + 1 });
      assert.equal(await isReplaced(at.db, serial), false);
      await issued({ accountId, names, committedAt: at0 + 1 });
      assert.equal(await isReplaced(at.db, serial), true);
    });
  });

  it('counts how far a replacement has come', async () => {
    const memberId = anId();
    const filter = { member: memberId };
    assert.deepEqual(await countProgress(at.db, filter, at0), { matched: 0, moved: 0, replaced: 0 });
    const old = [];
    for (const name of ['a', 'b', 'c']) old.push(await issued({ memberId, names: [`${name}.count.test`] }));
    const serials = old.map(c => c.serial);
    await setWindow(at.db, serials, { start: at0, end: at0 + 1 });
    assert.deepEqual(await countProgress(at.db, filter, at0), { matched: 3, moved: 3, replaced: 0 });
    await issued({ memberId, names: ['b.count.test'], committedAt: at0 + 1 });
    assert.deepEqual(await countProgress(at.db, filter, at0), { matched: 4, moved: 3, replaced: 1 });
    await revokeCertificates(at.db, [serials[1] ?? ''], { at: at0, reason: 'superseded', by: 'operator' });
    assert.deepEqual(await countProgress(at.db, filter, at0), { matched: 3, moved: 2, replaced: 0 });
  });

  it('finds the nth newest certificate of a holder and exactly these names', async () => {
    const memberId = anId();
    const accountId = anId();
    const names = [`${anId()}.test`, 'b.test'];
    const nth = (n: number, since = 0, of: Parameters<typeof nthNewestOfNames>[1] = { memberId, accountId, names }) =>
      nthNewestOfNames(at.db, of, n, since);
    assert.equal(await nth(1), undefined);
    for (const committedAt of [at0 + 2, at0 + 1, at0 + 3]) await issued({ memberId, accountId, names, committedAt });
    await issued({ memberId, accountId, names: names.slice(1), committedAt: at0 + 9 });
    await issued({ memberId: anId(), accountId, names, committedAt: at0 + 9 });
    assert.deepEqual([await nth(1), await nth(2), await nth(3), await nth(4)], [at0 + 3, at0 + 2, at0 + 1, undefined]);
    assert.equal(await nth(2, at0 + 1), at0 + 2);
    assert.equal(await nth(2, at0 + 2), undefined);
    assert.equal(await nth(1, 0, { memberId, names: [...names].reverse() }), at0 + 3);
    assert.equal(await nth(1, 0, { accountId, names }), undefined, 'the member is the holder');
  });
});
