import assert from 'node:assert/strict';
import { auditActions } from '../../src/model/audit.ts';
import {
  insertAudit,
  listAudit,
  type NewAuditRecord,
  oldestUnsealed,
  placeAuditRecords,
  sealAuditRecord,
  sealedAudit,
  unsealedAudit,
} from '../../src/store/audit.ts';
import { onEachEngine } from '../kit/database.ts';
import { at0 } from '../kit/records.ts';

const aRecord = (more: Partial<NewAuditRecord> = {}): NewAuditRecord => ({
  at: at0,
  action: 'member.added',
  outcome: 'done',
  who: 'operator',
  door: 'command-line',
  subject: '{"member":"m"}',
  commitment: { salt: Buffer.of(5), recordHash: Buffer.of(6) },
  ...more,
});

onEachEngine('the audit log', at => {
  beforeEach(() => at.db('audit').delete());

  it('gives records back, with and without their optional members, the newest first', async () => {
    const full = aRecord({
      action: 'certificate.issued',
      subject: '{"serial":"01ab","order":"o"}',
      detail: '{"names":["im.test"],"n":1}',
      personal: Buffer.of(1, 2),
      personalHash: Buffer.of(3, 4),
    });
    await insertAudit(at.db, aRecord(), { ...full, at: at0 + 1 });
    await insertAudit(at.db, aRecord({ at: at0 + 2, action: 'order.invalid', outcome: 'refused', who: 'clock', door: 'clock' }));
    await insertAudit(at.db);
    assert.deepEqual(
      (await listAudit(at.db)).map(({ id, ...rest }) => rest),
      [
        { ...aRecord({ at: at0 + 2, action: 'order.invalid', outcome: 'refused', who: 'clock', door: 'clock' }), subject: { member: 'm' } },
        { ...full, at: at0 + 1, subject: { serial: '01ab', order: 'o' }, detail: { names: ['im.test'], n: 1 } },
        { ...aRecord(), subject: { member: 'm' } },
      ],
    );
  });

  it('is searched by what is said of an act', async () => {
    await insertAudit(
      at.db,
      aRecord(),
      aRecord({ at: at0 + 10, who: 'account:a', door: 'acme', subject: '{"serial":"01ab","member":"m2"}' }),
    );
    const found = async (filter: Parameters<typeof listAudit>[1]) => (await listAudit(at.db, filter)).map(r => r.who);
    assert.deepEqual(await found({ action: 'member.added' }), ['account:a', 'operator']);
    assert.deepEqual(await found({ action: 'key.blocked' }), []);
    assert.deepEqual(await found({ subject: { member: 'm' } }), ['operator']);
    assert.deepEqual(await found({ subject: { member: 'm2', serial: '01ab' } }), ['account:a']);
    assert.deepEqual(await found({ subject: { member: '%' } }), [], 'no pattern');
    assert.deepEqual(await found({ door: 'acme' }), ['account:a']);
    assert.deepEqual(await found({ who: 'operator', outcome: 'done' }), ['operator']);
    assert.deepEqual(await found({ outcome: 'refused' }), []);
    assert.deepEqual(await found({ since: at0 + 1 }), ['account:a']);
    assert.deepEqual(await found({ until: at0 + 9 }), ['operator']);
  });

  it('is read page by page', async () => {
    await insertAudit(at.db, ...Array.from({ length: 7 }, (_, i) => aRecord({ at: at0 + Math.floor(i / 3) })));
    const ids: number[] = [];
    for (let after: { at: number; id: string } | undefined; ; ) {
      const page = await listAudit(at.db, {}, { limit: 2, after });
      ids.push(...page.map(r => r.id));
      const last = page.at(-1);
      if (!last) break;
      after = { at: last.at, id: String(last.id) };
    }
    assert.equal(new Set(ids).size, 7);
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => b - a),
    );
  });

  it('goes with the transaction that it is written in', async () => {
    const undone = at.db.transaction(async trx => {
      await insertAudit(trx, aRecord());
      throw new Error('undone');
    });
    await assert.rejects(undone, /undone/);
    assert.deepEqual(await listAudit(at.db), []);
  });

  it('has room for every action', async () => {
    for (const action of auditActions) await insertAudit(at.db, aRecord({ action }));
    assert.equal((await listAudit(at.db)).length, auditActions.length);
  });

  it('gives each record one place, once', async () => {
    await insertAudit(at.db, aRecord(), aRecord({ at: at0 + 1 }));
    const [first, second] = await unsealedAudit(at.db, 10);
    assert.ok(first && second);
    const seal = { index: 0, salt: Buffer.of(1), recordHash: Buffer.of(2) };
    await sealAuditRecord(at.db, first.id, seal);
    await assert.rejects(sealAuditRecord(at.db, first.id, { ...seal, index: 1 }), /sealed by another/);
    await assert.rejects(sealAuditRecord(at.db, second.id, seal), 'two in one place');
    assert.equal(await oldestUnsealed(at.db), at0 + 1);
    await assert.rejects(
      placeAuditRecords(at.db, [
        { id: second.id, index: 1 },
        { id: first.id, index: 2 },
      ]),
      /sealed by another/,
    );
    await at.db('audit').where({ id: second.id }).update({ log_index: null });
    await assert.rejects(placeAuditRecords(at.db, [{ id: second.id, index: 0 }]), 'two in one place');
    await placeAuditRecords(at.db, []);
    await placeAuditRecords(at.db, [{ id: second.id, index: 1 }]);
    assert.equal(await oldestUnsealed(at.db), undefined);
    assert.deepEqual(
      (await sealedAudit(at.db, 0, 10)).map(r => r.seal?.index),
      [0, 1],
    );
    assert.deepEqual(
      (await sealedAudit(at.db, 1, 10)).map(r => r.id),
      [second.id],
    );
  });
});
