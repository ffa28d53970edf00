import assert from 'node:assert/strict';
import { transact } from '../../../src/ca/act.ts';
import { deliver, deliverDue } from '../../../src/ca/mail/deliver.ts';
import { queueMessage } from '../../../src/ca/mail/queue-message.ts';
import { clock } from '../../../src/model/audit.ts';
import { type Message, maxAttempts, type NewMessage, retryPause } from '../../../src/model/message.ts';
import { findChallenge, insertAuthorizations, moveChallenge } from '../../../src/store/authorizations.ts';
import { findMessages } from '../../../src/store/outbox.ts';
import { engines } from '../../kit/ca.ts';
import { openTestCtx, refusal } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { aChallenge, anAuthorization, storedAccount, storedMember } from '../../kit/records.ts';

for (const engine of engines) {
  describe(`delivery (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));
    beforeEach(async () => {
      await at.ctx.db('outbox').delete();
      at.mail.sent.length = 0;
      at.mail.failures.length = 0;
      at.mail.hold = undefined;
    });

    const queued = (message: NewMessage): Promise<string> => transact(at.ctx, clock, act => queueMessage(act, message));
    const find = async (id: string): Promise<Message> => {
      const [message] = await findMessages(at.ctx.db, [id]);
      assert.ok(message);
      return message;
    };

    async function accountAdded(): Promise<string> {
      const { id: memberId } = await storedMember(at.ctx, { contacts: ['a@club.test', 'b@club.test'] });
      const account = await storedAccount(at.ctx.db, { memberId });
      return queued({ kind: 'account-added', refs: { accountId: account.id } });
    }

    async function codeForChallenge(): Promise<{ id: string; challengeId: string }> {
      const account = await storedAccount(at.ctx.db);
      const authorization = anAuthorization(account.id, 'im.test');
      const mailbox = { mailboxes: ['hostmaster@im.test'], from: 'ca@ca.test', sentTo: [] };
      const challenge = aChallenge(authorization.id, { type: 'email-mailbox-01', mailbox });
      await insertAuthorizations(at.ctx.db, [authorization], [challenge]);
      const refs = { challengeId: challenge.id, mailbox: 'hostmaster@im.test', address: '192.0.2.7' };
      return { id: await queued({ kind: 'challenge-code', refs }), challengeId: challenge.id };
    }

    it('sends what is due, to every contact, and says so', async () => {
      const id = await accountAdded();
      await deliverDue(at.ctx);
      assert.deepEqual(
        at.mail.sent.map(n => [n.id, n.to]),
        [[id, ['a@club.test', 'b@club.test']]],
      );
      const { state, attempts, sentAt } = await find(id);
      assert.deepEqual({ state, attempts, sentAt }, { state: 'sent', attempts: 1, sentAt: at.clock.now });
      await deliverDue(at.ctx);
      assert.equal(at.mail.sent.length, 1);
    });

    it('tries again with growing pauses, and no sooner', async () => {
      const id = await accountAdded();
      for (let attempt = 1; attempt <= 5; attempt++) {
        at.mail.failures.push(refusal(false));
        await deliverDue(at.ctx);
        const { state, attempts, nextAt, lastError } = await find(id);
        assert.deepEqual(
          { state, attempts, nextAt, lastError },
          { state: 'queued', attempts: attempt, nextAt: at.clock.now + retryPause(attempt), lastError: 'the mail server answered 451' },
        );
        at.clock.now = nextAt - 1;
        await deliverDue(at.ctx);
        assert.equal((await find(id)).attempts, attempt, 'not before its time');
        at.clock.now = nextAt;
      }
      await deliverDue(at.ctx);
      assert.equal((await find(id)).state, 'sent');
    });

    it('has pauses that grow to hours', () => {
      const pauses = Array.from({ length: maxAttempts }, (_, i) => retryPause(i + 1));
      assert.deepEqual(
        pauses,
        [...pauses].sort((a, b) => a - b),
      );
      assert.equal(pauses[0], 30);
      assert.equal(pauses.at(-1), 6 * 3600);
    });

    it('gives up after so many attempts, until an operator asks for another', async () => {
      const id = await accountAdded();
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        assert.equal((await find(id)).state, 'queued', `attempt ${attempt}`);
        at.mail.failures.push(refusal(false));
        at.clock.now = (await find(id)).nextAt;
        await deliverDue(at.ctx);
      }
      assert.equal((await find(id)).state, 'dead');
      at.clock.now += 86400;
      await deliverDue(at.ctx);
      assert.equal(at.mail.sent.length, 0);
      const [retried] = await at.run('outbox retry', { id });
      assert.equal(retried.state, 'sent');
      assert.equal(at.mail.sent.length, 1);
    });

    it('does not repeat what was refused for good', async () => {
      const id = await accountAdded();
      at.mail.failures.push(refusal(true, '5.1.1'));
      await deliverDue(at.ctx);
      assert.equal((await find(id)).state, 'dead');
    });

    it('shows a refused code as the error of its challenge, which stays pending', async () => {
      const { id, challengeId } = await codeForChallenge();
      at.mail.failures.push(refusal(true, '5.1.1'));
      await deliver(at.ctx, [id]);
      const challenge = await findChallenge(at.ctx.db, challengeId);
      assert.equal(challenge?.status, 'pending');
      assert.equal(challenge.error?.type, 'urn:ietf:params:acme:error:connection');
      assert.match(challenge.error?.detail ?? '', /hostmaster@im\.test .*550.*there is no such mailbox.*Name another mailbox/);
    });

    it('shows a delayed code too, and says that it is tried again', async () => {
      const { id, challengeId } = await codeForChallenge();
      at.mail.failures.push(refusal(false));
      await deliver(at.ctx, [id]);
      assert.match((await findChallenge(at.ctx.db, challengeId))?.error?.detail ?? '', /tried again by itself/);
    });

    it('tells the other mailboxes also after the challenge was answered: then it matters most', async () => {
      const { challengeId } = await codeForChallenge();
      at.mail.sent.length = 0;
      const refs = { challengeId, mailbox: 'postmaster@im.test', address: '192.0.2.7' };
      const id = await queued({ kind: 'challenge-notice', refs });
      await moveChallenge(at.ctx.db, challengeId, 'pending', 'valid', { validatedAt: at.clock.now });
      await deliver(at.ctx, [id]);
      assert.deepEqual(
        at.mail.sent.map(n => n.to),
        [['postmaster@im.test']],
      );
    });

    it('sends no code that has ended', async () => {
      const { id } = await codeForChallenge();
      at.clock.now += 86400;
      await deliver(at.ctx, [id]);
      assert.equal(at.mail.sent.length, 0);
      assert.equal((await find(id)).state, 'dead');
    });

    it('sends no code for a challenge that is no longer pending', async () => {
      const { id, challengeId } = await codeForChallenge();
      await moveChallenge(at.ctx.db, challengeId, 'pending', 'invalid');
      await deliver(at.ctx, [id]);
      assert.equal(at.mail.sent.length, 0);
      assert.equal((await find(id)).state, 'dead');
    });

    it('counts an error of the channel’s own as a failed attempt, and tells nothing of it', async () => {
      const id = await accountAdded();
      at.mail.failures.push(new Error('secret detail of the inside'));
      await deliverDue(at.ctx);
      const { state, lastError } = await find(id);
      assert.deepEqual({ state, lastError }, { state: 'queued', lastError: 'the message could not be handed over' });
    });

    it('is dead where what it tells of is gone', async () => {
      const id = await queued({ kind: 'issued', refs: { serial: '01ab' } });
      await deliverDue(at.ctx);
      assert.equal((await find(id)).state, 'dead');
      assert.equal(at.mail.sent.length, 0);
    });

    it('is done once by two processes at once', async () => {
      const other = await at.another();
      const ids = [await accountAdded(), await accountAdded(), await accountAdded()];
      await Promise.all([deliverDue(at.ctx), deliverDue(other.ctx), deliver(at.ctx, ids), deliver(other.ctx, ids)]);
      const sent = [...at.mail.sent, ...other.mail.sent].map(n => n.id);
      assert.deepEqual(sent.sort(), ids.sort());
    });

    it('is done again after a crash between sending and marking, under the same id', async () => {
      const other = await at.another();
      const id = await accountAdded();
      // The process that sends is gone before it can mark: its claim lapses, another takes the message up.
      at.mail.hold = async () => {
        at.mail.hold = undefined;
        await at.ctx.db('outbox').where({ id }).update({ claim_until: 0 });
        await deliverDue(other.ctx);
      };
      await deliverDue(at.ctx);
      assert.deepEqual([at.mail.sent.map(n => n.id), other.mail.sent.map(n => n.id)], [[id], [id]]);
      const { state, attempts } = await find(id);
      assert.deepEqual({ state, attempts }, { state: 'sent', attempts: 1 });
    });

    it('takes all that is due, ten side by side', async () => {
      for (let i = 0; i < 23; i++) await accountAdded();
      const groups: number[] = [];
      at.mail.hold = async () => {
        const { n } = (await at.ctx.db('outbox').where('claim_until', '>', 0).count('* as n').first()) as { n: number };
        groups.push(Number(n));
      };
      await deliverDue(at.ctx);
      assert.deepEqual([...new Set(groups)], [10, 3]);
      assert.equal(at.mail.sent.length, 23);
    });
  });
}
