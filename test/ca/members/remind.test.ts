import assert from 'node:assert/strict';
import { deliverDue } from '../../../src/ca/mail/deliver.ts';
import { remindOfExpiry, remindOfLapse } from '../../../src/ca/members/remind.ts';
import { revoke } from '../../../src/ca/revocation/revoke.ts';
import { operator } from '../../../src/model/audit.ts';
import { insertProof } from '../../../src/store/proofs.ts';
import { engines } from '../../kit/ca.ts';
import { issued, openTestCtx, type TestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { anId, aProof, storedMember } from '../../kit/records.ts';

const day = 86400;

for (const engine of engines) {
  describe(`reminders (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }), 'each');

    /** Subjects of what was sent since the last time. */
    async function said(remind: (ctx: TestCtx['ctx']) => Promise<void>): Promise<string[]> {
      await deliverDue(at.ctx);
      at.mail.sent.length = 0;
      await remind(at.ctx);
      await deliverDue(at.ctx);
      return at.mail.sent.map(n => n.subject).sort();
    }
    const until = (end: number, days: number) => {
      at.clock.now = end - days * day + 1;
    };

    it('come 20, 7 and 1 days before a certificate ends, once each, also from two processes', async () => {
      const { notAfter } = await issued(at, ['im.test']);
      until(notAfter, 21);
      assert.deepEqual(await said(remindOfExpiry), []);
      until(notAfter, 20);
      const other = await at.another();
      const both = async () => {
        // In one process SQLite's second connection would wait for the first for ever.
        if (engine === 'postgres') await Promise.all([remindOfExpiry(at.ctx), remindOfExpiry(other.ctx)]);
        else for (const { ctx } of [at, other]) await remindOfExpiry(ctx);
      };
      assert.deepEqual(await said(both), ['Certificate for im.test ends in 20 days']);
      assert.deepEqual(await said(remindOfExpiry), []);
      until(notAfter, 7);
      assert.deepEqual(await said(remindOfExpiry), ['Certificate for im.test ends in 7 days']);
      until(notAfter, 1);
      assert.deepEqual(await said(remindOfExpiry), ['Certificate for im.test ends within a day']);
      assert.deepEqual(await said(remindOfExpiry), []);
      at.clock.now = notAfter + 1;
      assert.deepEqual(await said(remindOfExpiry), []);
    });

    it('say one thing only, the nearest, after a time in which nothing ran', async () => {
      const { notAfter } = await issued(at, ['im.test']);
      until(notAfter, 5);
      assert.deepEqual(await said(remindOfExpiry), ['Certificate for im.test ends in 5 days']);
      assert.deepEqual(await said(remindOfExpiry), []);
    });

    it('do not come of what was replaced or revoked, nor at once of what lives for a week', async () => {
      const member = await storedMember(at.ctx);
      const replaced = await issued(at, ['a.test'], { member });
      const revoked = await issued(at, ['b.test'], { member });
      at.clock.now += 60 * day;
      await issued(at, ['a.test'], { member });
      await revoke(at.ctx, revoked, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
      until(replaced.notAfter, 7);
      const short = await issued(at, ['c.test'], { member, order: { profile: 'xmpp-server-short' } });
      assert.deepEqual(await said(remindOfExpiry), []);
      until(short.notAfter, 1);
      assert.deepEqual(await said(remindOfExpiry), ['Certificate for c.test ends within a day']);
    });

    it('do not send a suspended member to its client, which cannot renew, and come to none that has left', async () => {
      const member = await storedMember(at.ctx);
      const { notAfter } = await issued(at, ['im.test'], { member });
      const textOf = async (days: number) => {
        until(notAfter, days);
        assert.equal((await said(remindOfExpiry)).length, 1);
        return at.mail.sent[0]?.text ?? '';
      };
      assert.match(await textOf(20), /client still runs/);
      await at.run('member suspend', { id: member.id });
      const text = await textOf(7);
      assert.match(text, /Example Club is suspended.*operators/s);
      assert.doesNotMatch(text, /client still runs/);
      await at.run('member remove', { id: member.id });
      until(notAfter, 1);
      assert.deepEqual(await said(remindOfExpiry), []);
      assert.deepEqual(await at.run('outbox list'), [], 'nor does one lie there as given up');
    });

    it('are no news any more where the certificate was replaced before they are delivered', async () => {
      const member = await storedMember(at.ctx);
      const { notAfter } = await issued(at, ['im.test'], { member });
      until(notAfter, 7);
      await remindOfExpiry(at.ctx);
      await issued(at, ['im.test'], { member });
      assert.deepEqual(
        (await said(async () => {})).filter(s => s.includes('ends')),
        [],
      );
    });

    it('come 30, 14 and 3 days before a proof lapses, with a fresh code to its mailbox', async () => {
      const member = await storedMember(at.ctx);
      const domain = `${anId()}.test`;
      at.net.dns.mx.set(domain, [{ exchange: `mail.${domain}`, preference: 10 }]);
      const expiresAt = at.clock.now + 100 * day;
      const mailbox = `postmaster@${domain}`;
      await insertProof(at.ctx.db, aProof(member.id, domain, { status: 'valid', expiresAt, mailbox }));
      until(expiresAt, 31);
      assert.deepEqual(await said(remindOfLapse), []);
      for (const days of [30, 14, 3]) {
        until(expiresAt, days);
        const [lapses, request, ...more] = await said(remindOfLapse);
        assert.equal(lapses, `Proof of ${domain} lapses in ${days} days`);
        assert.match(request ?? '', new RegExp(`^Request for ${domain} `));
        assert.deepEqual(more, []);
        const code = at.mail.sent.find(n => n.subject === request);
        assert.deepEqual(code?.to, [mailbox]);
        assert.deepEqual(await said(remindOfLapse), []);
        if (days > 3) continue;
        const word = /^[a-z2-7]{32}$/m.exec(code?.text ?? '')?.[0];
        await at.run('domain confirm', { member: member.id, domain, code: word });
        until(expiresAt, 1);
        assert.deepEqual(await said(remindOfLapse), [], 'the younger proof stands in its place');
      }
    });

    it('of a proof come all the same where the process died over the code', async () => {
      const member = await storedMember(at.ctx);
      const domain = `${anId()}.test`;
      at.net.dns.mx.set(domain, [{ exchange: `mail.${domain}`, preference: 10 }]);
      await insertProof(at.ctx.db, aProof(member.id, domain, { status: 'valid', expiresAt: at.clock.now + 2 * day }));
      const dying = () => {
        throw new Error('the power went out');
      };
      await assert.rejects(remindOfLapse({ ...at.ctx, random: dying }), /the power went out/);
      const [lapses, request] = await said(remindOfLapse);
      assert.equal(lapses, `Proof of ${domain} lapses in 2 days`);
      assert.match(request ?? '', /^Request for /);
    });

    it('say so where no code can be sent', async () => {
      const member = await storedMember(at.ctx);
      const domain = `${anId()}.test`;
      const expiresAt = at.clock.now + 10 * day;
      await insertProof(at.ctx.db, aProof(member.id, domain, { status: 'valid', expiresAt }));
      assert.deepEqual(await said(remindOfLapse), [`Proof of ${domain} lapses in 10 days`]);
      assert.match(at.mail.sent[0]?.text ?? '', /No code could be mailed/);
    });

    it('do not come to members that are suspended, of their proofs, also where that was done before they are delivered', async () => {
      const member = await storedMember(at.ctx, { status: 'suspended' });
      await insertProof(at.ctx.db, aProof(member.id, 'gone.test', { status: 'valid', expiresAt: at.clock.now + day }));
      assert.deepEqual(await said(remindOfLapse), []);
      const late = await storedMember(at.ctx);
      await insertProof(at.ctx.db, aProof(late.id, 'late.test', { status: 'valid', expiresAt: at.clock.now + day }));
      const both = async () => {
        await remindOfLapse(at.ctx);
        await at.run('member suspend', { id: late.id });
      };
      assert.deepEqual(await said(both), []);
    });
  });
}
