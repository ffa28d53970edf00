import assert from 'node:assert/strict';
import {
  allCheckpoints,
  type CheckpointRecord,
  checkpointsAfter,
  currentLog,
  findCheckpoint,
  findNotes,
  findTile,
  insertCheckpoint,
  insertLog,
  type LogRecord,
  lastCheckpoint,
  listLogs,
  newestCheckpoint,
  putTile,
  tilesOf,
} from '../../src/store/log.ts';
import { isDuplicate } from '../../src/store/open.ts';
import { onEachEngine } from '../kit/database.ts';
import { anId, at0, bytes } from '../kit/records.ts';

onEachEngine('the store of the log', at => {
  beforeEach(async () => {
    for (const table of ['checkpoints', 'log_tiles', 'logs']) await at.db(table).delete();
  });

  async function storedLog(more: Partial<Omit<LogRecord, 'id'>> = {}): Promise<LogRecord> {
    const log = { origin: `${anId()}/log`, publicKey: bytes('public'), key: bytes('key'), beganAt: at0, beganSize: 0, ...more };
    await insertLog(at.db, log);
    const { id } = (await currentLog(at.db)) ?? {};
    assert.ok(id);
    return { id, ...log };
  }
  async function signed(logId: number, ...sizes: number[]): Promise<CheckpointRecord[]> {
    const checkpoints = sizes.map(size => ({ logId, size, at: at0 + size, note: `note ${logId}/${size}\n` }));
    for (const checkpoint of checkpoints) await insertCheckpoint(at.db, checkpoint);
    return checkpoints;
  }

  describe('identities', () => {
    it('are none at first', async () => {
      assert.deepEqual(await listLogs(at.db), []);
      assert.equal(await currentLog(at.db), undefined);
    });

    it('come back as they were written, in their order, and the last is the one of now', async () => {
      const first = await storedLog({ beganAt: at0 + 9 });
      const second = await storedLog({ beganAt: at0, beganSize: 2 ** 40 });
      assert.deepEqual(await listLogs(at.db), [first, second], 'whatever their time says');
      assert.deepEqual(await currentLog(at.db), second);
      assert.ok(second.id > first.id);
    });

    it('have an origin each', async () => {
      const { origin } = await storedLog();
      await assert.rejects(storedLog({ origin }), isDuplicate);
    });
  });

  describe('tiles', () => {
    it('come back as wide as they have grown, by level and index', async () => {
      assert.equal(await findTile(at.db, 0, 0), undefined);
      await putTile(at.db, 0, 0, bytes('a'));
      await putTile(at.db, 1, 0, bytes('above'));
      await putTile(at.db, 0, 2 ** 40, bytes('far'));
      await putTile(at.db, 0, 0, Buffer.concat([bytes('a'), bytes('b')]));
      assert.deepEqual(await findTile(at.db, 0, 0), Buffer.concat([bytes('a'), bytes('b')]));
      assert.deepEqual(await findTile(at.db, 1, 0), bytes('above'));
      assert.deepEqual(await findTile(at.db, 0, 2 ** 40), bytes('far'));
      assert.equal(await findTile(at.db, 0, 1), undefined);
    });

    it('go with the transaction that they are written in', async () => {
      await putTile(at.db, 0, 0, bytes('a'));
      const undone = at.db.transaction(async trx => {
        await putTile(trx, 0, 0, bytes('b'));
        assert.deepEqual(await findTile(trx, 0, 0), bytes('b'));
        throw new Error('undone');
      });
      await assert.rejects(undone, /undone/);
      assert.deepEqual(await findTile(at.db, 0, 0), bytes('a'));
    });

    it('are read once by a reader, the missing ones too; another reader reads anew', async () => {
      const read = tilesOf(at.db);
      await putTile(at.db, 0, 0, bytes('a'));
      assert.deepEqual(await read({ level: 0, index: 0 }), bytes('a'));
      assert.deepEqual(await read({ level: 0, index: 1 }), new Uint8Array());
      for (const index of [0, 1]) await putTile(at.db, 0, index, bytes('later'));
      assert.deepEqual(await read({ level: 0, index: 0 }), bytes('a'));
      assert.deepEqual(await read({ level: 0, index: 1 }), new Uint8Array());
      for (const index of [0, 1]) assert.deepEqual(await tilesOf(at.db)({ level: 0, index }), bytes('later'));
    });

    it('are kept apart by a reader where level and index have the same digits', async () => {
      const read = tilesOf(at.db);
      await putTile(at.db, 1, 11, bytes('one'));
      await putTile(at.db, 11, 1, bytes('other'));
      assert.deepEqual([await read({ level: 1, index: 11 }), await read({ level: 11, index: 1 })], [bytes('one'), bytes('other')]);
    });
  });

  describe('checkpoints', () => {
    it('are none at first', async () => {
      const { id } = await storedLog();
      const none = [newestCheckpoint(at.db, id), lastCheckpoint(at.db), findCheckpoint(at.db, id, 0)];
      assert.deepEqual(await Promise.all(none), [undefined, undefined, undefined]);
      assert.deepEqual(await allCheckpoints(at.db, { logId: 0, size: 0 }, 10), []);
    });

    it('come back by identity and size', async () => {
      const { id } = await storedLog();
      const [empty, large] = await signed(id, 0, 2 ** 40);
      assert.deepEqual(await findCheckpoint(at.db, id, 0), empty);
      assert.deepEqual(await findCheckpoint(at.db, id, 2 ** 40), large);
      assert.equal(await findCheckpoint(at.db, id, 1), undefined);
      assert.equal(await findCheckpoint(at.db, id + 1, 0), undefined);
    });

    it('are signed once at each size of an identity, by one of many', async () => {
      const [one, other] = [await storedLog(), await storedLog()];
      const all = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) => insertCheckpoint(at.db, { logId: one.id, size: 5, at: at0, note: `${i}` })),
      );
      const refused = all.filter(r => r.status === 'rejected');
      assert.equal(refused.length, 7);
      assert.ok(refused.every(r => isDuplicate(r.reason)));
      const winner = all.findIndex(r => r.status === 'fulfilled');
      assert.equal((await findCheckpoint(at.db, one.id, 5))?.note, `${winner}`);
      await signed(other.id, 5);
    });

    it('are the newest of an identity by their size, and the last by the newest identity', async () => {
      const [one, other] = [await storedLog(), await storedLog()];
      const [, largest] = await signed(one.id, 4, 30, 7);
      assert.deepEqual([await newestCheckpoint(at.db, one.id), await newestCheckpoint(at.db, other.id)], [largest, undefined]);
      assert.deepEqual(await lastCheckpoint(at.db), largest);
      const [, smaller] = await signed(other.id, 3, 8, 5);
      assert.deepEqual([await newestCheckpoint(at.db, one.id), await newestCheckpoint(at.db, other.id)], [largest, smaller]);
      assert.deepEqual(await lastCheckpoint(at.db), smaller, 'though the tree was larger once');
    });

    it('of every identity are read after one, in the order in which they were signed, up to a number', async () => {
      const [one, other] = [await storedLog(), await storedLog()];
      const [b, a] = await signed(one.id, 20, 10);
      const [d, c] = await signed(other.id, 15, 5);
      const order = [a, b, c, d] as CheckpointRecord[];
      assert.deepEqual(await allCheckpoints(at.db, { logId: 0, size: 0 }, 10), order);
      for (const [i, checkpoint] of order.entries()) {
        assert.deepEqual(await allCheckpoints(at.db, checkpoint, 10), order.slice(i + 1));
        assert.deepEqual(await allCheckpoints(at.db, checkpoint, 2), order.slice(i + 1, i + 3));
      }
      assert.deepEqual(await allCheckpoints(at.db, { logId: one.id, size: 19 }, 1), [b]);
      assert.deepEqual(await allCheckpoints(at.db, { logId: one.id, size: 10 ** 9 }, 1), [c]);
    });

    it('of one identity are read above a size, the smallest first, up to a number', async () => {
      const [one, other] = [await storedLog(), await storedLog()];
      const [c, a, b] = await signed(one.id, 30, 10, 20);
      await signed(other.id, 15, 25);
      const above = (size: number, limit = 10) => checkpointsAfter(at.db, one.id, size, limit);
      assert.deepEqual([await above(9), await above(10), await above(29), await above(30)], [[a, b, c], [b, c], [c], []]);
      assert.deepEqual(await above(0, 2), [a, b]);
    });
  });

  describe('notes', () => {
    it('are found by size, of every identity', async () => {
      const [one, other] = [await storedLog(), await storedLog()];
      const [a] = await signed(one.id, 5, 6);
      const [b, c] = await signed(other.id, 5, 7);
      assert.deepEqual(await findNotes(at.db, [5, 7, 8]), new Set([a?.note, b?.note, c?.note]));
      assert.deepEqual(await findNotes(at.db, [8]), new Set());
    });

    it('are not found of an identity that the log has not had', async () => {
      const { id } = await storedLog();
      await signed(id + 1, 5);
      assert.deepEqual(await findNotes(at.db, [5]), new Set());
    });

    for (const size of [Number.NaN, Number.POSITIVE_INFINITY, 5.5, 2 ** 53])
      it(`pass over ${size}, which is no size`, async () => {
        const { id } = await storedLog();
        const [checkpoint] = await signed(id, 5);
        assert.deepEqual(await findNotes(at.db, [size]), new Set());
        assert.deepEqual(await findNotes(at.db, [size, 5]), new Set([checkpoint?.note]));
      });

    it('are none of no sizes', async () => {
      await signed((await storedLog()).id, 5);
      assert.deepEqual(await findNotes(at.db, []), new Set());
    });
  });
});
