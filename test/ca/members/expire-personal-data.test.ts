import assert from 'node:assert/strict';
import { transact } from '../../../src/ca/act.ts';
import { openPersonal, recordAlone } from '../../../src/ca/audit/record.ts';
import { sealAudit } from '../../../src/ca/audit/seal.ts';
import { verifyAudit } from '../../../src/ca/audit/verify.ts';
import { deliver } from '../../../src/ca/mail/deliver.ts';
import { queueMessage } from '../../../src/ca/mail/queue-message.ts';
import { forgetDue } from '../../../src/ca/members/expire-personal-data.ts';
import { openContact, openMember, sealContact } from '../../../src/ca/sealed/personal-data.ts';
import { operator } from '../../../src/model/audit.ts';
import { findAccount, moveToDeactivated } from '../../../src/store/accounts.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { insertAuthorizations } from '../../../src/store/authorizations.ts';
import { findEabKey } from '../../../src/store/doors.ts';
import { takeLease } from '../../../src/store/leases.ts';
import { findMember } from '../../../src/store/members.ts';
import { findMessages } from '../../../src/store/outbox.ts';
import { engines } from '../../kit/ca.ts';
import { openTestCtx, refusal } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { aChallenge, anAuthorization, anId, storedAccount, storedMember } from '../../kit/records.ts';

const day = 86400;

for (const engine of engines)
  describe(`how long what is personal is kept (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine, config: { privacy: { keepAddressDays: 180, keepContactDays: 30 } } }), 'each');
    const later = async (days: number) => {
      at.clock.now += days * day;
      await forgetDue(at.ctx);
    };
    const act = (address: string) =>
      recordAlone(at.ctx, { ...operator, address }, { action: 'member.suspended', subject: { member: 'm' } });
    const addresses = async () =>
      (await listAudit(at.ctx.db, { action: 'member.suspended' })).map(r => openPersonal(at.ctx, r)['address']).sort();

    it('addresses of requesters, in the audit log: for the days that are set, and the log stays whole', async () => {
      for (let i = 0; i < 3; i++) await act('192.0.2.1');
      await sealAudit(at.ctx);
      at.clock.now += 100 * day;
      await act('192.0.2.2');
      await later(80);
      assert.equal((await addresses()).filter(Boolean).length, 4, 'not a second before its time');
      at.clock.now += 1;
      await forgetDue(at.ctx);
      assert.deepEqual(await addresses(), ['192.0.2.2', undefined, undefined, undefined]);
      const [told] = await listAudit(at.ctx.db, { action: 'personal-data.erased' });
      assert.deepEqual([told?.who, told?.detail], ['clock', { addresses: 3 }]);
      await sealAudit(at.ctx);
      await verifyAudit(at.ctx);
      await later(1);
      assert.equal((await listAudit(at.ctx.db, { action: 'personal-data.erased' })).length, 1, 'nothing to do is no news');
      await later(100);
      assert.deepEqual((await addresses()).filter(Boolean), []);
    });

    it('more than fit into one statement', async () => {
      for (let i = 0; i < 1100; i++) await act('192.0.2.1');
      await later(181);
      assert.deepEqual((await addresses()).filter(Boolean), []);
      const told = await listAudit(at.ctx.db, { action: 'personal-data.erased' });
      assert.equal(
        told.reduce((sum, { detail }) => sum + Number(detail?.['addresses']), 0),
        1100,
      );
    });

    it('contacts of accounts, once they are deactivated or their members have left', async () => {
      const [living, gone] = [anId(), anId()];
      for (const id of [living, gone]) await storedAccount(at.ctx.db, { id, contact: sealContact(at.ctx, id, ['mailto:a@club.test']) });
      const account = await findAccount(at.ctx.db, gone);
      assert.ok(account && (await moveToDeactivated(at.ctx.db, account, at.clock.now)));
      const contacts = async (id: string) => {
        const found = await findAccount(at.ctx.db, id);
        return found && openContact(at.ctx, found);
      };
      await later(30);
      assert.deepEqual(await contacts(gone), ['mailto:a@club.test']);
      await later(1);
      assert.deepEqual(await contacts(gone), []);
      await later(1000);
      assert.deepEqual(await contacts(living), ['mailto:a@club.test']);
      const [memberId, theirs] = [(await storedMember(at.ctx)).id, anId()];
      await storedAccount(at.ctx.db, { id: theirs, memberId, contact: sealContact(at.ctx, theirs, ['mailto:b@club.test']) });
      await at.run('member remove', { id: memberId });
      await later(30);
      assert.deepEqual(await contacts(theirs), ['mailto:b@club.test']);
      await later(1);
      assert.deepEqual(await contacts(theirs), [], 'of a member that has left');
    });

    it('contacts of members that have left; they come back with new ones', async () => {
      const { id } = await storedMember(at.ctx);
      const stays = await storedMember(at.ctx);
      const known = async (of: string) => {
        const member = await findMember(at.ctx.db, of);
        return member && openMember(at.ctx, member);
      };
      await at.run('member remove', { id });
      await later(31);
      assert.deepEqual(await known(id), { name: 'Example Club', contacts: [] });
      assert.deepEqual((await known(stays.id))?.contacts, ['admin@club.test']);
      assert.deepEqual(
        (await at.run('member list', { email: 'admin@club.test' })).map((m: { id: string }) => m.id),
        [stays.id],
      );
      assert.equal((await at.run('member list', { name: 'example club' })).length, 2);
      const before = (await listAudit(at.ctx.db, { action: 'personal-data.erased' })).length;
      await later(1);
      assert.equal((await listAudit(at.ctx.db, { action: 'personal-data.erased' })).length, before);
      await assert.rejects(at.run('member activate', { id }), /give --email/);
      const back = await at.run('member activate', { id, email: 'new@club.test' });
      assert.deepEqual([back.status, back.name, back.contacts, back.leftAt], ['active', 'Example Club', ['new@club.test'], undefined]);
      await later(1000);
      assert.deepEqual((await known(id))?.contacts, ['new@club.test']);
    });

    it('labels of the keys of members that have left', async () => {
      const label = async (kid: string) => (await findEabKey(at.ctx.db, kid))?.label;
      const [leaves, stays] = [await storedMember(at.ctx), await storedMember(at.ctx)];
      const keyOf = ({ id }: { id: string }) => at.run('eab create', { member: id, label: 'laptop of Ada' });
      const [theirs, others] = [(await keyOf(leaves)).kid, (await keyOf(stays)).kid];
      await at.run('member remove', { id: leaves.id });
      await later(30);
      assert.ok(await label(theirs));
      await later(1);
      assert.equal(await label(theirs), undefined);
      assert.ok(await label(others));
      const told = await listAudit(at.ctx.db, { action: 'personal-data.erased' });
      assert.deepEqual(
        told.map(r => r.detail),
        [{ members: 1 }, { labels: 1 }],
      );
    });

    it('nothing is erased that is not on record', async () => {
      await act('192.0.2.1');
      at.clock.now += 181 * day;
      const { random } = at.ctx;
      at.ctx.random = () => {
        throw new Error('the power went out');
      };
      await assert.rejects(forgetDue(at.ctx), /power/);
      assert.deepEqual(await addresses(), ['192.0.2.1']);
      at.ctx.random = random;
      await forgetDue(at.ctx);
      assert.deepEqual(await addresses(), [undefined]);
      assert.equal((await listAudit(at.ctx.db, { action: 'personal-data.erased' })).length, 1);
    });

    it('by one process of many', async () => {
      await act('192.0.2.1');
      at.clock.now += 200 * day;
      await takeLease(at.ctx.db, 'forget', 'another', 60);
      await forgetDue(at.ctx);
      assert.deepEqual(await addresses(), ['192.0.2.1']);
    });

    describe('a message', () => {
      async function code() {
        const { ctx } = at;
        const account = await storedAccount(ctx.db, { memberId: (await storedMember(ctx)).id });
        const authorization = anAuthorization(account.id, 'im.test', { expiresAt: at.clock.now + 7 * day });
        const challenge = aChallenge(authorization.id, { type: 'email-mailbox-01' });
        await insertAuthorizations(ctx.db, [authorization], [challenge]);
        const refs = { challengeId: challenge.id, mailbox: 'hostmaster@im.test' };
        return transact(ctx, operator, act => queueMessage(act, { kind: 'challenge-code', refs }, { personal: { address: '192.0.2.1' } }));
      }
      const personal = async (id: string) => (await findMessages(at.ctx.db, [id]))[0]?.personal;

      it('says who asked until it was sent, and then holds ids alone', async () => {
        const id = await code();
        assert.ok(await personal(id));
        at.mail.failures.push(refusal(false));
        await deliver(at.ctx, [id]);
        assert.ok(await personal(id), 'it is tried again');
        at.clock.now += 60;
        await deliver(at.ctx, [id]);
        assert.match(at.mail.sent[0]?.text ?? '', /192\.0\.2\.1/);
        assert.equal(await personal(id), undefined);
      });

      it('or was given up; tried again, it goes without', async () => {
        const id = await code();
        at.mail.failures.push(refusal(true));
        await deliver(at.ctx, [id]);
        assert.equal((await findMessages(at.ctx.db, [id]))[0]?.state, 'dead');
        assert.equal(await personal(id), undefined);
        await at.run('outbox retry', { id });
        assert.equal(at.mail.sent.length, 1);
        assert.doesNotMatch(at.mail.sent[0]?.text ?? '', /192\.0\.2\.1/);
      });
    });
  });
