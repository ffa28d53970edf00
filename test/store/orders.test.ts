import assert from 'node:assert/strict';
import { type OrderState, orderMoves, orderStates } from '../../src/model/order.ts';
import { findOrder, insertOrder, listOrderIds, moveOrder } from '../../src/store/orders.ts';
import { onEachEngine } from '../kit/database.ts';
import { anOrder, at0, bytes, storedAccount } from '../kit/records.ts';

onEachEngine('the store of orders', at => {
  it('gives an order back with and without its optional members', async () => {
    const { id } = await storedAccount(at.db);
    const bare = anOrder(id);
    const full = anOrder(id, {
      names: ['im.test', 'xn--zwlf-5qa.test'],
      authorizationIds: ['a', 'b'],
      notBefore: at0,
      notAfter: at0 + 5,
    });
    for (const order of [bare, full]) await insertOrder(at.db, order);
    assert.deepEqual(await findOrder(at.db, bare.id), bare);
    assert.deepEqual(await findOrder(at.db, full.id), full);
    const change = { csrHash: bytes('csr'), serial: '01ab' };
    const { csrHash, serial } = change;
    const error = { type: 'urn:ietf:params:acme:error:caa', detail: 'no', subproblems: [{ type: 'x', detail: 'y' }] };
    await moveOrder(at.db, full.id, 'open', 'processing', { csrHash, certificate: { serial, notAfter: at0 } });
    assert.deepEqual(await findOrder(at.db, full.id), { ...full, state: 'processing', ...change });
    await moveOrder(at.db, full.id, 'processing', 'invalid', { error });
    assert.deepEqual(await findOrder(at.db, full.id), { ...full, state: 'invalid', ...change, error });
    assert.equal(await findOrder(at.db, 'none'), undefined);
  });

  it('moves along the table of moves only, and each move once', async () => {
    const { id } = await storedAccount(at.db);
    for (const from of orderStates) {
      for (const to of orderStates) {
        const order = anOrder(id, { state: from });
        await insertOrder(at.db, order);
        if (!orderMoves[from].includes(to)) {
          await assert.rejects(moveOrder(at.db, order.id, from, to), /does not move/);
          continue;
        }
        assert.equal(await moveOrder(at.db, order.id, from, to), true);
        assert.equal(await moveOrder(at.db, order.id, from, to), false);
      }
    }
  });

  it('gives one of many the move', async () => {
    const { id } = await storedAccount(at.db);
    const order = anOrder(id);
    await insertOrder(at.db, order);
    const moved = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        moveOrder(at.db, order.id, 'open', 'processing', { certificate: { serial: `0${i}`, notAfter: at0 } }),
      ),
    );
    assert.equal(moved.filter(Boolean).length, 1);
    assert.equal((await findOrder(at.db, order.id))?.serial, `0${moved.indexOf(true)}`);
  });

  it('belongs to an account', async () => {
    await assert.rejects(insertOrder(at.db, anOrder('nobody')));
  });

  it('is listed newest first, page after page, with ids deciding within a second', async () => {
    const { id } = await storedAccount(at.db);
    const orders = Array.from({ length: 11 }, (_, i) => anOrder(id, { createdAt: at0 + Math.floor(i / 3) }));
    for (const order of orders) await insertOrder(at.db, order);
    await insertOrder(at.db, anOrder((await storedAccount(at.db)).id));
    const wanted = orders.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1)).map(o => o.id);
    const seen: string[] = [];
    let after: { id: string; createdAt: number } | undefined;
    do {
      const page = await listOrderIds(at.db, id, at0, 4, after);
      assert.ok(page.length <= 4);
      seen.push(...page.map(o => o.id));
      after = page.at(-1);
    } while (after);
    assert.deepEqual(seen, wanted);
  });

  it('leaves out of the list what is invalid or has expired unfinished', async () => {
    const { id } = await storedAccount(at.db);
    const states: [OrderState, number][] = [
      ['open', at0 + 1],
      ['open', at0],
      ['processing', at0],
      ['valid', at0],
      ['invalid', at0 + 1],
    ];
    const orders = states.map(([state, expiresAt], i) => anOrder(id, { state, expiresAt, createdAt: at0 - i }));
    for (const order of orders) await insertOrder(at.db, order);
    const listed = (await listOrderIds(at.db, id, at0, 10)).map(o => o.id);
    assert.deepEqual(
      listed,
      [orders[0], orders[2], orders[3]].map(o => o?.id),
    );
  });
});
