import assert from 'node:assert/strict';
import type { Delivery } from '../../src/model/webhook.ts';
import {
  dueDeliveries,
  hastenDeliveries,
  isAwaited,
  listDeliveries,
  type NewDelivery,
  queueDeliveries,
  requeueDead,
  settleDelivery,
} from '../../src/store/webhook-deliveries.ts';
import { onEachEngine } from '../kit/database.ts';
import { paged } from '../kit/paged.ts';
import { aDelivery, anId, at0, storedWebhook } from '../kit/records.ts';

onEachEngine('deliveries to a webhook', at => {
  let webhookId: string;
  beforeEach(async () => {
    webhookId = (await storedWebhook(at.db)).id;
  });

  /** As it is when nothing was attempted. */
  const fresh = (delivery: NewDelivery, now = at0): Delivery =>
    ({ ...delivery, state: 'queued', attempts: 0, refusals: 0, createdAt: now, nextAt: now }) as Delivery;
  async function queued(index = 0, now = at0, more: Partial<NewDelivery> = {}): Promise<Delivery> {
    const delivery = aDelivery(webhookId, index, more);
    await queueDeliveries(at.db, [delivery], now);
    return fresh(delivery, now);
  }
  async function dead(index = 0, of = webhookId): Promise<Delivery> {
    const delivery = await queued(index, at0, { webhookId: of });
    await settleDelivery(at.db, delivery, refused);
    return find(delivery);
  }
  const find = async ({ id, webhookId: of }: Delivery): Promise<Delivery> => {
    const found = (await listDeliveries(at.db, of)).find(d => d.id === id);
    assert.ok(found);
    return found;
  };
  const refused = { state: 'dead', refusals: 16, nextAt: at0 + 3, lastError: 'the answer was 400' } as const;
  const sent = { state: 'sent', refusals: 0, nextAt: at0 + 2, sentAt: at0 + 2 } as const;
  const ids = (deliveries: Delivery[]) => deliveries.map(d => d.id);
  const due = async (now = at0, limit = 10) => ids(await dueDeliveries(at.db, webhookId, now, limit));

  it('come back with and without their optional members', async () => {
    const [bare, full] = [await queued(2 ** 40), await queued(7, at0, { type: 'log.checkpoint', logId: 3 })];
    assert.deepEqual([await find(bare), await find(full)], [bare, full]);
    assert.equal(full.logId, 3);
    await queueDeliveries(at.db, [], at0);
  });

  it('are due in the order of the log, of one webhook, up to a number', async () => {
    const [third, first] = [await queued(10), await queued(8)];
    const same = [await queued(9), await queued(9)].sort((a, b) => (a.id < b.id ? -1 : 1));
    await queued(1, at0, { webhookId: (await storedWebhook(at.db)).id });
    assert.deepEqual(await due(), ids([first, ...same, third]));
    assert.deepEqual(await due(at0, 2), ids([first, same[0] as Delivery]));
  });

  it('are due in the second that is named, and not when they were sent or given up', async () => {
    const { id } = await queued(0, at0 + 10);
    await dead();
    await settleDelivery(at.db, await queued(), sent);
    assert.deepEqual([await due(at0 + 9), await due(at0 + 10)], [[], [id]]);
  });

  it('keep what came of each attempt', async () => {
    const delivery = await queued();
    const failed = { state: 'queued', refusals: 1, nextAt: at0 + 30, lastError: 'the answer was 500' } as const;
    assert.equal(await settleDelivery(at.db, delivery, failed), true);
    assert.deepEqual(await find(delivery), { ...delivery, ...failed, attempts: 1 });
    assert.equal(await settleDelivery(at.db, { ...delivery, attempts: 1 }, sent), true);
    assert.deepEqual(await find(delivery), { ...delivery, ...sent, attempts: 2 }, 'no error is left');
  });

  it('are settled by one that has attempted them, and not by another that came later', async () => {
    const delivery = await queued();
    const settled = await Promise.all(Array.from({ length: 8 }, () => settleDelivery(at.db, delivery, { ...refused, state: 'queued' })));
    assert.equal(settled.filter(Boolean).length, 1);
    assert.equal(await settleDelivery(at.db, delivery, sent), false);
    assert.equal((await find(delivery)).attempts, 1);
  });

  for (const change of [sent, refused])
    it(`are not settled any more when they are ${change.state}`, async () => {
      const delivery = await queued();
      await settleDelivery(at.db, delivery, change);
      const before = await find(delivery);
      assert.equal(await settleDelivery(at.db, before, { ...refused, lastError: 'late' }), false);
      assert.deepEqual(await find(delivery), before);
    });

  it('that are there already are queued anew, as if they had not been attempted', async () => {
    const delivery = aDelivery(webhookId, 5);
    const changes = [sent, refused, { ...refused, state: 'queued' }] as const;
    for (const [i, change] of changes.entries()) {
      await queueDeliveries(at.db, [delivery], at0);
      await settleDelivery(at.db, { id: delivery.id, attempts: 0 }, change);
      await queueDeliveries(at.db, [aDelivery(webhookId, 6, { id: `${delivery.id}-${i}` }), delivery], at0 + 50);
      assert.deepEqual(await find(fresh(delivery)), fresh(delivery, at0 + 50));
    }
    assert.equal((await listDeliveries(at.db, webhookId)).length, 1 + changes.length);
  });

  it('are awaited while one of the webhook is queued, due or not', async () => {
    await queued(0, at0, { webhookId: (await storedWebhook(at.db)).id });
    await dead();
    assert.equal(await isAwaited(at.db, webhookId), false);
    const delivery = await queued(0, at0 + 1e6);
    assert.equal(await isAwaited(at.db, webhookId), true);
    await settleDelivery(at.db, delivery, sent);
    assert.equal(await isAwaited(at.db, webhookId), false);
  });

  it('that were given up are tried once more, those of one webhook alone', async () => {
    const [one, other] = [await dead(1), await dead(2)];
    const elsewhere = await dead(3, (await storedWebhook(at.db)).id);
    const delivered = await queued(4);
    await settleDelivery(at.db, delivered, sent);
    const waiting = await queued(5, at0 + 99);
    assert.deepEqual([await requeueDead(at.db, webhookId, at0 + 50), await requeueDead(at.db, webhookId, at0 + 51)], [2, 0]);
    for (const each of [one, other])
      assert.deepEqual(await find(each), { ...each, state: 'queued', attempts: 0, refusals: 0, nextAt: at0 + 50 });
    assert.deepEqual(await find(elsewhere), elsewhere);
    assert.equal((await find(delivered)).state, 'sent');
    assert.deepEqual(await find(waiting), waiting);
  });

  it('that wait are due at once when they are hastened, those of one webhook alone', async () => {
    const waiting = await queued(1, at0 + 99);
    const gone = await dead(2);
    const elsewhere = await queued(3, at0 + 99, { webhookId: (await storedWebhook(at.db)).id });
    await hastenDeliveries(at.db, webhookId, at0 + 5);
    assert.deepEqual(await find(waiting), { ...waiting, nextAt: at0 + 5 });
    assert.deepEqual([await find(gone), await find(elsewhere)], [gone, elsewhere]);
    assert.deepEqual([await due(at0 + 4), await due(at0 + 5)], [[], [waiting.id]]);
  });

  it('are listed the newest first, of any state or of one, page by page', async () => {
    const [old, young] = [await queued(1, at0 - 1), await queued(2, at0 + 1)];
    const same = [await dead(3), await queued(4), await dead(5)].sort((a, b) => (a.id < b.id ? 1 : -1));
    await queued(6, at0, { webhookId: anId() });
    const position = ({ createdAt, id }: Delivery) => ({ at: createdAt, id });
    for (const [state, expected] of [
      [undefined, [young, ...same, old]],
      ['dead', same.filter(d => d.state === 'dead')],
      ['queued', [young, ...same.filter(d => d.state === 'queued'), old]],
      ['sent', []],
    ] as const) {
      assert.deepEqual(await listDeliveries(at.db, webhookId, state), expected);
      assert.deepEqual(await paged(2, page => listDeliveries(at.db, webhookId, state, page), position), expected);
    }
  });
});
