import assert from 'node:assert/strict';
import type { Knex } from 'knex';
import { isDuplicate } from '../../src/store/open.ts';
import { insertRows, places, rowsOf, selectRow, selectRows, updateRows } from '../../src/store/rows.ts';
import { onEachEngine } from '../kit/database.ts';
import { bytes } from '../kit/records.ts';

interface Thing {
  id: string;
  n: number | null;
  words: string | null;
  blob: Uint8Array | null;
}

describe('the places of a list', () => {
  const lists: [values: unknown[], sql: string][] = [
    [[], 'null'],
    [['a'], '?'],
    [['a', 2, null], '?, ?, ?'],
  ];
  for (const [values, sql] of lists) it(`of ${values.length} are "${sql}"`, () => assert.equal(places(values), sql));
});

onEachEngine('plain statements', at => {
  before(() =>
    at.db.schema.createTable('things', t => {
      t.string('id', 64).primary();
      t.bigInteger('n');
      t.text('words');
      t.binary('blob');
    }),
  );
  beforeEach(() => at.db('things').delete());

  const aThing = (id: string, more: Partial<Thing> = {}): Thing => ({ id, n: null, words: null, blob: null, ...more });
  const insert = (...things: (Partial<Thing> & { id: string })[]) => insertRows(at.db, 'things', ...things.map(t => ({ ...t })));
  const find = (id: string) => selectRow<Thing>(at.db, 'things', { id });
  const ids = async (where: Parameters<typeof selectRows>[2]) => (await selectRows<Thing>(at.db, 'things', where)).map(t => t.id).sort();

  describe('that insert', () => {
    const values: [what: string, column: 'n' | 'words' | 'blob', value: string | number | Uint8Array][] = [
      ['nought', 'n', 0],
      ['a negative number', 'n', -1],
      ['the largest number', 'n', Number.MAX_SAFE_INTEGER],
      ['an empty text', 'words', ''],
      ['a text that looks like SQL', 'words', `'; drop table things; -- ? ?? :id $1 \\? "`],
      ['a text of many scripts', 'words', 'Röhre 管 🚇\n\t'],
      ['no bytes', 'blob', new Uint8Array()],
      ['bytes of every value', 'blob', Uint8Array.from({ length: 256 }, (_, i) => i)],
      ['a part of an array of bytes', 'blob', Uint8Array.of(9, 1, 2, 9).subarray(1, 3)],
    ];
    for (const [what, column, value] of values)
      it(`keep ${what}, and find it again`, async () => {
        const expected = aThing('a', { [column]: value instanceof Uint8Array ? Buffer.from(value) : value });
        await insertRows(at.db, 'things', { id: 'a', [column]: value });
        await insert(aThing('null'));
        assert.deepEqual(await find('a'), expected);
        assert.deepEqual(await ids({ [column]: value }), ['a']);
      });

    it('write NULL for null, for `undefined` and for a column that is left out', async () => {
      await insertRows(at.db, 'things', { id: 'a', n: null, words: undefined });
      assert.deepEqual(await find('a'), aThing('a'));
    });

    it('write several rows by the names of their columns, in whatever order', async () => {
      const things = [aThing('a', { n: 1, words: 'one' }), aThing('b', { n: 2 }), aThing('c', { words: 'three' })];
      await insertRows(at.db, 'things', { id: 'a', n: 1, words: 'one' }, { words: undefined, n: 2, id: 'b' }, { id: 'c', words: 'three' });
      assert.deepEqual(await Promise.all(['a', 'b', 'c'].map(find)), things);
    });

    it('write all of their rows or none', async () => {
      await insert(aThing('b'));
      await assert.rejects(insert(aThing('a'), aThing('b')), isDuplicate);
      assert.equal(await find('a'), undefined);
    });

    it('write many rows', async () => {
      await insert(...Array.from({ length: 500 }, (_, n) => aThing(`${n}`, { n, words: 'many' })));
      assert.equal((await ids({ words: 'many' })).length, 500);
    });

    it('write nothing where there are no rows', async () => {
      await insertRows(at.db, 'things');
      assert.deepEqual(await rowsOf(at.db, 'select * from things', []), []);
    });

    it('take expressions of the database among the values', async () => {
      await insertRows(at.db, 'things', { id: 'a', n: at.db.raw('40 + ?', [2]), words: at.db.raw("'a' || ?", ['b']) });
      assert.deepEqual(await find('a'), aThing('a', { n: 42, words: 'ab' }));
      await insertRows(at.db, 'things', { id: 'b', n: at.db.raw('1 + 1'), words: 'after an expression' });
      assert.deepEqual(await find('b'), aThing('b', { n: 2, words: 'after an expression' }));
    });
  });

  describe('that select', () => {
    beforeEach(() =>
      insert(
        aThing('a', { n: 1, words: 'one', blob: bytes('x') }),
        aThing('b', { n: 1, blob: bytes('x') }),
        aThing('c', { words: 'one', blob: bytes('y') }),
        aThing('d'),
      ),
    );
    const wheres: [what: string, where: Parameters<typeof selectRows>[2], found: string[]][] = [
      ['one column', { n: 1 }, ['a', 'b']],
      ['all of several columns', { n: 1, words: 'one' }, ['a']],
      ['NULL', { n: null }, ['c', 'd']],
      ['NULL and a value', { n: null, words: 'one' }, ['c']],
      ['bytes', { blob: bytes('x') }, ['a', 'b']],
      ['a value that no row has', { n: 2 }, []],
      ['`undefined`, which nothing equals', { n: undefined }, []],
    ];
    for (const [what, where, found] of wheres)
      it(`find rows by ${what}`, async () => {
        assert.deepEqual(await ids(where), found);
        const one = await selectRow<Thing>(at.db, 'things', where);
        assert.equal(one !== undefined && found.includes(one.id), found.length > 0);
      });

    it('find rows by an expression of the database', async () => {
      assert.deepEqual(await ids({ n: at.db.raw('3 - ?', [2]), words: null }), ['b']);
    });
  });

  describe('that update', () => {
    beforeEach(() => insert(aThing('a', { n: 1, words: 'one' }), aThing('b', { n: 1 }), aThing('c')));
    const update = (where: Parameters<typeof updateRows>[2], change: Parameters<typeof updateRows>[3], db: Knex = at.db) =>
      updateRows(db, 'things', where, change);

    it('change the rows that are as they were read, and count them', async () => {
      assert.equal(await update({ n: 1 }, { n: 2 }), 2);
      assert.equal(await update({ n: 1 }, { n: 3 }), 0, 'moved already');
      assert.deepEqual(await ids({ n: 2 }), ['a', 'b']);
      assert.deepEqual(await find('c'), aThing('c'));
    });

    it('count a row that they leave as it was', async () => {
      assert.equal(await update({ id: 'a', n: 1 }, { n: 1 }), 1);
    });

    it('compare with NULL, and with nothing that is `undefined`', async () => {
      assert.equal(await update({ id: 'c', n: undefined }, { n: 5 }), 0);
      assert.equal(await update({ id: 'c', n: null }, { n: 5 }), 1);
      assert.equal(await update({ id: 'c', n: null }, { n: 6 }), 0);
      assert.equal((await find('c'))?.n, 5);
    });

    it('write NULL for null, and leave a column alone for `undefined`', async () => {
      assert.equal(await update({ id: 'a' }, { n: null, words: undefined, blob: bytes('x') }), 1);
      assert.deepEqual(await find('a'), aThing('a', { words: 'one', blob: bytes('x') }));
    });

    it('keep the values of the change apart from those of the comparison', async () => {
      assert.equal(await update({ words: 'one', n: 1 }, { words: 'two', n: 7 }), 1);
      assert.deepEqual(await find('a'), aThing('a', { n: 7, words: 'two' }));
    });

    it('take expressions of the database on both sides', async () => {
      assert.equal(await update({ id: 'a', n: at.db.raw('2 - ?', [1]) }, { n: at.db.raw('n + ?', [10]), words: 'two' }), 1);
      assert.deepEqual(await find('a'), aThing('a', { n: 11, words: 'two' }));
    });

    it('change a row for one of many that ask at once', async () => {
      const counts = await Promise.all(Array.from({ length: 8 }, (_, i) => update({ id: 'c', n: null }, { n: i })));
      assert.deepEqual(counts.toSorted(), [0, 0, 0, 0, 0, 0, 0, 1]);
      assert.equal((await find('c'))?.n, counts.indexOf(1));
    });

    it('go with their transaction, and are refused when it has ended', async () => {
      const trx = await at.db.transaction();
      assert.equal(await update({ id: 'a' }, { n: 9 }, trx), 1);
      assert.equal((await selectRow<Thing>(trx, 'things', { id: 'a' }))?.n, 9);
      await trx.rollback();
      assert.equal((await find('a'))?.n, 1);
      await assert.rejects(update({ id: 'a' }, { n: 9 }, trx));
      assert.equal((await find('a'))?.n, 1);
    });
  });

  describe('of another form', () => {
    beforeEach(() => insert(aThing('a', { n: 1 }), aThing('b', { n: 2 }), aThing('c', { n: 3 })));

    it('read what they ask for', async () => {
      assert.deepEqual(await rowsOf(at.db, 'select id from things where n > ? order by n desc limit ?', [1, 5]), [
        { id: 'c' },
        { id: 'b' },
      ]);
      assert.deepEqual(await rowsOf(at.db, 'select count(*) as n from things where n is not distinct from ?', [undefined]), [{ n: 0 }]);
    });

    for (const [listed, found] of [
      [[], []],
      [['a'], ['a']],
      [
        ['c', 'a', 'a', 'none'],
        ['a', 'c'],
      ],
    ] as const)
      it(`find ${found.length} of a list of ${listed.length}`, async () => {
        const rows = await rowsOf<Thing>(at.db, `select * from things where id in (${places(listed)}) order by id`, listed);
        assert.deepEqual(
          rows.map(t => t.id),
          found,
        );
      });

    it('give back what they change, where they say so', async () => {
      assert.deepEqual(await rowsOf(at.db, 'update things set n = n + ? where id = ? returning n', [10, 'a']), [{ n: 11 }]);
      assert.deepEqual(await rowsOf(at.db, 'delete from things where id = ?', ['a']), []);
      assert.equal(await find('a'), undefined);
    });

    it('take bytes that are no Buffer, and `undefined` as NULL', async () => {
      await rowsOf(at.db, 'update things set blob = ?, n = ? where id = ?', [Uint8Array.of(1, 2, 3).subarray(1), undefined, 'b']);
      assert.deepEqual(await find('b'), aThing('b', { blob: Buffer.of(2, 3) }));
    });
  });
});
