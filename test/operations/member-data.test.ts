import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { transact } from '../../src/ca/act.ts';
import { openPersonal, recordAlone } from '../../src/ca/audit/record.ts';
import { sealAudit } from '../../src/ca/audit/seal.ts';
import { verifyAudit } from '../../src/ca/audit/verify.ts';
import { queueMessage } from '../../src/ca/mail/queue-message.ts';
import { revoke } from '../../src/ca/revocation/revoke.ts';
import { sealContact } from '../../src/ca/sealed/personal-data.ts';
import { clock } from '../../src/model/audit.ts';
import { fromPem, rfc3339 } from '../../src/model/encoding.ts';
import { changeKey, updateContact } from '../../src/store/accounts.ts';
import { listAudit } from '../../src/store/audit.ts';
import { insertAuthorizations, setChallengeError } from '../../src/store/authorizations.ts';
import { findCertificate } from '../../src/store/certificates.ts';
import { findMember } from '../../src/store/members.ts';
import type { Trx } from '../../src/store/open.ts';
import { findMessages } from '../../src/store/outbox.ts';
import { insertProof } from '../../src/store/proofs.ts';
import type { Json } from '../kit/acme-client.ts';
import { engines } from '../kit/ca.ts';
import { finalizeOrder, openTestCtx, readyOrder } from '../kit/ctx.ts';
import { opened } from '../kit/opened.ts';
import { aChallenge, anAuthorization, aProof, at0, storedAccount, storedMember } from '../kit/records.ts';

const own = '203.0.113.77';
const operators = '198.51.100.99';
/** Of a server that was asked. */
const evidence = '198.51.100.80';

for (const engine of engines)
  describe(`what is held about a member (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }), 'each');

    /** A member with something in every part of the document, and another one beside it. */
    async function filled(): Promise<{ id: string; account: string; serial: string; other: string }> {
      const { ctx } = at;
      const member = await storedMember(ctx, { name: 'Ada Byron', contacts: ['ada@byron.test', 'second@byron.test'] });
      const stranger = await storedMember(ctx, { name: 'Grace Hopper', contacts: ['grace@hopper.test'] });
      const { id } = member;
      await at.run('eab create', { member: id, label: 'her laptop' });
      await at.run('eab create', { member: stranger.id, label: "Grace's" });
      await at.run('directory create', { member: id });
      await at.run('thumbprint add', { member: id, thumbprint: 'A'.repeat(43) });
      const door = await storedAccount(ctx.db, { memberId: id, door: 'eab', externalAccountBinding: { payload: 'p', signature: 's' } });
      assert.ok(await changeKey(ctx.db, door, door.jwk, 'B'.repeat(43), at.clock.now));
      const authorization = anAuthorization(door.id, 'im.byron.test', { status: 'invalid' });
      const error = { type: 'urn:ietf:params:acme:error:connection', detail: 'connection refused' };
      const mailbox = 'hostmaster@im.byron.test';
      const mail = aChallenge(authorization.id, {
        type: 'email-mailbox-01',
        mailbox: { mailboxes: [mailbox], from: 'ca@ca.test', sentTo: [{ mailbox, at: at0 }] },
      });
      await insertAuthorizations(ctx.db, [authorization], [mail]);
      await setChallengeError(ctx.db, mail.id, error);
      await insertProof(ctx.db, aProof(id, 'byron.test', { status: 'valid', evidence: { mailbox: 'hostmaster@byron.test' } }));
      const ready = await readyOrder(at, ['im.byron.test'], { member, order: { replaces: { serial: 'abcd', certId: 'c.d' } } });
      await updateContact(ctx.db, ready.account.id, sealContact(ctx, ready.account.id, ['mailto:acme@byron.test']));
      const { serial = '' } = await finalizeOrder(at, ready);
      const other = await readyOrder(at, ['im.hopper.test'], { member: stranger });
      await finalizeOrder(at, other);
      for (const [account, address] of [
        [ready.account.id, own],
        [other.account.id, '192.0.2.9'],
      ] as const)
        await recordAlone(ctx, { who: `account:${account}`, door: 'acme', address }, { action: 'account.updated', subject: { account } });
      const admin = { who: 'token:abc', door: 'admin', address: operators } as const;
      await recordAlone(ctx, admin, { action: 'member.suspended', subject: { member: id } });
      await recordAlone(ctx, clock, {
        action: 'challenge.valid',
        subject: { account: ready.account.id },
        detail: { name: 'im.byron.test', type: 'http-01', address: evidence },
      });
      return { id, account: ready.account.id, serial, other: stranger.id };
    }

    it('is given as one document: all of it, nothing of others, no secret', async () => {
      const { id, account, serial } = await filled();
      const document: Json = await at.run('member export', { id });
      assert.equal(document.format, 'xmpp-ca member export, version 1');
      assert.deepEqual([document.member.name, document.member.contacts], ['Ada Byron', ['ada@byron.test', 'second@byron.test']]);
      const accounts = new Map<string, Json>(document.accounts.map((a: Json) => [a.id, a]));
      assert.deepEqual(accounts.get(account).contact, ['mailto:acme@byron.test']);
      assert.equal(accounts.get(account).jwk.kty, 'EC');
      accounts.delete(account);
      const [bound] = [...accounts.values()];
      assert.deepEqual(bound.externalAccountBinding, { payload: 'p', signature: 's' });
      const [former] = bound.formerKeys;
      assert.match(former.thumbprint, /^[\w-]{43}$/);
      assert.deepEqual([bound.thumbprint, former.retiredAt], ['B'.repeat(43), rfc3339(at0)]);
      assert.equal(document.orders[0].replaces, 'abcd');
      const asked = document.authorizations.find((a: Json) => a.accountId === bound.id);
      assert.deepEqual([asked.name, asked.status], ['im.byron.test', 'invalid']);
      const [{ type, mailboxes, sentTo, error }] = asked.challenges;
      const mailbox = 'hostmaster@im.byron.test';
      assert.deepEqual(
        [type, mailboxes, sentTo, error],
        ['email-mailbox-01', [mailbox], [{ mailbox, at: rfc3339(at0) }], 'connection refused'],
      );
      assert.deepEqual(
        document.eabKeys.map((k: Json) => k.label),
        ['her laptop'],
      );
      const counts = Object.fromEntries(Object.entries(document).map(([name, v]) => [name, Array.isArray(v) ? v.length : undefined]));
      assert.deepEqual(
        [
          counts['accounts'],
          counts['authorizations'],
          counts['directories'],
          counts['thumbprints'],
          counts['domainProofs'],
          counts['orders'],
          counts['certificates'],
          counts['messages'],
        ],
        [2, 2, 1, 1, 1, 1, 1, 1],
      );
      assert.equal(document.certificates[0].serial, serial);
      assert.equal(fromPem('CERTIFICATE', document.certificates[0].pem).length, 1);
      assert.deepEqual(document.domainProofs[0].evidence, { mailbox: 'hostmaster@byron.test' });
      const actions = document.audit.map((r: Json) => r.action);
      for (const action of ['eab.created', 'certificate.issued', 'account.updated', 'member.suspended'])
        assert.ok(actions.includes(action), action);
      assert.deepEqual(document.audit.find((r: Json) => r.action === 'account.updated').personal, { address: own });
      assert.equal(document.audit.find((r: Json) => r.action === 'member.suspended').personal, undefined);

      const text = JSON.stringify(document);
      for (const foreign of ['hopper', 'Grace', '192.0.2.9', operators]) assert.ok(!text.includes(foreign), foreign);
      for (const { secret } of await at.ctx.db('eab_keys')) assert.ok(!text.includes(Buffer.from(secret).toString('base64url')));
      assert.ok(!/secret|hmacKey|secretHash/.test(text));
      const [read] = await listAudit(at.ctx.db, { action: 'personal-data.read' });
      assert.deepEqual([read?.subject, read?.detail], [{ member: id }, { operation: 'member export' }]);
    });

    it('is told in the same way of a member without anything, and not of none', async () => {
      const { id } = await storedMember(at.ctx);
      const document: Json = await at.run('member export', { id });
      assert.deepEqual([document.accounts, document.certificates, document.audit], [[], [], []]);
      await assert.rejects(at.run('member export', { id: 'nobody' }), /There is no member nobody/);
    });

    const cases: [what: string, prepare: (id: string) => Promise<unknown>, force: boolean, refused?: RegExp][] = [
      ['that is active', async () => {}, false, /is active: "member remove" first/],
      ['that is suspended', id => at.run('member suspend', { id }), false, /is suspended: "member remove" first/],
      ['that has left', id => at.run('member remove', { id }), false],
      ['that is active, by force', async () => {}, true],
      ['that is suspended, by force', id => at.run('member suspend', { id }), true],
    ];
    for (const [what, prepare, force, refused] of cases)
      it(`of a member ${what}, ${refused ? 'is not erased' : 'is erased'}`, async () => {
        const { id } = await filled();
        await prepare(id);
        if (refused) {
          await assert.rejects(at.run('member erase', { id, force }), refused);
          assert.ok((await findMember(at.ctx.db, id))?.personal);
          return;
        }
        const erased: Json = await at.run('member erase', { id, force });
        assert.deepEqual([erased.name, erased.contacts, erased.status], ['', [], 'left']);
        assert.ok(erased.erasedAt && erased.leftAt);
        assert.equal((await listAudit(at.ctx.db, { action: 'member.left' })).length, 1);
      });

    it('is erased for good: what is personal goes, what was certified stays, others are as they were', async () => {
      const { ctx } = at;
      const { id, account, serial, other } = await filled();
      await sealAudit(ctx);
      await at.run('member remove', { id });
      const digest = async (table: string) =>
        createHash('sha256')
          .update(JSON.stringify(await ctx.db(table).orderBy(1)))
          .digest('hex');
      const kept = ['certificates', 'certificate_names', 'domain_proofs', 'orders', 'checkpoints', 'log_tiles', 'crls'];
      const before = await Promise.all(kept.map(digest));
      const records = await ctx.db('audit').orderBy('id').select('id', 'personal_hash', 'subject', 'detail', 'record_hash');

      const erased: Json = await at.run('member erase', { id });
      assert.equal(erased.records, 2);
      assert.ok(
        records.some(r => r.detail?.includes(evidence)),
        'evidence of validation is no personal data, and stays',
      );
      assert.deepEqual(await Promise.all(kept.map(digest)), before);
      assert.deepEqual(
        (await ctx.db('audit').orderBy('id').select('id', 'personal_hash', 'subject', 'detail', 'record_hash')).slice(0, records.length),
        records,
      );
      const row = await ctx.db('members').where({ id }).first();
      assert.deepEqual([row.personal, row.status], [null, 'left']);
      assert.equal((await ctx.db('member_search').where({ member_id: id })).length, 0);
      assert.equal((await ctx.db('accounts').where({ id: account }).first()).personal, null);
      const keys = await ctx.db('eab_keys').whereNotNull('label_sealed');
      assert.deepEqual(
        keys.map(k => k.member_id),
        [other],
      );
      const left = (await listAudit(ctx.db)).map(r => openPersonal(ctx, r)['address']).filter(Boolean);
      assert.deepEqual(left, ['192.0.2.9'], 'of the other member');
      assert.equal((await at.run('member show', { id: other })).name, 'Grace Hopper');
      await sealAudit(ctx);
      await verifyAudit(ctx);
      const [shown] = (await at.run('member list')).filter((m: Json) => m.id === id);
      assert.deepEqual([shown.name, shown.contacts, shown.erasedAt], ['', [], erased.erasedAt]);

      at.clock.now += 100;
      const again: Json = await at.run('member erase', { id });
      assert.deepEqual({ ...again, records: 0 }, { ...erased, records: 0 });
      assert.equal((await listAudit(ctx.db, { action: 'member.erased' })).length, 1);
      // What it holds can be revoked still, and nobody is told.
      at.mail.sent.length = 0;
      const certificate: Json = await at.run('cert show', { serial });
      assert.equal(certificate.status, 'issued');
      await at.run('cert revoke', { serial });
      assert.deepEqual(
        at.mail.sent.filter(n => !n.to.includes('grace@hopper.test')),
        [],
      );
      await assert.rejects(at.run('eab create', { member: id, label: 'her laptop' }), /has left/);
      await assert.rejects(at.run('member activate', { id }), /give --name and --email/);
      const back: Json = await at.run('member activate', { id, name: 'Ada again', email: 'ada@again.test' });
      assert.deepEqual([back.name, back.erasedAt], ['Ada again', undefined]);
      assert.equal((await at.run('member list', { email: 'ada@again.test' })).length, 1);
    });

    it('takes messages that wait with it', async () => {
      const { id, serial, account } = await filled();
      at.mail.sent.length = 0;
      const { ctx } = at;
      await ctx.db('outbox').delete();
      const ids = await transact(ctx, clock, async act => [
        await queueMessage(act, { kind: 'issued', refs: { serial } }),
        await queueMessage(act, { kind: 'revoked', refs: { memberId: id, serials: [serial] } }),
        await queueMessage(act, { kind: 'account-added', refs: { accountId: account } }),
        await queueMessage(act, { kind: 'contested', refs: { memberId: 'another', domain: 'im.test', role: 'asker' } }),
      ]);
      await at.run('member erase', { id, force: true });
      const states = new Map((await findMessages(ctx.db, ids)).map(m => [m.kind, m.state]));
      assert.deepEqual(Object.fromEntries(states), { issued: 'dead', revoked: 'dead', 'account-added': 'dead', contested: 'queued' });
      await at.run('outbox retry');
      assert.deepEqual(at.mail.sent, []);
    });

    it('has what the holder of a key did with it, without the address, which may be a stranger’s; it is erased all the same', async () => {
      const { ctx } = at;
      const { id, serial, other } = await filled();
      const certificate = await findCertificate(ctx.db, serial);
      assert.ok(certificate);
      const finder = '192.0.2.66';
      await revoke(ctx, certificate, {
        reason: 'keyCompromise',
        revoker: { kind: 'key' },
        actor: { who: 'key:t', door: 'acme', address: finder },
      });
      await ctx.background.settled();
      const document: Json = await at.run('member export', { id });
      for (const action of ['key.blocked', 'certificate.revoked']) {
        const told = document.audit.find((r: Json) => r.action === action);
        assert.deepEqual([told?.who, told?.personal], ['key:t', undefined], action);
      }
      assert.ok(!JSON.stringify(document).includes(finder));
      assert.ok(!JSON.stringify(await at.run('member export', { id: other })).includes('key.blocked'));
      const addresses = async () => (await listAudit(ctx.db)).map(r => openPersonal(ctx, r)['address']).filter(a => a === finder);
      assert.equal((await addresses()).length, 2);
      await at.run('member erase', { id, force: true });
      assert.deepEqual(await addresses(), []);
    });

    it('stays erased though a command that was under way ends later', async () => {
      const { ctx } = at;
      const { id } = await filled();
      // What the command waits for last: that the certificates are revoked.
      const { transaction } = ctx.db;
      let transactions = 0;
      const value = async (work: (trx: Trx) => Promise<unknown>) => {
        const result = await transaction.call(ctx.db, work);
        if (++transactions === 2) await at.run('member erase', { id, force: true });
        return result;
      };
      Object.defineProperty(ctx.db, 'transaction', { value });
      const suspended: Json = await at.run('member suspend', { id, revoke: true });
      assert.deepEqual([suspended.name, suspended.contacts, suspended.status, suspended.revoked], ['', [], 'left', 1]);
    });

    it('takes answers with it that the admin API has kept', async () => {
      const { id } = await storedMember(at.ctx);
      const keep = (key: string, text: string) =>
        at.ctx.db('idempotent_answers').insert({
          token_id: 't',
          key,
          request_hash: Buffer.alloc(32),
          answer: Buffer.from(at.ctx.vault.seal({ in: 'idempotent_answers.answer', row: `t ${key}` }, Buffer.from(text))),
          created_at: at.clock.now,
        });
      await keep('mine', JSON.stringify({ body: { id, name: 'Example Club' } }));
      await keep('other', JSON.stringify({ body: { id: 'another' } }));
      await at.run('member erase', { id, force: true });
      const rows = await at.ctx.db('idempotent_answers').orderBy('key').select('key', 'answer');
      assert.deepEqual(
        rows.map((r: Json) => [r.key, r.answer === null]),
        [
          ['mine', true],
          ['other', false],
        ],
      );
    });
  });
