import { rmSync } from 'node:fs';
import { cp, mkdtemp, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog, openCtx } from '../../src/app.ts';
import type { Config } from '../../src/config.ts';
import type { Engine } from './ca.ts';
import { fakeNetwork } from './fake-network.ts';
import { freshPostgres } from './postgres.ts';

/** What a first start leaves: a data folder, and a database file or the name of a database. */
interface Left {
  folder: string;
  database: string;
}

/** By all that stands in it. */
const made = new Map<string, Promise<Left>>();

/**
 * Puts a database and a data folder in place as a first start leaves them: the start of the tests is then a second one, which makes no keys.
 * @param file where the database lies, for SQLite
 * @param now epoch seconds of the first start
 * @returns the URL of the database
 */
export async function afterFirstStart(engine: Engine, config: Config, file: string, now: number): Promise<string> {
  const key = JSON.stringify([engine, config.publicUrl, config.status.publicUrl, now]);
  const making = made.get(key) ?? firstStart(engine, config, now);
  made.set(key, making);
  const { folder, database } = await making;
  await cp(folder, config.dataDir, { recursive: true });
  if (engine === 'postgres') return freshPostgres({ template: database });
  await rename(join(config.dataDir, 'ca.db'), file);
  return `sqlite:${file}`;
}

async function firstStart(engine: Engine, config: Config, now: number): Promise<Left> {
  const top = await mkdtemp(join(tmpdir(), 'xmpp-ca-first-'));
  process.once('exit', () => rmSync(top, { recursive: true, force: true }));
  const folder = join(top, 'data');
  const database = engine === 'postgres' ? await freshPostgres() : `sqlite:${join(folder, 'ca.db')}`;
  const keys = { encryptionKeyFile: join(folder, 'keys', 'kek') };
  const ctx = await openCtx(
    { ...config, dataDir: folder, database, keys },
    { now: () => now, net: fakeNetwork(), log: createLog('silent') },
  );
  // Not closed as a server closes it: that would seal the audit log.
  await ctx.background.close();
  await ctx.db.destroy();
  return { folder, database };
}
