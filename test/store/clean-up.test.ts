import assert from 'node:assert/strict';
import { deleteSpent } from '../../src/store/clean-up.ts';
import { migrate } from '../../src/store/open.ts';
import { findOrder, insertOrder, moveOrder } from '../../src/store/orders.ts';
import { onEachEngine } from '../kit/database.ts';
import { aCertificate, anId, anOrder, at0, storedAccount } from '../kit/records.ts';

onEachEngine('what may be deleted', at => {
  /** Of an order that expires at `at0 + 100`. */
  async function ordered(notAfter?: number): Promise<string> {
    const { id: accountId } = await storedAccount(at.db);
    const order = anOrder(accountId, { expiresAt: at0 + 100 });
    await insertOrder(at.db, order);
    if (notAfter !== undefined)
      await at.db.transaction(trx => moveOrder(trx, order.id, 'open', 'processing', { certificate: { serial: anId(), notAfter } }));
    return order.id;
  }
  /** Seconds after `at0` after which each of them goes. */
  async function endsOf(ids: string[]): Promise<number[]> {
    const ends = new Map<string, number>();
    for (const before of [50, 51, 100, 101, 200, 201]) {
      await deleteSpent(at.db, 'orders', at0 + before, 500);
      for (const id of ids) if (!ends.has(id) && !(await findOrder(at.db, id))) ends.set(id, before - 1);
    }
    return ids.map(id => ends.get(id) ?? Number.NaN);
  }

  it('is an order when it has ended, and its certificate too', async () => {
    assert.deepEqual(await endsOf([await ordered(), await ordered(at0 + 50), await ordered(at0 + 200)]), [100, 100, 200]);
  });

  it('is so many at a time', async () => {
    for (let i = 0; i < 5; i++) await ordered();
    const deleted = () => deleteSpent(at.db, 'orders', at0 + 101, 3);
    assert.deepEqual([await deleted(), await deleted(), await deleted()], [3, 2, 0]);
  });

  it('is the same where the order was stored by an earlier version', async () => {
    await at.db.migrate.down({ name: '0009-scans' });
    const { id: account_id } = await storedAccount(at.db);
    const text = { account_id, profile: 'xmpp-server', names: '[]', authorization_ids: '[]', created_at: at0, expires_at: at0 + 100 };
    const ids: string[] = [];
    for (const notAfter of [undefined, at0 + 50, at0 + 200]) {
      const certificate = notAfter === undefined ? undefined : aCertificate({ notAfter });
      if (certificate) {
        const { serial, issuerId, profile, notBefore, spkiHash, tbs, mac, committedAt } = certificate;
        const times = { not_before: notBefore, not_after: certificate.notAfter, committed_at: committedAt };
        await at
          .db('certificates')
          .insert({ serial, issuer_id: issuerId, profile, names: '[]', state: 'issued', spki_hash: spkiHash, tbs, mac, ...times });
      }
      ids.push(anId());
      await at.db('orders').insert({ ...text, id: ids.at(-1), state: 'valid', serial: certificate?.serial ?? null });
    }
    await migrate(at.db);
    assert.deepEqual(await endsOf(ids), [100, 100, 200]);
  });
});
