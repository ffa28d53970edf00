import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Db, migrate, openDatabase } from '../../src/store/open.ts';
import { type Engine, engines } from './ca.ts';
import { freshPostgres } from './postgres.ts';

/** A migrated database of a test's own. */
export interface TestDatabase {
  db: Db;
  url: string;
  engine: Engine;
  close(): Promise<void>;
}

export async function openTestDatabase(engine: Engine): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-store-'));
  const url = engine === 'postgres' ? await freshPostgres() : `sqlite:${join(folder, 'ca.db')}`;
  const db = await openDatabase(url);
  await migrate(db);
  return {
    db,
    url,
    engine,
    async close() {
      await db.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The same tests on each engine, with one database for all of them. Read `at.db` inside the tests only. */
export function onEachEngine(what: string, tests: (at: TestDatabase) => void): void {
  for (const engine of engines) {
    describe(`${what} (${engine})`, () => {
      const at = {} as TestDatabase;
      before(async () => {
        Object.assign(at, await openTestDatabase(engine));
      });
      after(() => at.close());
      tests(at);
    });
  }
}
