import assert from 'node:assert/strict';
import { type Db, isDuplicate } from '../../src/store/open.ts';
import { queueDeliveries, settleDelivery } from '../../src/store/webhook-deliveries.ts';
import {
  claimWebhooks,
  countDeliveries,
  countWebhooks,
  deleteWebhook,
  disableWebhook,
  enableWebhook,
  findWebhook,
  holdWebhook,
  insertWebhook,
  laggingWebhooks,
  listWebhooks,
  moveCursor,
  releaseWebhook,
  replaceSecret,
  rewindCursor,
  setHealth,
  unpauseWebhook,
} from '../../src/store/webhooks.ts';
import { onEachEngine } from '../kit/database.ts';
import { paged } from '../kit/paged.ts';
import { aDelivery, anId, at0, aWebhook, bytes, storedWebhook } from '../kit/records.ts';

onEachEngine('the store of webhooks', at => {
  beforeEach(async () => {
    for (const table of ['webhook_deliveries', 'webhooks']) await at.db(table).delete();
  });

  const queue = (webhookId: string, count = 1, now = at0) =>
    queueDeliveries(
      at.db,
      Array.from({ length: count }, (_, i) => aDelivery(webhookId, i)),
      now,
    );
  const giveUp = async (webhookId: string) => {
    const delivery = aDelivery(webhookId);
    await queueDeliveries(at.db, [delivery], at0);
    await settleDelivery(at.db, { id: delivery.id, attempts: 0 }, { state: 'dead', refusals: 1, nextAt: at0 });
  };
  /** A webhook for which something is due at `at0`. */
  async function due(more: Parameters<typeof storedWebhook>[1] = {}) {
    const webhook = await storedWebhook(at.db, more);
    await queue(webhook.id);
    return webhook;
  }
  const disabled = { at: at0 + 5, why: 'the answer was 410' };
  const failing = { failures: 3, nextAt: at0 + 60, failingSince: at0 - 9 };
  const ids = (webhooks: { id: string }[]) => webhooks.map(w => w.id);
  /** How many of eight that ask at once are told yes. */
  const winners = async (ask: () => Promise<boolean>) => (await Promise.all(Array.from({ length: 8 }, ask))).filter(Boolean).length;

  it('gives webhooks back with and without their optional members', async () => {
    const bare = await storedWebhook(at.db);
    const full = await storedWebhook(at.db, { description: 'the chat room', events: ['member.added', 'log.checkpoint'], cursor: 2 ** 40 });
    assert.deepEqual(await findWebhook(at.db, bare.id), bare);
    assert.deepEqual(await findWebhook(at.db, full.id), full);
    assert.equal(await findWebhook(at.db, 'unknown'), undefined);
    await assert.rejects(insertWebhook(at.db, aWebhook({ id: bare.id })), isDuplicate);
  });

  it('lists webhooks by their time, page by page', async () => {
    const late = await storedWebhook(at.db, { createdAt: at0 + 1 });
    const early = [await storedWebhook(at.db), await storedWebhook(at.db)].sort((a, b) => (a.id < b.id ? -1 : 1));
    assert.deepEqual(await listWebhooks(at.db), [...early, late]);
    const pages = paged(
      2,
      page => listWebhooks(at.db, page),
      w => ({ at: w.createdAt, id: w.id }),
    );
    assert.deepEqual(await pages, [...early, late]);
  });

  it('deletes a webhook once, with all that goes to it and nothing else', async () => {
    const [gone, kept] = [await due(), await due()];
    assert.deepEqual([await deleteWebhook(at.db, gone.id), await deleteWebhook(at.db, gone.id)], [true, false]);
    assert.deepEqual(await listWebhooks(at.db), [kept]);
    assert.deepEqual(await at.db('webhook_deliveries').pluck('webhook_id'), [kept.id]);
  });

  describe('the place in the log', () => {
    it('is behind up to the last index, unless the webhook is disabled or has as many waiting as it may', async () => {
      const { id } = await storedWebhook(at.db, { cursor: 9 });
      const lagging = async (upTo: number, mostQueued = 2) => ids(await laggingWebhooks(at.db, upTo, mostQueued));
      assert.deepEqual([await lagging(9), await lagging(10)], [[], [id]]);
      await queue(id);
      await giveUp(id);
      assert.deepEqual([await lagging(10, 1), await lagging(10, 2)], [[], [id]], 'one waits; one was given up and does not count');
      await disableWebhook(at.db, id, disabled);
      assert.deepEqual(await lagging(10), []);
    });

    it('moves where it is still the one that was read, and the webhook is enabled', async () => {
      const webhook = await storedWebhook(at.db, { cursor: 3 });
      const cursor = async () => (await findWebhook(at.db, webhook.id))?.cursor;
      assert.deepEqual([await moveCursor(at.db, webhook, 7), await moveCursor(at.db, webhook, 8)], [true, false]);
      assert.equal(await cursor(), 7);
      await disableWebhook(at.db, webhook.id, disabled);
      assert.equal(await moveCursor(at.db, { ...webhook, cursor: 7 }, 8), false);
      assert.equal(await moveCursor(at.db, { id: 'unknown', cursor: 7 }, 8), false);
      assert.equal(await cursor(), 7);
    });

    it('moves for one of many that ask at once', async () => {
      const webhook = await storedWebhook(at.db);
      assert.equal(await winners(() => moveCursor(at.db, webhook, 7)), 1);
    });

    for (const [to, then] of [
      [4, 4],
      [5, 5],
      [6, 5],
    ] as const)
      it(`goes back from 5 to ${to} as ${then}`, async () => {
        const { id } = await storedWebhook(at.db, { cursor: 5 });
        await rewindCursor(at.db, id, to);
        assert.equal((await findWebhook(at.db, id))?.cursor, then);
      });
  });

  describe('a claim', () => {
    const claim = (now = at0, limit = 10, seconds = 60, db: Db = at.db) => claimWebhooks(db, now, limit, seconds);
    const claimedUntil = (id: string, until: number) => at.db('webhooks').where({ id }).update({ claim_until: until });

    it('is given once, with a new fence, and again when it has lapsed', async () => {
      const { id, ...rest } = await due();
      assert.deepEqual(await claim(), [{ ...rest, id, fence: 1 }]);
      assert.deepEqual(await claim(), []);
      await claimedUntil(id, 0);
      assert.equal((await claim(at0, 10, 0))[0]?.fence, 2);
      assert.equal((await claim())[0]?.fence, 3, 'one of no seconds has lapsed at once');
    });

    it('is given to one of many that ask at once', async () => {
      const webhooks = [await due(), await due(), await due()];
      const claimed = (await Promise.all(Array.from({ length: 8 }, () => claim()))).flat();
      assert.deepEqual(ids(claimed).sort(), ids(webhooks).sort());
    });

    it('is given of what is due, in the second in which it is due', async () => {
      await storedWebhook(at.db);
      const later = await storedWebhook(at.db);
      await queue(later.id, 1, at0 + 10);
      const paused = await due({ createdAt: at0 + 20 });
      const off = await due();
      await disableWebhook(at.db, off.id, disabled);
      const dead = await storedWebhook(at.db);
      await giveUp(dead.id);
      const due0 = async (now: number) => ids(await claim(now, 10, 0)).sort();
      assert.deepEqual([await due0(at0 + 9), await due0(at0 + 10), await due0(at0 + 19)], [[], [later.id], [later.id]]);
      assert.deepEqual(await due0(at0 + 20), [later.id, paused.id].sort());
    });

    it('is given of so many, of the one that was served longest ago first', async () => {
      const [first, second, third] = [await due(), await due(), await due()];
      for (const [i, { id }] of [third, first, second].entries()) await claimedUntil(id, [30, 10, 20][i] ?? 0);
      const each = [await claim(at0, 1), await claim(at0, 1), await claim(at0, 2)];
      assert.deepEqual(each.map(ids), [[first.id], [second.id], [third.id]]);
    });

    it('is held by its holder alone, and gives the webhook as it is now', async () => {
      await due();
      const [first] = await claim(at0, 1, 0);
      const [second] = await claim(at0, 1, 0);
      assert.ok(first && second);
      await rewindCursor(at.db, first.id, -1);
      assert.equal(await holdWebhook(at.db, first, 60), undefined);
      assert.deepEqual(await holdWebhook(at.db, second, 60), { ...second, cursor: -1 });
      assert.deepEqual(await claim(), [], 'held for longer');
      await disableWebhook(at.db, second.id, disabled);
      assert.equal(await holdWebhook(at.db, second, 60), undefined, 'disabled');
      await deleteWebhook(at.db, second.id);
      assert.equal(await holdWebhook(at.db, second, 60), undefined, 'gone');
    });

    it('is released by its holder alone', async () => {
      const { id } = await due();
      const [first] = await claim(at0, 1, 0);
      const [second] = await claim();
      assert.ok(first && second);
      await releaseWebhook(at.db, first);
      assert.deepEqual(await claim(), []);
      await releaseWebhook(at.db, second);
      assert.deepEqual(ids(await claim()), [id]);
    });

    it('lets its holder alone say how the webhook fares', async () => {
      await due();
      const [first] = await claim(at0, 1, 0);
      const [second] = await claim();
      assert.ok(first && second);
      assert.equal(await setHealth(at.db, first, { failures: 1, nextAt: at0 + 1 }), false);
      assert.deepEqual(await findWebhook(at.db, first.id), second);
      assert.equal(await setHealth(at.db, second, failing), true);
      assert.deepEqual(await findWebhook(at.db, first.id), { ...second, ...failing });
      assert.equal(await setHealth(at.db, second, { failures: 0, nextAt: at0 }), true);
      assert.deepEqual(await findWebhook(at.db, first.id), second, 'fails no longer');
    });
  });

  it('disables and enables once each; enabled, a webhook is as if nothing had failed', async () => {
    const webhook = await storedWebhook(at.db);
    await setHealth(at.db, webhook, failing);
    assert.equal(await enableWebhook(at.db, webhook.id, at0 + 4), false);
    assert.equal(await disableWebhook(at.db, webhook.id, disabled), true);
    assert.equal(await disableWebhook(at.db, webhook.id, { at: at0 + 6, why: 'again' }), false);
    assert.deepEqual(await findWebhook(at.db, webhook.id), { ...webhook, ...failing, disabled });
    assert.deepEqual([await enableWebhook(at.db, webhook.id, at0 + 7), await enableWebhook(at.db, webhook.id, at0 + 8)], [true, false]);
    assert.deepEqual(await findWebhook(at.db, webhook.id), { ...webhook, nextAt: at0 + 7 });
    assert.deepEqual([await disableWebhook(at.db, 'unknown', disabled), await enableWebhook(at.db, 'unknown', at0)], [false, false]);
  });

  it('disables and enables for one of many that ask at once', async () => {
    const { id } = await storedWebhook(at.db);
    assert.equal(await winners(() => disableWebhook(at.db, id, disabled)), 1);
    assert.equal(await winners(() => enableWebhook(at.db, id, at0)), 1);
  });

  it('ends the pause of one webhook, which fails still', async () => {
    const [webhook, other] = [await storedWebhook(at.db), await storedWebhook(at.db)];
    for (const each of [webhook, other]) await setHealth(at.db, each, failing);
    await unpauseWebhook(at.db, webhook.id, at0 + 2);
    assert.deepEqual(await findWebhook(at.db, webhook.id), { ...webhook, ...failing, nextAt: at0 + 2 });
    assert.equal((await findWebhook(at.db, other.id))?.nextAt, failing.nextAt);
  });

  it('replaces a secret that is still the one that was read, and keeps that one beside it', async () => {
    const webhook = await storedWebhook(at.db);
    const old = { secret: bytes('sealed anew'), until: at0 + 86400 };
    assert.equal(await replaceSecret(at.db, { ...webhook, secret: bytes('another') }, bytes('new'), old), false);
    assert.equal(await replaceSecret(at.db, webhook, bytes('new'), old), true);
    assert.equal(await replaceSecret(at.db, webhook, bytes('newer'), old), false);
    assert.deepEqual(await findWebhook(at.db, webhook.id), { ...webhook, secret: bytes('new'), oldSecret: old });
    const to = anId();
    assert.equal(await winners(() => replaceSecret(at.db, { id: webhook.id, secret: bytes('new') }, bytes(to), old)), 1);
  });

  it('counts what waits and what was given up, of each and of all', async () => {
    const none = { queued: 0, dead: 0 };
    assert.deepEqual(await countWebhooks(at.db), { webhooks: { well: 0, failing: 0, disabled: 0 }, deliveries: none });
    const [idle, busy, other] = [await storedWebhook(at.db), await storedWebhook(at.db), await storedWebhook(at.db)];
    await queue(busy.id, 3);
    for (let n = 0; n < 2; n++) await giveUp(busy.id);
    await giveUp(other.id);
    const sent = aDelivery(busy.id);
    await queueDeliveries(at.db, [sent], at0);
    await settleDelivery(at.db, { id: sent.id, attempts: 0 }, { state: 'sent', refusals: 0, nextAt: at0, sentAt: at0 });
    const counts = await countDeliveries(at.db, [busy.id, idle.id, 'unknown']);
    assert.deepEqual([...counts].sort(), Object.entries({ [busy.id]: { queued: 3, dead: 2 }, [idle.id]: none, unknown: none }).sort());
    assert.deepEqual(await countDeliveries(at.db, []), new Map());
    for (const each of [busy, other]) await setHealth(at.db, each, failing);
    await disableWebhook(at.db, other.id, disabled);
    assert.deepEqual(await countWebhooks(at.db), { webhooks: { well: 1, failing: 1, disabled: 1 }, deliveries: { queued: 3, dead: 3 } });
  });
});
