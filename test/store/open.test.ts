import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { DatabaseError, type Db, databaseClock, holdServeLock, migrate, openDatabase, withSetupLock } from '../../src/store/open.ts';
import { engines } from '../kit/ca.ts';
import { onEachEngine } from '../kit/database.ts';
import { freshPostgres } from '../kit/postgres.ts';
import { makeSite, runProcess } from '../kit/process.ts';
import { at0, storedMember } from '../kit/records.ts';

async function schemaOf(db: Db, engine: string): Promise<string[]> {
  if (engine === 'sqlite') {
    const rows: { name: string; sql: string }[] = await db('sqlite_master').whereNot('name', 'like', 'sqlite_%').orderBy('name');
    return rows.map(({ name, sql }) => `${name} ${sql}`);
  }
  const columns = await db.raw(
    "select table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable as text from information_schema.columns where table_schema = 'public' order by 1",
  );
  const indexes = await db.raw("select indexdef as text from pg_indexes where schemaname = 'public' order by 1");
  return [...columns.rows, ...indexes.rows].map((r: { text: string }) => r.text);
}

onEachEngine('an open database', at => {
  it('goes down to nothing, and up again to the same', async () => {
    const before = await schemaOf(at.db, at.engine);
    assert.ok(before.length > 40);
    await at.db.migrate.rollback(undefined, true);
    const left = (await schemaOf(at.db, at.engine)).filter(text => !/migrations/.test(text));
    assert.deepEqual(left, []);
    await migrate(at.db);
    assert.deepEqual(await schemaOf(at.db, at.engine), before);
    await migrate(at.db);
    assert.deepEqual(await schemaOf(at.db, at.engine), before);
  });

  it('is brought up to date also where a run before was killed in the middle', async () => {
    await at.db('migrations_lock').update({ is_locked: 1 });
    await migrate(at.db);
    await storedMember(at.db);
  });

  it('says its own time', async () => {
    const seconds = async () => {
      const [row] = await at.db.select({ now: databaseClock(at.db) });
      return row?.now;
    };
    const first = await seconds();
    assert.equal(typeof first, 'number');
    assert.ok(Math.abs(first - Date.now() / 1000) < 60);
  });

  it('keeps whole numbers, large ones too', async () => {
    const member = await storedMember(at.db, { createdAt: 2 ** 40 });
    const row = await at.db('members').where({ id: member.id }).first();
    assert.equal(row.created_at, 2 ** 40);
  });

  it('writes a transaction whole or not at all', async () => {
    const count = async () => Number((await at.db('members').count('* as n').first())?.['n']);
    const before = await count();
    const failing = at.db.transaction(async trx => {
      await storedMember(trx);
      await storedMember(trx);
      throw new Error('undone');
    });
    await assert.rejects(failing, /undone/);
    assert.equal(await count(), before);
  });

  it('is set up by one at a time', async () => {
    if (at.engine === 'sqlite') return; // One process; others are in the test of the command line below.
    let inside = 0;
    let most = 0;
    const work = () =>
      withSetupLock(at.db, at.url, async () => {
        most = Math.max(most, ++inside);
        await at.db.raw('select pg_sleep(0.02)');
        inside--;
      });
    await Promise.all([work(), work(), work()]);
    assert.equal(most, 1);
    await assert.rejects(
      withSetupLock(at.db, at.url, async () => Promise.reject(new Error('failed'))),
      /failed/,
    );
    await work();
  });
});

describe('databases of several connections on SQLite', () => {
  let folder: string;
  let url: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-store-'));
    url = `sqlite:${join(folder, 'deep/down/ca.db')}`;
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('are durable: write-ahead log, every commit on the disk, foreign keys', async () => {
    const db = await openDatabase(url);
    const pragma = async (name: string) => Object.values((await db.raw(`pragma ${name}`))[0])[0];
    assert.equal(await pragma('journal_mode'), 'wal');
    assert.equal(await pragma('synchronous'), 2);
    assert.equal(await pragma('foreign_keys'), 1);
    await db.destroy();
  });

  it('let a transaction write that has read before another wrote', async () => {
    const [one, other] = [await openDatabase(url), await openDatabase(url)];
    await migrate(one);
    await storedMember(other, { createdAt: at0 });
    await one.transaction(async trx => {
      await trx('members').select('id');
      await storedMember(trx);
    });
    assert.equal((await other('members').select('id')).length, 2);
    await one.destroy();
    await other.destroy();
  });

  it('are served by one', () => {
    const release = holdServeLock(url);
    assert.throws(() => holdServeLock(url), DatabaseError);
    release();
    holdServeLock(url)();
  });

  it('are set up by one at a time, and the lock is free again after a failure', async () => {
    const db = await openDatabase(url);
    await assert.rejects(
      withSetupLock(db, url, async () => Promise.reject(new Error('failed'))),
      /failed/,
    );
    assert.equal(await withSetupLock(db, url, async () => 7), 7);
    await db.destroy();
  });
});

describe('a database that cannot be reached', () => {
  it('is said in one line, without the password', async () => {
    const warned = mock.method(console, 'warn', () => {});
    for (const url of ['postgres://ca:s3cret@127.0.0.1:1/ca', 'postgresql://ca:s3cret@127.0.0.1:1/ca']) {
      await assert.rejects(openDatabase(url), (error: Error) => {
        assert.ok(error instanceof DatabaseError);
        assert.match(error.message, /127\.0\.0\.1:1\/ca cannot be reached: .*ECONNREFUSED/);
        assert.doesNotMatch(error.message, /s3cret|\n/);
        return true;
      });
    }
    warned.mock.restore();
    assert.equal(warned.mock.callCount(), 0, 'knex says nothing by itself');
  });

  it('on PostgreSQL says a wrong password and a missing database without telling the password', async () => {
    const url = new URL(await freshPostgres());
    const wrong = new URL(url);
    wrong.password = 'wr0ng';
    await assert.rejects(openDatabase(wrong.href), (error: Error) => {
      assert.match(error.message, /password authentication failed/);
      assert.doesNotMatch(error.message, /wr0ng/);
      return true;
    });
    url.pathname = '/nothing';
    await assert.rejects(openDatabase(url.href), /database "nothing" does not exist/);
  });

  it('on SQLite is a file that is none, or a folder that cannot be', async () => {
    await assert.rejects(openDatabase('sqlite:/dev/null/ca.db'));
    await assert.rejects(openDatabase('sqlite:/proc'));
  });
});

describe('a first start by many processes at once', () => {
  for (const engine of engines) {
    it(`makes one database and one hierarchy (${engine})`, async () => {
      const site = await makeSite(engine === 'postgres' ? { database: await freshPostgres() } : {});
      try {
        const ran = await Promise.all(Array.from({ length: 5 }, () => runProcess(['init', '--json'], { cwd: site.folder })));
        for (const { code, stderr } of ran) assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
        const db = await openDatabase(site.database);
        assert.equal((await db('issuers')).length, 2);
        assert.equal((await db('audit').where({ action: 'authority.created' })).length, 1);
        assert.equal((await db('settings').where({ name: 'kek' })).length, 1);
        await db.destroy();
      } finally {
        await site.close();
      }
    });
  }
});
