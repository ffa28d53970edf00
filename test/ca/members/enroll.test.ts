import assert from 'node:assert/strict';
import { type Enrollment, type Entry, enroll } from '../../../src/ca/members/enroll.ts';
import type { MemberDirectory } from '../../../src/model/member.ts';
import { sha256 } from '../../../src/model/sha256.ts';
import { findAccountByKey, listAccounts } from '../../../src/store/accounts.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { findDirectory, findEabKey, findThumbprint, insertDirectory, insertEabKey, insertThumbprint } from '../../../src/store/doors.ts';
import { moveMember } from '../../../src/store/members.ts';
import { isDuplicate } from '../../../src/store/open.ts';
import { engines } from '../../kit/ca.ts';
import { openTestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { anAccount, anId, bytes, storedMember } from '../../kit/records.ts';

for (const engine of engines) {
  describe(`the doors to an account (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));
    afterEach(() => at.ctx.background.settled());

    const actor = { who: 'key', door: 'acme' } as const;

    function enrollment(entry: Entry, more: Partial<Enrollment> = {}): Enrollment {
      const { jwk, thumbprint } = anAccount();
      return { jwk, thumbprint, contact: [], entry, actor, ...more };
    }

    async function eabEntry(usesLeft?: number, expiresIn = 100): Promise<Entry & { door: 'eab' }> {
      const { id } = await storedMember(at.ctx);
      const kid = anId();
      await insertEabKey(at.ctx.db, {
        kid,
        memberId: id,
        secret: bytes('x'),
        expiresAt: at.clock.now + expiresIn,
        createdAt: at.clock.now,
        ...(usesLeft !== undefined && { usesLeft }),
      });
      return { door: 'eab', kid, memberId: id, binding: { payload: 'p' } };
    }

    async function directoryEntry(more: Partial<MemberDirectory> = {}): Promise<Entry & { door: 'directory' }> {
      const { id } = await storedMember(at.ctx);
      const directory = { id: anId(), memberId: id, createdAt: at.clock.now, ...more };
      await insertDirectory(at.ctx.db, directory, sha256(anId()));
      return { door: 'directory', directory };
    }

    const membersAccounts = async (memberId: string) => (await listAccounts(at.ctx.db, { memberId })).length;

    it('bind the account for good, record it, and tell the member', async () => {
      const entry = await eabEntry(1);
      const account = await enroll(at.ctx, enrollment(entry, { contact: ['mailto:a@club.test'], termsAgreed: 'https://ca.test/terms' }));
      await at.ctx.background.settled();
      assert.deepEqual(await findAccountByKey(at.ctx.db, account.thumbprint), account);
      assert.deepEqual([account.door, account.doorId, account.memberId], ['eab', entry.kid, entry.memberId]);
      assert.deepEqual(account.externalAccountBinding, entry.binding);
      const event = (await listAudit(at.ctx.db, { action: 'account.created' })).at(0);
      assert.deepEqual(event?.subject, { account: account.id, member: entry.memberId });
      assert.deepEqual(event?.detail, { door: 'eab', doorId: entry.kid, thumbprint: account.thumbprint });
      assert.ok(at.mail.sent.at(-1)?.text.includes(account.thumbprint));
    });

    it('tell the member of the domains where the directory is for these only', async () => {
      await enroll(at.ctx, enrollment(await directoryEntry({ domains: ['im.test', 'chat.test'] })));
      await at.ctx.background.settled();
      assert.match(at.mail.sent.at(-1)?.text ?? '', /for\nno others:\n\n {4}im\.test\n {4}chat\.test\n/);
      await enroll(at.ctx, enrollment(await directoryEntry()));
      await at.ctx.background.settled();
      assert.match(at.mail.sent.at(-1)?.text ?? '', /every domain that you have proved/);
    });

    it('let one of many through where a single-use key is asked with at once', async () => {
      const entry = await eabEntry(1);
      const asked = await Promise.allSettled(Array.from({ length: 6 }, () => enroll(at.ctx, enrollment(entry))));
      assert.equal(asked.filter(a => a.status === 'fulfilled').length, 1);
      for (const a of asked) if (a.status === 'rejected') assert.equal(a.reason.type, 'unauthorized', String(a.reason));
      assert.equal(await membersAccounts(entry.memberId), 1);
    });

    it('let as many through as a directory takes', async () => {
      const entry = await directoryEntry({ accountsLeft: 2 });
      const asked = await Promise.allSettled(Array.from({ length: 5 }, () => enroll(at.ctx, enrollment(entry))));
      assert.equal(asked.filter(a => a.status === 'fulfilled').length, 2);
      assert.equal(await membersAccounts(entry.directory.memberId), 2);
      assert.equal((await findDirectory(at.ctx.db, entry.directory.id))?.accountsLeft, 0);
    });

    it('make one account of one key that asks twice at once, and use the door once', async () => {
      const entry = await eabEntry(5);
      const twice = enrollment(entry);
      const asked = await Promise.allSettled([enroll(at.ctx, twice), enroll(at.ctx, twice)]);
      assert.equal(asked.filter(a => a.status === 'fulfilled').length, 1);
      for (const a of asked) if (a.status === 'rejected') assert.ok(isDuplicate(a.reason), String(a.reason));
      assert.equal((await findEabKey(at.ctx.db, entry.kid))?.usesLeft, 4);
    });

    it('open by a registered thumbprint once, without anything else', async () => {
      const { id: memberId } = await storedMember(at.ctx);
      const request = enrollment({ door: 'none' });
      await insertThumbprint(at.ctx.db, { thumbprint: request.thumbprint, memberId, createdAt: at.clock.now });
      const account = await enroll(at.ctx, request);
      assert.deepEqual([account.door, account.doorId, account.memberId], ['thumbprint', request.thumbprint, memberId]);
      assert.equal((await findThumbprint(at.ctx.db, request.thumbprint))?.usedAt, at.clock.now);
    });

    it('stay shut to who has none', async () => {
      await assert.rejects(enroll(at.ctx, enrollment({ door: 'none' })), { type: 'externalAccountRequired' });
    });

    it('stay shut where the key is expired', async () => {
      const entry = await eabEntry(undefined, 0);
      await assert.rejects(enroll(at.ctx, enrollment(entry)), { type: 'unauthorized' });
    });

    it('stay shut to a suspended member, and nothing is used up', async () => {
      const entry = await eabEntry(1);
      await moveMember(at.ctx.db, entry.memberId, 'active', 'suspended', at.ctx.now());
      await assert.rejects(enroll(at.ctx, enrollment(entry)), /suspended/);
      assert.equal((await findEabKey(at.ctx.db, entry.kid))?.usesLeft, 1);
      await moveMember(at.ctx.db, entry.memberId, 'suspended', 'active', at.ctx.now());
      await enroll(at.ctx, enrollment(entry));
    });

    it('stay shut to a key that was deactivated before, and nothing is used up', async () => {
      const entry = await eabEntry(2);
      const request = enrollment(entry);
      const account = await enroll(at.ctx, request);
      await at.run('account deactivate', { id: account.id });
      // Its row goes, as it does when its key is changed: what was retired stays retired.
      await at.ctx.db('accounts').where({ id: account.id }).update({ thumbprint: anId() });
      await assert.rejects(enroll(at.ctx, request), /replaced or deactivated/);
      assert.equal((await findEabKey(at.ctx.db, entry.kid))?.usesLeft, 1);
    });

    it('take the accounts that came through them along when they are closed so', async () => {
      const entry = await eabEntry();
      const accounts = [await enroll(at.ctx, enrollment(entry)), await enroll(at.ctx, enrollment(entry))];
      await at.run('eab revoke', { kid: entry.kid, deactivateAccounts: true });
      const found = await Promise.all(accounts.map(a => findAccountByKey(at.ctx.db, a.thumbprint)));
      assert.deepEqual(
        found.map(a => a?.status),
        ['deactivated', 'deactivated'],
      );
    });
  });

  describe(`accounts of no member (${engine})`, () => {
    it('are opened where the policy admits them', async () => {
      const at = await openTestCtx({ engine, config: { policy: { externalAccountRequired: false } } });
      const { jwk, thumbprint } = anAccount();
      const account = await enroll(at.ctx, { jwk, thumbprint, contact: [], entry: { door: 'none' }, actor: { who: 'key', door: 'acme' } });
      assert.deepEqual([account.door, account.memberId, account.doorId], ['open', undefined, undefined]);
      assert.equal(at.mail.sent.length, 0);
      await at.close();
    });
  });
}
