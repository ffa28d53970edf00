import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listAudit } from '../../src/store/audit.ts';
import { type Db, databaseClock, openDatabase } from '../../src/store/open.ts';
import { AcmeClient } from '../kit/acme-client.ts';
import { issue } from '../kit/issue.ts';
import { freshPostgres } from '../kit/postgres.ts';
import { makeSite, type ServerProcess, type Site, until } from '../kit/process.ts';
import { serialOf } from '../kit/renewal.ts';
import { startWorld, type World } from '../kit/world.ts';
import { letLeasesLapse, Seen } from './crash-revocations.ts';

describe('a server process that is killed while it publishes a CRL', () => {
  let world: World;
  let site: Site;
  let db: Db;
  let first: ServerProcess;
  let second: ServerProcess;
  before(async function () {
    this.timeout(120_000);
    world = await startWorld();
    site = await makeSite({ validation: { ...world.validation, methods: ['http-01'] }, database: await freshPostgres(), log: 'error' });
    first = site.serve();
    await first.ready;
    second = site.serve();
    await second.ready;
    db = await openDatabase(site.database);
  });
  after(async () => {
    await db?.destroy();
    await second?.end('SIGTERM');
    await site?.close();
    await world?.close();
  });

  async function issued(): Promise<string> {
    const { id } = await site.json('member', 'add', '--name', 'Example Club', '--email', 'admin@club.test');
    const client = new AcmeClient(site.publicUrl, first.address, await readFile(join(site.folder, 'data/root.pem'), 'utf8'));
    try {
      await client.open();
      await client.register({ eab: await site.json('eab', 'create', '--member', id) });
      return (await issue(client, world, ['im.test'])).chain;
    } finally {
      client.close();
    }
  }
  const lease = () => db('leases').where('name', 'like', 'crl:%').where('until', '>', databaseClock(db)).first('holder', 'fence');
  const published = async () => (await listAudit(db, { action: 'crl.published' })).length;

  /** What is revoked is to be published by the first one, the second being stopped; the first stops half way, for CRLs can be read and not written. */
  async function revokedWhileHeldUp() {
    const chain = await issued();
    const seen = await Seen.of(site);
    const before = await published();
    void second.end('SIGSTOP');
    const writers = await db.transaction();
    await writers.raw('lock table crls in share row exclusive mode');
    await site.json('cert', 'revoke', serialOf(chain));
    return { chain, told: [{ chain, isRevoked: true }], seen, before, writers };
  }

  it('leaves it to another one, which does it when the lease has lapsed', async function () {
    this.timeout(120_000);
    const { chain, told, seen, before, writers } = await revokedWhileHeldUp();
    const held = await until(lease);
    assert.equal((await first.end('SIGKILL')).signal, 'SIGKILL');
    await writers.rollback();
    void second.end('SIGCONT');

    await seen.askOcsp(second, told);
    assert.deepEqual(await lease(), held, 'the dead still holds it');
    assert.deepEqual(await seen.missing(second, told), [serialOf(chain)]);
    await letLeasesLapse(site.database);
    await until(async () => (await seen.missing(second, told)).length === 0);
    assert.equal(await published(), before + 1);
    const after = await db('leases').where('name', 'like', 'crl:%').first('holder', 'fence');
    assert.ok(after.holder !== held.holder && after.fence > held.fence);
  });

  it('leaves it to another one also where it was frozen in the middle of its transaction', async function () {
    this.timeout(180_000);
    first = site.serve();
    await first.ready;
    const { told, seen, before, writers } = await revokedWhileHeldUp();
    // In this database alone: other tests have theirs on the same server.
    const waiting = () => db('pg_stat_activity').whereRaw('datname = current_database()').where('wait_event_type', 'Lock');
    await until(async () => (await waiting().whereLike('query', '%crls%')).length > 0);
    void first.end('SIGSTOP');
    await writers.rollback();
    void second.end('SIGCONT');

    await until(async () => (await seen.missing(second, told)).length === 0);
    assert.equal(await published(), before + 1);
    void first.end('SIGCONT');
    assert.equal((await first.end('SIGTERM')).code, 0, 'it has lost the lease, and goes on');
    assert.equal(await published(), before + 1);
  });
});
