import assert from 'node:assert/strict';
import { refuseContested } from '../../../src/ca/domains/contested.ts';
import { beginProof, confirmDomain, endProofs } from '../../../src/ca/domains/prove-domain.ts';
import { deliver } from '../../../src/ca/mail/deliver.ts';
import { operator } from '../../../src/model/audit.ts';
import { registrableDomain } from '../../../src/model/identifier.ts';
import type { DomainProof, Member } from '../../../src/model/member.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { findAuthorization, insertAuthorizations } from '../../../src/store/authorizations.ts';
import { findProof, insertProof, listProofs } from '../../../src/store/proofs.ts';
import { engines } from '../../kit/ca.ts';
import { issued, openTestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { anAuthorization, anId, aProof, storedAccount, storedMember } from '../../kit/records.ts';

for (const engine of engines) {
  describe(`proving a domain by mail (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));
    let member: Member;
    let domain: string;
    beforeEach(async () => {
      member = await storedMember(at.ctx);
      domain = `${anId()}.test`;
      at.net.dns.mx.set(domain, [{ exchange: `mail.${domain}`, preference: 10 }]);
      at.mail.sent.length = 0;
    });
    afterEach(() => at.ctx.background.settled());

    /** The code as it stands in the mail. */
    async function begun(who = member, mailbox?: string): Promise<{ proof: DomainProof; code: string }> {
      const { proof, messages } = await beginProof(at.ctx, who, { domain, mailbox }, operator);
      await deliver(at.ctx, messages);
      const notice = at.mail.sent.find(n => messages.includes(n.id));
      assert.deepEqual(notice?.to, [proof.mailbox]);
      const code = /^[a-z2-7]{32}$/m.exec(notice?.text ?? '')?.[0] ?? '';
      assert.doesNotMatch(notice?.subject ?? '', new RegExp(code));
      assert.equal(notice?.text.split(code).length, 2, 'the code stands there once');
      return { proof, code };
    }
    const confirm = (code: string, who = member, name = domain) => confirmDomain(at.ctx, who, { domain: name, code }, operator);

    it('sends a code to the first mailbox, and takes it back', async () => {
      const { proof, code } = await begun();
      assert.equal(proof.mailbox, `hostmaster@${domain}`);
      assert.equal((await findProof(at.ctx.db, proof.id))?.status, 'pending');
      const confirmed = await confirm(code);
      assert.deepEqual(await findProof(at.ctx.db, proof.id), { ...confirmed, evidence: { mailbox: proof.mailbox } });
      assert.equal(confirmed.expiresAt, at.clock.now + 365 * 86400);
      const actions = (await listAudit(at.ctx.db))
        .toReversed()
        .filter(e => e.subject['proof'] === proof.id)
        .map(e => e.action);
      assert.deepEqual(actions, ['domain.prove-begun', 'domain.proved']);
    });

    it('takes the code in any case, with blanks around, and the domain in any case', async () => {
      const { code } = await begun();
      assert.equal((await confirm(` ${code.toUpperCase()}\n`, member, domain.toUpperCase())).status, 'valid');
    });

    it('takes a mailbox by its name or whole, and no other', async () => {
      assert.equal((await begun(member, 'postmaster')).proof.mailbox, `postmaster@${domain}`);
      assert.equal((await begun(member, `webmaster@${domain}`)).proof.mailbox, `webmaster@${domain}`);
      for (const mailbox of ['root', `root@${domain}`, 'hostmaster@elsewhere.test', ''])
        await assert.rejects(beginProof(at.ctx, member, { domain, mailbox }, operator), (e: { type: string; message: string }) => {
          assert.equal(e.type, 'malformed');
          assert.ok(e.message.includes(`hostmaster@${domain}`), 'the allowed ones are named');
          return true;
        });
    });

    it('refuses a wrong code, and the right one is still good', async () => {
      const { proof, code } = await begun();
      for (const wrong of ['', 'x', 'a'.repeat(32), code.slice(1), `${code}a`])
        await assert.rejects(confirm(wrong), { type: 'incorrectResponse' });
      assert.equal((await findProof(at.ctx.db, proof.id))?.status, 'pending');
      await confirm(code);
    });

    it('refuses a code of another mailbox’s proof, domain, or member', async () => {
      const { code } = await begun();
      const other = await storedMember(at.ctx);
      await assert.rejects(confirm(code, other), { type: 'malformed' });
      const { code: others } = await begun(other);
      await assert.rejects(confirm(others), { type: 'incorrectResponse' });
      await assert.rejects(confirm(code, member, `below.${domain}`), { type: 'malformed' });
    });

    it('refuses a code after a day', async () => {
      const { code } = await begun();
      at.clock.now += 86400;
      await assert.rejects(confirm(code), { type: 'malformed' });
    });

    it('takes a code once', async () => {
      const { code } = await begun();
      await confirm(code);
      await assert.rejects(confirm(code), { type: 'malformed' });
      assert.equal((await listProofs(at.ctx.db, { memberId: member.id })).length, 1);
    });

    it('asked at once with one code confirms once', async () => {
      const { code } = await begun();
      const asked = await Promise.allSettled([confirm(code), confirm(code)]);
      assert.equal(asked.filter(a => a.status === 'fulfilled').length, 1);
    });

    it('takes any of several codes on their way, and the others end with it', async () => {
      const first = await begun();
      const second = await begun(member, 'postmaster');
      assert.notEqual(first.code, second.code);
      await confirm(first.code);
      assert.equal((await findProof(at.ctx.db, second.proof.id))?.status, 'revoked');
      await assert.rejects(confirm(second.code), { type: 'malformed' });
    });

    it('needs an MX record at the domain or above it', async () => {
      at.net.dns.mx.clear();
      await assert.rejects(beginProof(at.ctx, member, { domain }, operator), { type: 'rejectedIdentifier' });
      assert.deepEqual(await listProofs(at.ctx.db, { memberId: member.id }), []);
    });

    it('is for whole domains: no wildcard, no nonsense', async () => {
      await assert.rejects(beginProof(at.ctx, member, { domain: `*.${domain}` }, operator));
      await assert.rejects(beginProof(at.ctx, member, { domain: 'no domain' }, operator), { type: 'malformed' });
    });

    it('bombs no mailbox', async () => {
      for (let i = 0; i < 10; i++) await begun();
      await assert.rejects(beginProof(at.ctx, member, { domain }, operator), { type: 'rateLimited' });
      await assert.rejects(beginProof(at.ctx, await storedMember(at.ctx), { domain }, operator), { type: 'rateLimited' });
      at.clock.now += 3601;
      await begun();
    });

    it('is not enough where another member holds the domain; both are told, and neither learns the other’s name', async () => {
      const holder = await storedMember(at.ctx, { name: 'Holders United', contacts: ['boss@holder.test'] });
      const held = aProof(holder.id, domain, { status: 'valid', expiresAt: at.clock.now + 86400 });
      await insertProof(at.ctx.db, held);
      const { proof, code } = await begun();
      at.mail.sent.length = 0;
      await assert.rejects(confirm(code), { type: 'unauthorized' });
      await at.ctx.background.settled();
      assert.deepEqual(at.mail.sent.map(n => n.to[0]).sort(), ['admin@club.test', 'boss@holder.test']);
      for (const { to, text } of at.mail.sent)
        assert.equal(text.includes(to[0] === 'boss@holder.test' ? 'Example Club' : 'Holders United'), false);
      assert.equal((await findProof(at.ctx.db, proof.id))?.status, 'pending');
      await endProofs(at.ctx, [held], operator);
      await confirm(code);
    });

    it('is not enough where another member has a living certificate for the domain', async () => {
      const { serial } = await issued(at, [domain]);
      const { code } = await begun();
      await assert.rejects(confirm(code), { type: 'unauthorized' });
      await at.run('cert revoke', { serial });
      await confirm(code);
    });

    it('confirmed by two members at once makes one of them the holder', async () => {
      const rival = await storedMember(at.ctx);
      const [mine, theirs] = [await begun(), await begun(rival)];
      const asked = await Promise.allSettled([confirm(mine.code), confirm(theirs.code, rival)]);
      assert.deepEqual(asked.map(a => a.status).sort(), ['fulfilled', 'rejected']);
      const valid = (await listProofs(at.ctx.db, { domain })).filter(p => p.status === 'valid');
      assert.equal(valid.length, 1);
    });

    it('revoked ends the authorizations made from it, once', async () => {
      const { code } = await begun();
      const proof = await confirm(code);
      const account = await storedAccount(at.ctx.db, { memberId: member.id });
      const made = anAuthorization(account.id, domain, { status: 'valid', proofId: proof.id });
      const own = anAuthorization(account.id, domain, { status: 'valid' });
      await insertAuthorizations(at.ctx.db, [made, own], []);
      await endProofs(at.ctx, [proof], operator);
      const statuses = await Promise.all([made, own].map(async a => (await findAuthorization(at.ctx.db, a.id))?.status));
      assert.deepEqual(statuses, ['revoked', 'valid']);
      await assert.rejects(endProofs(at.ctx, [proof], operator), /revoked already/);
    });

    it('revoked by member and domain ends all of them, codes on their way included', async () => {
      await confirm((await begun()).code);
      await confirm((await begun()).code);
      await begun();
      await at.run('domain revoke', { member: member.id, domain: domain.toUpperCase() });
      const statuses = (await at.run('domain list', { member: member.id, domain })).map((p: { status: string }) => p.status);
      assert.deepEqual([...new Set(statuses)], ['revoked']);
      assert.ok(statuses.length >= 3);
    });

    it('of other members are told once a day for all names of a registrable domain', async () => {
      const holder = await storedMember(at.ctx, { contacts: ['boss@many.test'] });
      const registrable = registrableDomain(domain);
      await insertProof(at.ctx.db, aProof(holder.id, registrable, { status: 'valid', expiresAt: at.clock.now + 86400 }));
      at.mail.sent.length = 0;
      for (const name of ['a', 'b', 'c'])
        await assert.rejects(refuseContested(at.ctx, member.id, `${name}.${registrable}`), /Another member holds/);
      await at.ctx.background.settled();
      assert.equal(at.mail.sent.filter(n => n.to.includes('boss@many.test')).length, 1);
    });
  });
}
