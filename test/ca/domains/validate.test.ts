import assert from 'node:assert/strict';
import { answerChallenge } from '../../../src/ca/domains/answer-challenge.ts';
import { resumeValidations } from '../../../src/ca/domains/validate.ts';
import type { Ctx } from '../../../src/ctx.ts';
import type { Account } from '../../../src/model/account.ts';
import { operator } from '../../../src/model/audit.ts';
import type { Authorization } from '../../../src/model/authorization.ts';
import type { Challenge } from '../../../src/model/challenge.ts';
import type { Member } from '../../../src/model/member.ts';
import { findChallengeAndAuthorization, insertAuthorizations } from '../../../src/store/authorizations.ts';
import { engines } from '../../kit/ca.ts';
import { openTestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { aChallenge, anAuthorization, anId, storedAccount, storedMember } from '../../kit/records.ts';

const fullDisk = {
  sqlite: [
    "create trigger full_disk before insert on audit when new.action = 'challenge.valid' begin select raise(abort, 'full'); end",
    'drop trigger full_disk',
  ],
  postgres: [
    "alter table audit add constraint full_disk check (action <> 'challenge.valid') not valid",
    'alter table audit drop constraint full_disk',
  ],
} as const;

for (const engine of engines) {
  describe(`validation (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));
    let ctx: Ctx;
    let member: Member;
    let account: Account;
    before(async () => {
      ctx = at.ctx;
      member = await storedMember(ctx);
      account = await storedAccount(ctx.db, { memberId: member.id });
    });

    async function stored(change: Partial<Challenge>): Promise<{ challenge: Challenge; authorization: Authorization }> {
      const authorization = anAuthorization(account.id, `${anId()}.test`, { expiresAt: ctx.now() + 86400 });
      const challenge = aChallenge(authorization.id, change);
      await insertAuthorizations(ctx.db, [authorization], [challenge]);
      return { challenge, authorization };
    }
    const read = async (id: string) => {
      const found = await findChallengeAndAuthorization(ctx.db, id);
      return [found?.challenge.status, found?.authorization.status];
    };

    it('that the database does not take is tried again by the clock: it says nothing of the domain', async () => {
      const { challenge, authorization } = await stored({ type: 'http-01' });
      at.net.pages.set(
        `http://${authorization.name}/.well-known/acme-challenge/${challenge.token}`,
        `${challenge.token}.${account.thumbprint}`,
      );
      // The outcome's audit row is refused, as by a full disk.
      const [fill, free] = fullDisk[engine];
      await ctx.db.raw(fill);
      assert.equal(
        (await answerChallenge(ctx, { account, member, actor: operator }, { challenge, authorization }, {})).status,
        'processing',
      );
      await ctx.background.settled();
      assert.deepEqual(await read(challenge.id), ['processing', 'pending']);
      await ctx.db.raw(free);
      await ctx.db('challenges').where({ id: challenge.id }).update({ claim_until: 0 });
      await resumeValidations(ctx);
      await ctx.background.settled();
      assert.deepEqual(await read(challenge.id), ['valid', 'valid']);
    });

    it('keeps every mailbox that was named, also of two requests at once', async () => {
      const { challenge, authorization } = await stored({ type: 'email-mailbox-01' });
      const mailboxes = ['hostmaster', 'postmaster', 'webmaster'].map(m => `${m}@${authorization.name}`);
      const mailbox = { mailboxes, from: 'certmaster@localhost', sentTo: [] };
      await ctx
        .db('challenges')
        .where({ id: challenge.id })
        .update({ mailbox: JSON.stringify(mailbox) });
      const pair = { challenge: { ...challenge, mailbox }, authorization };
      await Promise.all(mailboxes.map(named => answerChallenge(ctx, { account, member, actor: operator }, pair, { mailbox: named })));
      await ctx.background.settled();
      const found = await findChallengeAndAuthorization(ctx.db, challenge.id);
      assert.deepEqual(found?.challenge.mailbox?.sentTo.map(s => s.mailbox).sort(), mailboxes);
    });
  });
}
