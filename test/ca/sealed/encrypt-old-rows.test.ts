import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog, openCtx } from '../../../src/app.ts';
import { sealPlain } from '../../../src/ca/sealed/encrypt-old-rows.ts';
import { openAddress, openContact, openMember, openWords, soughtHashes } from '../../../src/ca/sealed/personal-data.ts';
import { parseConfig } from '../../../src/config.ts';
import { findAccount } from '../../../src/store/accounts.ts';
import { listBlockedKeys } from '../../../src/store/blocked-keys.ts';
import { findEabKey } from '../../../src/store/doors.ts';
import { findMember, listMembers } from '../../../src/store/members.ts';
import { migrate, openDatabase } from '../../../src/store/open.ts';
import { findMessages } from '../../../src/store/outbox.ts';
import { findToken } from '../../../src/store/tokens.ts';
import { openVault } from '../../../src/vault/vault.ts';
import { engines } from '../../kit/ca.ts';
import { fakeNetwork } from '../../kit/fake-network.ts';
import { dump, foundIn, rawFiles, rawTables } from '../../kit/needles.ts';
import { freshPostgres } from '../../kit/postgres.ts';
import { anId, at0, bytes } from '../../kit/records.ts';

const person = { name: 'Zacharias Quillfeather', contact: 'zq@letterbox.test', acme: 'zq.acme@phone.test', address: '203.0.113.77' };
const words = 'laptop of Wilhelmina Oakenshield';
const needles = [...Object.values(person), words];

for (const engine of engines)
  describe(`a database of a version that kept what is personal in the clear (${engine})`, () => {
    let folder: string;
    let url: string;
    const many = Array.from({ length: 450 }, anId);
    const [member = '', left = ''] = many;
    const [account, bare, deactivated] = [anId(), anId(), anId()];
    const messages = ['queued', 'sent', 'dead'].map(state => ({ id: anId(), state }));
    const [kid, token] = [anId(), anId()];
    const spki_hash = bytes('blocked');

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-plain-'));
      url = engine === 'postgres' ? await freshPostgres() : `sqlite:${join(folder, 'ca.db')}`;
      const db = await openDatabase(url);
      await migrate(db);
      await db.migrate.down({ name: '0013-privacy' });
      const row = (id: string, status = 'active') => ({
        id,
        name: person.name,
        status,
        contacts: JSON.stringify([person.contact]),
        created_at: at0,
      });
      await db('members').insert(many.map(id => row(id, id === left ? 'left' : 'active')));
      await db('audit').insert({
        at: at0 + 77,
        action: 'member.left',
        who: 'operator',
        door: 'command-line',
        subject: JSON.stringify({ member: left }),
      });
      const plain = (id: string, contact: string[], status = 'valid') => ({
        id,
        member_id: member,
        door: 'eab',
        jwk: '{}',
        thumbprint: id,
        status,
        contact: JSON.stringify(contact),
        created_at: at0,
      });
      await db('accounts').insert([
        plain(account, [`mailto:${person.acme}`]),
        plain(bare, []),
        plain(deactivated, [`mailto:${person.acme}`], 'deactivated'),
      ]);
      await db('retired_keys').insert({ thumbprint: deactivated, account_id: deactivated, retired_at: at0 + 99 });
      const refs = JSON.stringify({ challengeId: 'c', mailbox: 'hostmaster@im.test', address: person.address });
      await db('outbox').insert(
        messages.map(m => ({ ...m, kind: 'challenge-code', refs, attempts: 0, created_at: at0, next_at: at0 + 1e9 })),
      );
      await db('eab_keys').insert({ kid, member_id: member, label: words, secret: Buffer.alloc(8), expires_at: at0, created_at: at0 });
      await db('tokens').insert({ id: token, secret_hash: bytes('token'), label: words, scopes: '["read"]', created_at: at0 });
      await db('blocked_keys').insert({ spki_hash, why: words, blocked_at: at0 });
      assert.ok(foundIn(await dump(db, engine), needles).length >= needles.length, 'it is there before');
      if (engine === 'postgres') assert.ok(foundIn(await rawTables(db), needles).length >= needles.length, 'in the files too');
      await db.destroy();
    });
    after(() => rm(folder, { recursive: true, force: true }));

    const open = () =>
      openCtx(parseConfig({ dataDir: 'data', database: url, log: 'silent' }, folder), {
        net: fakeNetwork(),
        now: () => at0,
        log: createLog('silent'),
      });

    it('is encrypted by the next start, whatever interrupts that, and works as before', async () => {
      // The migration alone, as by knex's own command.
      const db = await openDatabase(url);
      await migrate(db);
      assert.equal(Number((await db('unsealed').count('* as n').first())?.['n']), many.length + 2 + 1 + 3);
      // All of the rest but the end, where what was in the clear leaves the files.
      const { raw } = db;
      Object.defineProperty(db, 'raw', {
        value: (...statement: Parameters<typeof raw>) => {
          if (/vacuum|checkpoint/.test(String(statement[0]))) throw new Error('the power went out');
          return raw.apply(db, statement);
        },
      });
      const vault = openVault(parseConfig({ dataDir: 'data', database: url }, folder), randomBytes);
      await assert.rejects(sealPlain({ db, vault }), /power/);
      assert.deepEqual(foundIn(await dump(db, engine), needles), [], 'in no table any more');
      await db.destroy();

      const ctx = await open();
      assert.equal((await ctx.db('unsealed')).length, 0);
      for (const id of [member, left]) {
        const found = await findMember(ctx.db, id);
        assert.deepEqual(found && openMember(ctx, found), { name: person.name, contacts: [person.contact] });
      }
      assert.equal((await findMember(ctx.db, left))?.leftAt, at0 + 77);
      assert.equal((await listMembers(ctx.db, undefined, [soughtHashes(ctx, { kind: 'name', value: person.name })])).length, many.length);
      const contactOf = async (id: string) => {
        const found = await findAccount(ctx.db, id);
        return found && openContact(ctx, found);
      };
      assert.deepEqual(await contactOf(account), [`mailto:${person.acme}`]);
      assert.equal((await findAccount(ctx.db, bare))?.contact, undefined);
      assert.equal((await ctx.db('accounts').where({ id: deactivated }).first()).deactivated_at, at0 + 99);
      const told = await findMessages(
        ctx.db,
        messages.map(m => m.id),
      );
      for (const message of told) {
        assert.deepEqual(message.refs, { challengeId: 'c', mailbox: 'hostmaster@im.test' });
        assert.deepEqual(openAddress(ctx, message), message.state === 'queued' ? { address: person.address } : undefined);
      }
      assert.equal(openWords(ctx, 'eab', kid, (await findEabKey(ctx.db, kid))?.label ?? new Uint8Array()), words);
      assert.equal(openWords(ctx, 'token', token, (await findToken(ctx.db, token))?.label ?? new Uint8Array()), words);
      const [blocked] = await listBlockedKeys(ctx.db);
      assert.equal(openWords(ctx, 'blocked', blocked?.key ?? '', blocked?.why ?? new Uint8Array()), words);
      assert.deepEqual(foundIn(await dump(ctx.db, engine), needles), []);
      const files = async () => (engine === 'sqlite' ? rawFiles(join(folder, 'ca.db')) : rawTables(ctx.db));
      assert.deepEqual(foundIn(await files(), needles), [], 'in the files while they are open');
      await ctx.close();
      if (engine === 'sqlite') assert.deepEqual(foundIn(rawFiles(join(folder, 'ca.db')), needles), [], 'in the file');
    });

    it('starts again as it is', async () => {
      const ctx = await open();
      assert.equal((await listMembers(ctx.db)).length, many.length);
      await ctx.close();
    });
  });
