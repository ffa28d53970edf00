import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { AnswerContext } from '../../src/challenges/challenge-type.ts';
import { codeLifetime, emailMailbox01, listMailboxes } from '../../src/challenges/email-mailbox-01.ts';
import type { Challenge } from '../../src/model/challenge.ts';
import { Problem } from '../../src/model/problem.ts';
import { fakeNetwork } from '../kit/fake-network.ts';
import { only } from '../kit/mutate.ts';

const policy = ['hostmaster', 'postmaster', 'webmaster'];
const mailboxes = ['hostmaster@im.example.org', 'postmaster@im.example.org', 'hostmaster@example.org'];
const now = 1790812800;
const context: AnswerContext = { thumbprint: 'thumbprint', now, codesFor: mailbox => [`code-of-${mailbox}-`] };

const challenge = (sentTo: string[] = [], at = now): Challenge => ({
  id: 'c',
  authorizationId: 'a',
  type: 'email-mailbox-01',
  token: 'part2',
  status: 'pending',
  mailbox: { mailboxes, from: 'certmaster@ca.example', sentTo: sentTo.map(mailbox => ({ mailbox, at })) },
});
const answerTo = (payload: Record<string, unknown>, sentTo?: string[]) => emailMailbox01.respond(challenge(sentTo), payload, context);
const digest = (text: string) => createHash('sha256').update(text).digest('base64url');
const rightFor = (mailbox: string) => digest(`code-of-${mailbox}-part2.thumbprint`);
const refuses = (payload: Record<string, unknown>, type: string, why: RegExp, sentTo?: string[]) =>
  assert.throws(
    () => answerTo(payload, sentTo),
    (error: unknown) => error instanceof Problem && error.type === type && why.test(error.detail),
  );

describe('email-mailbox-01', () => {
  it('proves names, not wildcards', () => {
    assert.ok(emailMailbox01.proves({ name: 'a.example', wildcard: false }));
    assert.ok(!emailMailbox01.proves({ name: 'a.example', wildcard: true }));
  });

  describe('offers', () => {
    const offered = (name: string, mx: Record<string, string[]>) => {
      const net = fakeNetwork();
      for (const [owner, exchanges] of Object.entries(mx))
        net.dns.mx.set(
          owner,
          exchanges.map(exchange => ({ exchange, preference: 10 })),
        );
      return { net, list: listMailboxes(net, name, policy) };
    };
    const at = (...owners: string[]) => owners.flatMap(owner => policy.map(local => `${local}@${owner}`));

    it('the policy’s names at the name itself', async () => {
      assert.deepEqual(await offered('example.org', { 'example.org': ['mx.example.org'] }).list, at('example.org'));
    });
    it('the ancestors down to the registrable domain, the name itself first', async () => {
      const { net, list } = offered('a.im.example.org', {
        'a.im.example.org': ['mx'],
        'im.example.org': ['mx'],
        'example.org': ['mx'],
        org: ['mx'],
      });
      assert.deepEqual(await list, at('a.im.example.org', 'im.example.org', 'example.org'));
      assert.ok(!net.asked.includes('mx:org'));
    });
    it('only owner names that have an MX record (a CNAME has none)', async () => {
      assert.deepEqual(await offered('a.im.example.org', { 'im.example.org': ['mx'] }).list, at('im.example.org'));
    });
    it('nothing at a null MX (RFC 7505)', async () => {
      assert.deepEqual(await offered('im.example.org', { 'im.example.org': [''], 'example.org': ['mx'] }).list, at('example.org'));
    });
    it('nothing beyond the private section of the public suffix list', async () => {
      const { net, list } = offered('a.user.github.io', { 'github.io': ['mx'], 'user.github.io': ['mx'] });
      assert.deepEqual(await list, at('user.github.io'));
      assert.deepEqual(net.asked.sort(), ['mx:a.user.github.io', 'mx:user.github.io']);
    });
    it('what the policy names, in its order', async () => {
      const net = fakeNetwork();
      net.dns.mx.set('example.org', [{ exchange: 'mx', preference: 1 }]);
      assert.deepEqual(await listMailboxes(net, 'example.org', ['abuse', 'noc']), ['abuse@example.org', 'noc@example.org']);
    });
    it('the mailboxes and the sender, and no code sent', async () => {
      const net = fakeNetwork();
      net.dns.mx.set('example.org', [{ exchange: 'mx', preference: 1 }]);
      assert.deepEqual(await emailMailbox01.prepare?.(net, 'example.org', { mailboxes: policy, from: 'certmaster@ca.example' }), {
        mailboxes: at('example.org'),
        from: 'certmaster@ca.example',
        sentTo: [],
      });
    });
    it('nothing where no name has an MX record', async () => {
      assert.equal(await emailMailbox01.prepare?.(fakeNetwork(), 'example.org', { mailboxes: policy, from: 'x@y' }), undefined);
    });
    it('nothing, with a Problem, where a lookup fails', async () => {
      const { net } = offered('im.example.org', { 'im.example.org': ['mx'] });
      net.failures.set('mx:example.org', new Problem('dns', 'SERVFAIL'));
      await assert.rejects(listMailboxes(net, 'im.example.org', policy), Problem);
    });
  });

  describe('asked for a code', () => {
    it('takes the first mailbox for {}', () => assert.deepEqual(answerTo({}), { next: 'pending', mailbox: mailboxes[0] }));
    for (const mailbox of mailboxes) it(`takes ${mailbox}`, () => assert.deepEqual(answerTo({ mailbox }), { next: 'pending', mailbox }));
    it('takes a mailbox in any case', () =>
      assert.deepEqual(answerTo({ mailbox: 'PostMaster@IM.example.org' }), { next: 'pending', mailbox: mailboxes[1] }));
    it('takes the same mailbox again', () =>
      assert.deepEqual(answerTo({ mailbox: mailboxes[1] }, [mailboxes[1] ?? '']), { next: 'pending', mailbox: mailboxes[1] }));
    for (const mailbox of [
      'admin@im.example.org',
      'hostmaster@org',
      'hostmaster',
      '',
      ' hostmaster@example.org',
      'hostmaster@example.org, x@evil.example',
      'hostmaster@example.org\n',
      null,
      7,
      true,
      ['hostmaster@example.org'],
      { toString: 'x' },
    ])
      it(`refuses ${JSON.stringify(mailbox)} and names the allowed ones`, () => {
        refuses({ mailbox }, 'malformed', /hostmaster@im\.example\.org, postmaster@im\.example\.org, hostmaster@example\.org/);
      });
    it('refuses a challenge without mailboxes', () => {
      const { mailbox: _none, ...bare } = challenge();
      assert.throws(() => emailMailbox01.respond(bare, {}, context), Problem);
    });
  });

  describe('answered', () => {
    const sent = [mailboxes[0] ?? '', mailboxes[2] ?? ''];
    for (const mailbox of sent)
      it(`is valid by the code of ${mailbox}, and says so as evidence`, () => {
        assert.deepEqual(answerTo({ response: rightFor(mailbox) }, sent), { next: 'valid', evidence: { mailbox } });
      });
    it('is wrong by the code of a mailbox that none was sent to', () =>
      refuses({ response: rightFor(mailboxes[1] ?? '') }, 'incorrectResponse', /SHA-256/, sent));
    for (const [what, text] of [
      ['the code alone', `code-of-${mailboxes[0]}-`],
      ['the code without the token', `code-of-${mailboxes[0]}-.thumbprint`],
      ['the token without the code', 'part2.thumbprint'],
      ['the key authorization of another account', `code-of-${mailboxes[0]}-part2.other`],
      ['the parts the other way round', `part2code-of-${mailboxes[0]}-.thumbprint`],
    ] as const)
      it(`is wrong by ${what}`, () => refuses({ response: digest(text) }, 'incorrectResponse', /./, sent));
    it('is wrong by fewer or more octets', () => {
      const right = Buffer.from(rightFor(sent[0] ?? ''), 'base64url');
      for (const bytes of [right.subarray(0, 31), Buffer.concat([right, Buffer.of(0)]), Buffer.alloc(0)])
        refuses({ response: bytes.toString('base64url') }, 'incorrectResponse', /./, sent);
    });
    it('is good for a day after the code was sent', () => {
      const answer = (at: number) => emailMailbox01.respond(challenge(sent, at), { response: rightFor(sent[0] ?? '') }, context);
      assert.equal(answer(now - codeLifetime + 1).next, 'valid');
      for (const at of [now - codeLifetime, now - 2 * codeLifetime])
        assert.throws(
          () => answer(at),
          (error: unknown) => error instanceof Problem && error.type === 'malformed' && /within the last day/.test(error.detail),
        );
      assert.equal(codeLifetime, 86400);
    });
    it('is malformed with both members at once', () =>
      refuses({ response: rightFor(sent[0] ?? ''), mailbox: sent[0] }, 'malformed', /not both/, sent));
    it('is malformed with both members at once, whatever they hold', () =>
      refuses({ response: null, mailbox: null }, 'malformed', /not both/, sent));
    for (const response of [null, 7, [], {}, 'not base64url!', `${rightFor('x')}=`, 'é'])
      it(`is malformed by ${JSON.stringify(response)}`, () => refuses({ response }, 'malformed', /base64url/, sent));
    it('is malformed before any code was sent', () => refuses({ response: rightFor(mailboxes[0] ?? '') }, 'malformed', /No code was sent/));
    it('does not tell the code, nor what would be right', () => {
      const error = only(Problem, () => answerTo({ response: digest('x') }, sent));
      assert.ok(error instanceof Problem && !error.detail.includes('code-of') && !error.detail.includes(rightFor(sent[0] ?? '')));
    });
    it('is an answer or a Problem, whatever the payload', () => {
      fc.assert(
        fc.property(fc.dictionary(fc.constantFrom('mailbox', 'response', 'other', '__proto__'), fc.jsonValue()), payload => {
          const answer = only(Problem, () => answerTo(payload, sent));
          if (!(answer instanceof Problem)) assert.ok('next' in answer && answer.next === 'pending');
        }),
      );
    });
  });
});
