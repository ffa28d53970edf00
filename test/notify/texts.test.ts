import assert from 'node:assert/strict';
import {
  accountAddedText,
  codeNoticeText,
  codeText,
  contestedText,
  expiringText,
  issuedText,
  lapsingText,
  revokedText,
  type Text,
} from '../../src/notify/texts.ts';

const code = 'abcdefghijklmnopqrstuvwxyz234567';
const facts = {
  reference: 'ref12345',
  domain: 'xn--mnchen-3ya.example',
  code,
  member: 'Example Club',
  thumbprint: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
  address: '192.0.2.7',
  expiresAt: 1790812800,
  authority: 'https://ca.example.org',
};
const certificate = {
  serial: '42ff',
  names: ['im.example', 'xn--mnchen-3ya.example'],
  profile: 'xmpp-server',
  notBefore: 1790812800,
  notAfter: 1790899200,
  account: 'acc',
  member: 'Example Club',
  authority: 'https://ca.example.org',
};

describe('texts', () => {
  describe('the code', () => {
    const { subject, text } = codeText(facts);
    it('stands on a line of its own, once, and not in the subject', () => {
      assert.equal(text.split('\n').filter(line => line === code).length, 1);
      assert.equal(text.split(code).length, 2);
      assert.ok(!subject.includes(code));
    });
    for (const [what, part] of [
      ['who asks', 'Example Club'],
      ['the account', facts.thumbprint],
      ['the address of the request', '192.0.2.7'],
      ['the name in U-labels and A-labels', 'münchen.example (xn--mnchen-3ya.example)'],
      ['what a yes would allow', 'serves the whole member'],
      ['never to pass it on', 'never pass it on'],
      ['that ignoring it is a no', 'do nothing'],
      ['until when it is good', '2026-10-01T00:00:00Z'],
      ['the authority', 'https://ca.example.org'],
    ] as const)
      it(`comes with ${what}`, () => assert.ok(text.replace(/\s+/g, ' ').includes(part), text));
    it('has a reference in the subject', () => assert.equal(subject, 'Request for xn--mnchen-3ya.example (reference ref12345)'));
    it('has no link but the authority', () => assert.deepEqual(text.match(/https?:\S+/g), ['https://ca.example.org']));
    it('leaves out account and address where an operator asks', () => {
      const { thumbprint: _t, address: _a, ...rest } = facts;
      assert.doesNotMatch(codeText(rest).text, /Account:|From:|undefined/);
    });
  });

  it('the notice to the other mailboxes has no code', () => {
    const { subject, text } = codeNoticeText({ ...facts, sentTo: 'hostmaster@example.org' });
    assert.ok(!`${subject}${text}`.includes(code));
    assert.ok(text.includes('hostmaster@example.org') && text.includes('Example Club'));
  });
  it('neither party of a contest learns the other’s name', () => {
    for (const role of ['holder', 'asker'] as const) {
      const { text } = contestedText({ domain: 'im.example', role, member: 'Own Name', authority: 'https://ca.example.org' });
      assert.ok(text.includes('Own Name') && text.includes('nother member'));
    }
  });
  it('what was issued and revoked is told with names, serial and times', () => {
    const issued = issuedText(certificate);
    assert.equal(issued.subject, 'Certificate issued for im.example and 1 more');
    const revoked = revokedText({
      ...certificate,
      certificates: [certificate],
      reason: 'keyCompromise',
      by: 'operator',
      revokedAt: 1790812800,
    });
    for (const { text } of [issued, revoked])
      for (const part of ['im.example', 'münchen.example', '42ff', '2026-10-01T00:00:00Z']) assert.ok(text.includes(part), text);
    assert.ok(revoked.text.includes('keyCompromise') && revoked.text.includes('operator'));
  });
  it('what one act has revoked is told in one message, so many one by one', () => {
    const certificates = Array.from({ length: 103 }, (_, i) => ({ serial: `aa${i}`, names: [`h${i}.example`] }));
    const { subject, text } = revokedText({ ...certificate, certificates, reason: 'superseded', by: 'operator', revokedAt: 1790812800 });
    assert.equal(subject, '103 certificates revoked for h0.example and 102 more');
    assert.ok(text.includes('h99.example') && text.includes('and 3 more.') && !text.includes('h100.example'), text);
  });
  it('what ends soon is told with its day', () => {
    const { subject, text } = expiringText({ ...certificate, days: 7, isSuspended: false });
    assert.equal(subject, 'Certificate for im.example ends in 7 days');
    for (const part of ['nothing has replaced it yet', 'münchen.example', '42ff']) assert.ok(text.includes(part), text);
    assert.match(expiringText({ ...certificate, days: 1, isSuspended: false }).subject, /within a day/);
  });
  it('a proof that lapses is told with the mailbox that has the code, and without one where there is none', () => {
    const lapsing = {
      domain: 'im.example',
      expiresAt: 1790812800,
      days: 14,
      member: 'Example Club',
      memberId: 'm1',
      authority: facts.authority,
    };
    const { subject, text } = lapsingText({ ...lapsing, mailbox: 'hostmaster@im.example' });
    assert.equal(subject, 'Proof of im.example lapses in 14 days');
    assert.ok(text.includes('hostmaster@im.example') && text.includes('2026-10-01T00:00:00Z'), text);
    assert.match(lapsingText({ ...lapsing, mailbox: '' }).text, /No code could be mailed/);
  });
  describe('a new account', () => {
    const added = { account: 'acc', thumbprint: facts.thumbprint, door: 'directory', member: 'Example Club', authority: facts.authority };
    it('is told with what it can do', () => {
      const { text } = accountAddedText(added);
      for (const part of ['acc', facts.thumbprint, 'directory', 'Example Club', facts.authority, 'every domain that you have proved'])
        assert.ok(text.includes(part), text);
    });
    it('that is for certain domains is told with these, and no others', () => {
      const { text } = accountAddedText({ ...added, domains: ['im.example', 'xn--mnchen-3ya.example'] });
      assert.ok(text.includes('\n    im.example\n    münchen.example (xn--mnchen-3ya.example)\n'), text);
      assert.doesNotMatch(text, /every domain/);
    });
  });
  it('fit into 72 columns where names are short', () => {
    const short = { ...facts, domain: 'im.example' };
    const added = { account: 'a', thumbprint: facts.thumbprint, door: 'eab', member: 'Example Club', authority: facts.authority };
    const texts: Text[] = [
      codeText(short),
      codeNoticeText({ ...short, sentTo: 'hostmaster@im.example' }),
      issuedText(certificate),
      expiringText({ ...certificate, days: 7, isSuspended: false }),
      expiringText({ ...certificate, days: 7, isSuspended: true }),
      accountAddedText(added),
      accountAddedText({ ...added, domains: ['im.example'] }),
      contestedText({ domain: 'im.example', role: 'holder', member: 'Example Club', authority: facts.authority }),
    ];
    for (const { text } of texts) {
      for (const line of text.split('\n')) assert.ok(line.length <= 72, line);
      assert.ok(text.endsWith('\n') && !text.includes('undefined'));
    }
  });
});
