import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { logSigner } from '../../../src/ca/audit/identity.ts';
import { openPersonal, recordAlone } from '../../../src/ca/audit/record.ts';
import { sealAudit } from '../../../src/ca/audit/seal.ts';
import { verifyAudit } from '../../../src/ca/audit/verify.ts';
import { keysInUse, retireKeys, rotateKeys, rotateRootKey } from '../../../src/ca/authority/change-keys.ts';
import { createIssuer } from '../../../src/ca/authority/issuers.ts';
import { beginProof, confirmDomain } from '../../../src/ca/domains/prove-domain.ts';
import { recoverCommitted } from '../../../src/ca/issuance/finalize.ts';
import { mailboxCode } from '../../../src/ca/mail/mailbox-code.ts';
import { openContact, openMember, sealAddress, soughtHashes } from '../../../src/ca/sealed/personal-data.ts';
import { operator } from '../../../src/model/audit.ts';
import { findAccount } from '../../../src/store/accounts.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { currentLog } from '../../../src/store/log.ts';
import { findMember, listMembers } from '../../../src/store/members.ts';
import { queue } from '../../../src/store/outbox.ts';
import { engines } from '../../kit/ca.ts';
import { crashedWhileSigning, issued, openTestCtx, type TestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { anId, storedMember } from '../../kit/records.ts';

const day = 86400;

for (const engine of engines)
  describe(`a change of the key-encryption key (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }), 'each');
    const file = () => join(at.folder, 'data/keys/kek');
    const rootKey = () => join(at.folder, 'data/keys/root.key');
    const keys = () => readFileSync(file(), 'utf8').trim().split('\n');
    const rotate = (on: TestCtx = at) => rotateKeys(on.ctx, undefined, operator, undefined);
    const retire = (force = false) => retireKeys(at.ctx, force, operator, undefined);

    /** Something in every column. */
    async function filled() {
      const { ctx } = at;
      const member = await at.run('member add', { name: 'Example Club', email: 'admin@club.test' });
      await at.run('eab create', { member: member.id, label: 'a label' });
      await at.run('token create', { scope: 'read', label: 'front desk' });
      await at.run('key block', { key: 'ab'.repeat(32), why: 'heard of' });
      const certificate = await issued(at);
      const account = (await at.run('account list')).at(-1);
      await recordAlone(ctx, { ...operator, address: '192.0.2.1' }, { action: 'member.suspended', subject: { member: member.id } });
      const id = anId();
      const message = { kind: 'challenge-code', refs: { challengeId: 'c', mailbox: 'hostmaster@im.test' } } as const;
      await queue(ctx.db, id, message, ctx.now() + day, {}, sealAddress(ctx, id, { address: '192.0.2.1' }));
      return { member, certificate, account };
    }

    it('encrypts all of it anew, in every table; an open process goes on, and everything opens', async () => {
      const { member } = await filled();
      const other = await at.another();
      const before = at.ctx.vault.keyId;
      const rotated = await rotate();
      assert.notEqual(rotated.key, before);
      assert.equal(rotated.rootKey, 'encrypted anew');
      assert.deepEqual(await keysInUse(at.ctx), [
        { key: rotated.key, isCurrent: true, isHere: true, sealed: rotated.sealed },
        { key: before, isCurrent: false, isHere: true, sealed: 0 },
      ]);
      assert.equal(keys().length, 2);
      assert.equal(statSync(file()).mode & 0o777, 0o600);
      assert.deepEqual(readdirSync(join(at.folder, 'data/keys')).sort(), ['kek', 'root.key']);

      assert.equal(other.ctx.vault.keyId, rotated.key, 'without a restart');
      for (const { ctx, run } of [at, other]) {
        assert.equal((await run('member show', { id: member.id })).name, 'Example Club');
        assert.deepEqual(
          (await run('member list', { email: 'ADMIN@club.test' })).map((m: { id: string }) => m.id).includes(member.id),
          true,
        );
        assert.equal((await run('eab list'))[0].label, 'a label');
        assert.equal((await run('key list'))[0].why, 'heard of');
        const [suspended] = await listAudit(ctx.db, { action: 'member.suspended' });
        assert.deepEqual(suspended && openPersonal(ctx, suspended), { address: '192.0.2.1' });
        const log = await currentLog(ctx.db);
        assert.ok(log && logSigner(ctx, log));
        await issued(other, ['more.test']);
      }
      await sealAudit(other.ctx);
      await verifyAudit(at.ctx);
      // A start afterwards.
      const later = await at.another();
      assert.equal(later.ctx.vault.keyId, rotated.key);
      await createIssuer(later.ctx, undefined, operator);
    });

    it('goes on where it was interrupted, with the same new key', async () => {
      await filled();
      const calls = { n: 0 };
      const { seal } = at.ctx.vault;
      at.ctx.vault.seal = (place, secret) => {
        if (place.in === 'members.personal' && calls.n++ === 0) throw new Error('the power went out');
        return seal(place, secret);
      };
      await assert.rejects(rotate(), /power/);
      const halfway = await keysInUse(at.ctx);
      assert.ok(
        halfway.every(k => k.sealed > 0),
        'some under each',
      );
      assert.equal((await at.run('vault status')).complete, false);
      const other = await at.another();
      await assert.rejects(retireKeys(other.ctx, true, operator, undefined), /not finished/);
      const { key } = await rotate(other);
      assert.equal(key, halfway[0]?.key);
      assert.equal(keys().length, 2);
      assert.deepEqual(await other.run('vault status'), {
        current: key,
        complete: true,
        keys: halfway.map(k => ({ key: k.key, here: true, sealed: k.key === key ? halfway.reduce((sum, h) => sum + h.sealed, 0) : 0 })),
      });
    });

    it('finds members by name and address in the middle of it', async () => {
      const [one, two] = [await storedMember(at.ctx), await storedMember(at.ctx)];
      const held = at.ctx.vault.seal.bind(at.ctx.vault);
      let failed = false;
      at.ctx.vault.seal = (place, secret) => {
        if (place.in === 'accounts.personal' && !failed) {
          failed = true;
          throw new Error('later');
        }
        return held(place, secret);
      };
      const account = anId();
      await at.ctx.db('accounts').insert({
        id: account,
        door: 'open',
        jwk: '{}',
        thumbprint: account,
        status: 'valid',
        created_at: 1,
        personal: Buffer.from(held({ in: 'accounts.personal', row: account }, Buffer.from('["mailto:a@b.test"]'))),
      });
      await assert.rejects(rotate(), /later/);
      const three = await storedMember(at.ctx);
      const found = async () =>
        (await listMembers(at.ctx.db, undefined, [soughtHashes(at.ctx, { kind: 'email', value: 'admin@club.test' })]))
          .map(m => m.id)
          .sort();
      assert.deepEqual(await found(), [one.id, two.id, three.id].sort());
      await rotate();
      assert.deepEqual(await found(), [one.id, two.id, three.id].sort());
      await retire(true);
      assert.deepEqual(await found(), [one.id, two.id, three.id].sort());
      const stored = await findAccount(at.ctx.db, account);
      assert.deepEqual(stored && openContact(at.ctx, stored), ['mailto:a@b.test']);
    });

    it('lets what was mailed and what was committed under the old key be answered and signed', async () => {
      const member = await storedMember(at.ctx);
      at.net.dns.mx.set('im.test', [{ exchange: 'mx.im.test', preference: 10 }]);
      const { proof } = await beginProof(at.ctx, member, { domain: 'im.test' }, operator);
      const code = mailboxCode(at.ctx, 'proof', proof.id, proof.domain, proof.mailbox);
      const { serial } = await crashedWhileSigning(at, ['late.test']);
      await rotate();
      assert.notEqual(mailboxCode(at.ctx, 'proof', proof.id, proof.domain, proof.mailbox), code);
      await assert.rejects(retire(true), /certificate is being issued/);
      await recoverCommitted(at.ctx);
      assert.equal((await at.ctx.db('certificates').where({ serial }).first()).state, 'issued');
      await confirmDomain(at.ctx, member, { domain: 'im.test', code }, operator);
    });

    it('drops the old key when nothing needs it: no code, no root key', async () => {
      await filled();
      const [old = ''] = keys();
      const away = join(at.folder, 'root.key.away');
      renameSync(rootKey(), away);
      const first = at.ctx.vault.keyId;
      assert.equal((await rotate()).rootKey, 'away');
      await assert.rejects(retire(), /codes that were mailed before are good until/);
      at.clock.now += day;
      await assert.rejects(retire(), new RegExp(`root's key was last seen encrypted under ${first}`));
      await rotateRootKey(at.ctx, away, operator);
      assert.deepEqual(await retire(), [first]);
      assert.deepEqual(await retire(), [], 'again is no harm');
      assert.equal(keys().length, 1);
      assert.ok(!keys().includes(old));
      renameSync(away, rootKey());
      const later = await at.another();
      await createIssuer(later.ctx, undefined, operator);
      const actions = (await listAudit(at.ctx.db)).map(r => r.action);
      for (const action of ['vault.rotated', 'vault.retired'] as const) assert.ok(actions.includes(action), action);
    });

    it('drops no key that is not on record', async () => {
      const first = at.ctx.vault.keyId;
      await rotate();
      renameSync(file(), `${file()}.away`);
      await assert.rejects(retire(true), /ENOENT/);
      assert.deepEqual(
        (await listAudit(at.ctx.db, { action: 'vault.retired' })).map(r => r.detail),
        [{ keys: [first] }],
      );
      renameSync(`${file()}.away`, file());
      assert.deepEqual(await retire(true), [first]);
    });

    it('keeps the old key where something is under it that another process cannot have seen', async () => {
      await rotate();
      at.clock.now += day;
      const [, old = ''] = keys();
      // A machine that was not brought the new key.
      mkdirSync(join(at.folder, 'behind/keys'), { recursive: true });
      writeFileSync(join(at.folder, 'behind/keys/kek'), `${old}\n`);
      await assert.rejects(at.another({ dataDir: 'behind' }), /another key-encryption key/);
    });

    it('is done by one at a time', async () => {
      const other = await at.another();
      const both = await Promise.allSettled([rotate(), rotate(other)]);
      assert.ok(keys().length <= 3);
      for (const result of both) if (result.status === 'rejected') assert.match(String(result.reason), /Another process/);
      assert.ok(both.some(r => r.status === 'fulfilled'));
    });

    it('with keys from the environment takes the one that an operator has put first', async () => {
      const [old = ''] = keys();
      const only = await at.another({ env: { XMPP_CA_KEY: old } });
      const anew = randomBytes(32).toString('base64');
      // Restarted one by one: first each comes to know the new key, then each comes to use it.
      const prepared = await at.another({ env: { XMPP_CA_KEY: `${old},${anew}` } });
      for (const process of [only, prepared])
        await assert.rejects(
          rotate(process),
          /put a new one behind it, with a comma between, and restart every process; then put it first, restart every process again, and call this once more/,
        );
      const both = await at.another({ env: { XMPP_CA_KEY: `${anew},${old}` } });
      const early = await both.run('member add', { name: 'Early Club', email: 'a@early.test' });
      assert.equal((await prepared.run('member show', { id: early.id })).name, 'Early Club');
      const { key } = await rotate(both);
      assert.equal(key, both.ctx.vault.keyId);
      assert.equal((await prepared.run('member show', { id: early.id })).name, 'Early Club');
      assert.deepEqual(keys(), [old], 'no file is touched');
      assert.equal((await retireKeys(both.ctx, true, operator, undefined)).length, 1);
      const after = await at.another({ env: { XMPP_CA_KEY: anew } });
      assert.equal((await keysInUse(after.ctx)).length, 1);
      await assert.rejects(at.another({ env: { XMPP_CA_KEY: old } }), /another key-encryption key/);
    });

    it('says so where a root key is not ours or gone, and changes nothing', async () => {
      await assert.rejects(rotateKeys(at.ctx, join(at.folder, 'nowhere'), operator, undefined), /cannot be read/);
      writeFileSync(rootKey(), 'nonsense');
      await assert.rejects(rotate(), /is not the key of this root/);
      assert.equal(keys().length, 1);
    });

    it('leaves the file to whom it was of, and never half written', async () => {
      chmodSync(file(), 0o600);
      const { uid, gid } = statSync(file());
      await rotate();
      const after = statSync(file());
      assert.deepEqual([after.uid, after.gid, after.mode & 0o777], [uid, gid, 0o600]);
      // Whatever stands there meanwhile, what was read serves.
      const text = readFileSync(file(), 'utf8');
      const known = at.ctx.vault.keyIds;
      writeFileSync(file(), 'half a k');
      assert.deepEqual(at.ctx.vault.keyIds, known);
      writeFileSync(file(), text);
      const member = await storedMember(at.ctx);
      const found = await findMember(at.ctx.db, member.id);
      assert.equal(found && openMember(at.ctx, found)?.name, 'Example Club');
    });
  });
