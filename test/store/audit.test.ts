import assert from 'node:assert/strict';
import { auditActions, clock, operator } from '../../src/model/audit.ts';
import { listAudit, record } from '../../src/store/audit.ts';
import { onEachEngine } from '../kit/database.ts';
import { at0 } from '../kit/records.ts';

onEachEngine('the audit log', at => {
  it('gives events back in the order of their writing, with and without their optional members', async () => {
    const who = { who: 'account:a', door: 'acme', address: '2001:db8::1' } as const;
    await record(
      at.db,
      at0,
      { action: 'member.added', actor: operator, subject: { member: 'm' } },
      { action: 'certificate.issued', actor: who, subject: { serial: '01ab', order: 'o' }, detail: { names: ['im.test'], n: 1 } },
    );
    await record(at.db, at0 + 1, { action: 'crl.published', actor: clock, subject: { issuer: 'aa' } });
    await record(at.db, at0 + 1);
    const events = await listAudit(at.db);
    assert.deepEqual(
      events.map(({ id, ...event }) => event),
      [
        { at: at0, action: 'member.added', who: 'operator', door: 'command-line', subject: { member: 'm' } },
        {
          at: at0,
          action: 'certificate.issued',
          who: 'account:a',
          door: 'acme',
          subject: { serial: '01ab', order: 'o' },
          detail: { names: ['im.test'], n: 1 },
        },
        { at: at0 + 1, action: 'crl.published', who: 'clock', door: 'clock', subject: { issuer: 'aa' } },
      ],
    );
    const ids = events.map(e => e.id);
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => a - b),
    );
    assert.equal((await listAudit(at.db, { action: 'certificate.issued' })).length, 1);
    const [row] = await at.db('audit').where({ action: 'certificate.issued' });
    assert.equal(row.address, '2001:db8::1');
  });

  it('goes with the transaction that it is written in', async () => {
    const undone = at.db.transaction(async trx => {
      await record(trx, at0, { action: 'key.blocked', actor: operator, subject: {} });
      throw new Error('undone');
    });
    await assert.rejects(undone, /undone/);
    assert.deepEqual(await listAudit(at.db, { action: 'key.blocked' }), []);
  });

  it('has room for every action', async () => {
    for (const action of auditActions) await record(at.db, at0, { action, actor: clock, subject: {} });
    for (const action of auditActions) assert.ok((await listAudit(at.db, { action })).length > 0);
  });
});
