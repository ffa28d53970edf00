import assert from 'node:assert/strict';
import { answerChallenge } from '../../../src/ca/domains/answer-challenge.ts';
import { beginProof } from '../../../src/ca/domains/prove-domain.ts';
import type { Ctx } from '../../../src/ctx.ts';
import { operator } from '../../../src/model/audit.ts';
import { registrableDomain } from '../../../src/model/identifier.ts';
import type { Member } from '../../../src/model/member.ts';
import { insertAuthorizations } from '../../../src/store/authorizations.ts';
import { countCodes, queue } from '../../../src/store/outbox.ts';
import { engines } from '../../kit/ca.ts';
import { openTestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { aChallenge, anAuthorization, anId, storedAccount, storedMember } from '../../kit/records.ts';

for (const engine of engines) {
  describe(`mailed codes that are asked for at once (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));
    let ctx: Ctx;
    let member: Member;
    before(async () => {
      ctx = at.ctx;
    });
    beforeEach(async () => {
      member = await storedMember(ctx);
    });
    afterEach(() => ctx.background.settled());

    function aDomain(): string {
      const domain = `${anId()}.test`;
      at.net.dns.mx.set(domain, [{ exchange: `mail.${domain}`, preference: 10 }]);
      return domain;
    }

    const byProof = (domain: string) => beginProof(ctx, member, { domain }, operator);

    async function byChallenge(domain: string): Promise<void> {
      const account = await storedAccount(ctx.db, { memberId: member.id });
      const authorization = anAuthorization(account.id, domain, { expiresAt: ctx.now() + 86400 });
      const mailbox = { mailboxes: [`hostmaster@${domain}`], from: 'certmaster@localhost', sentTo: [] };
      const challenge = aChallenge(authorization.id, { type: 'email-mailbox-01', mailbox });
      await insertAuthorizations(ctx.db, [authorization], [challenge]);
      await answerChallenge(ctx, { account, member, actor: operator }, { challenge, authorization }, {});
    }

    /** In both ways. @returns how many codes were sent; what is refused is refused for the limit */
    async function asked(domains: string[]): Promise<number> {
      const outcomes = await Promise.allSettled(domains.flatMap(domain => [byProof(domain), byChallenge(domain)]));
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') assert.equal(outcome.reason.type, 'rateLimited', String(outcome.reason));
      return outcomes.filter(o => o.status === 'fulfilled').length;
    }

    it('go to the mailboxes of one domain ten times an hour', async () => {
      const domain = aDomain();
      assert.equal(await asked(Array(9).fill(domain)), 10);
      const counted = await countCodes(ctx.db, { domain: registrableDomain(domain) }, ctx.now() - 3600);
      assert.equal(counted.domain, 10);
    });

    it('are sent sixty times an hour for one member', async () => {
      for (let i = 0; i < 57; i++) {
        const message = { kind: 'proof-code', refs: { proofId: anId(), mailbox: 'hostmaster@im.test' } } as const;
        await queue(ctx.db, anId(), message, ctx.now(), { memberId: member.id, domain: `${anId()}.test` });
      }
      assert.equal(await asked(Array.from({ length: 9 }, aDomain)), 3);
    });
  });
}
