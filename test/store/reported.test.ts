import assert from 'node:assert/strict';
import { commitCertificate, findCertificate, firstFence, moveCertificate } from '../../src/store/certificates.ts';
import { migrate } from '../../src/store/open.ts';
import { insertOrder } from '../../src/store/orders.ts';
import { reportedCertificates } from '../../src/store/reported.ts';
import { onEachEngine } from '../kit/database.ts';
import { aCertificate, anOrder, at0, storedAccount } from '../kit/records.ts';

onEachEngine('certificates as the report sees them', at => {
  const stored = async (more: Parameters<typeof aCertificate>[0], state: 'issued' | 'abandoned' = 'issued') => {
    const certificate = aCertificate(more);
    await commitCertificate(at.db, certificate, 30);
    await moveCertificate(at.db, certificate.serial, state, firstFence, {});
    return certificate.serial;
  };
  const isRenewal = async (serial: string) => (await reportedCertificates(at.db, [serial])).get(serial)?.isRenewal;

  it('are renewals of what was issued before to the same holder for the same names', async () => {
    const names = ['a.test', 'b.test'];
    const given = await stored({ memberId: 'm', names, committedAt: at0 }, 'abandoned');
    const first = await stored({ memberId: 'm', names, committedAt: at0 + 1 });
    const second = await stored({ memberId: 'm', names: names.toReversed(), committedAt: at0 + 2 });
    const fewer = await stored({ memberId: 'm', names: ['a.test'], committedAt: at0 + 3 });
    const other = await stored({ memberId: 'n', names, committedAt: at0 + 4 });
    assert.deepEqual(await Promise.all([given, first, second, fewer, other].map(isRenewal)), [false, false, true, false, false]);
    assert.equal((await reportedCertificates(at.db, [])).size, 0);
  });

  it('of an earlier version know what their orders named', async () => {
    const { id } = await storedAccount(at.db);
    const serial = await stored({ accountId: id, names: ['c.test'] });
    await insertOrder(at.db, anOrder(id, { serial, replaces: { serial: '01ab', certId: 'x.y' } }));
    await at.db('orders').update({ serial });
    await at.db.migrate.down({ name: '0011-report' });
    await migrate(at.db);
    assert.equal((await findCertificate(at.db, serial))?.replaces, '01ab');
    assert.equal(await isRenewal(serial), true);
  });
});
