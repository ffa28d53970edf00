import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type CaaQuestion, checkCaa, parseIssue } from '../../src/challenges/caa.ts';
import { challengeTypeNames } from '../../src/model/challenge.ts';
import { Problem } from '../../src/model/problem.ts';
import type { CaaProperty } from '../../src/net/network.ts';
import { fakeNetwork } from '../kit/fake-network.ts';

const us = 'ca.example';
const accountUri = 'https://ca.example/acme/account/abc';
const ask = (more: Partial<CaaQuestion> = {}): CaaQuestion => ({
  name: 'im.example.com',
  wildcard: false,
  method: 'http-01',
  accountUri,
  identities: [us],
  ...more,
});

const property = (tag: string, value: string, critical = false): CaaProperty => ({ tag, value, critical });
const issue = (value: string) => property('issue', value);
const issuewild = (value: string) => property('issuewild', value);

type Records = Record<string, CaaProperty[]>;
const look = (records: Records, question: CaaQuestion = ask()) => {
  const net = fakeNetwork();
  for (const [name, set] of Object.entries(records)) net.dns.caa.set(name, set);
  return { net, outcome: checkCaa(net, question) };
};
const here = (...set: CaaProperty[]): Records => ({ 'im.example.com': set });

const permits = async (records: Records, question?: CaaQuestion) => {
  await look(records, question).outcome;
};
const forbids = (records: Records, why: RegExp, question?: CaaQuestion) =>
  assert.rejects(
    look(records, question).outcome,
    (error: unknown) => error instanceof Problem && error.type === 'caa' && why.test(error.detail),
  );

describe('CAA', () => {
  describe('climbs (RFC 8659 §3)', () => {
    it('to the top, and permits where no name has a record', async () => {
      const { net, outcome } = look({});
      assert.equal(await outcome, undefined);
      assert.deepEqual(net.asked, ['caa:im.example.com', 'caa:example.com', 'caa:com']);
    });
    for (const at of ['im.example.com', 'example.com', 'com'])
      it(`and obeys the records of ${at}`, async () => {
        await forbids({ [at]: [issue(';')] }, new RegExp(`CAA records of ${at} `));
        assert.deepEqual(await look({ [at]: [issue(us)] }).outcome, { at, value: us });
      });
    it('no further than the first name with records', async () => {
      const { net, outcome } = look({ 'im.example.com': [issue(us)], 'example.com': [issue(';')] });
      await outcome;
      assert.deepEqual(net.asked, ['caa:im.example.com']);
    });
    it('no further than a name whose records speak of other things', async () => {
      await permits({ 'im.example.com': [property('iodef', 'mailto:a@example.com')], 'example.com': [issue(';')] });
    });
    it('and never looks beside', () => permits({ 'other.example.com': [issue(';')], 'example.org': [issue(';')] }));
    it('from the name below the asterisk', async () => {
      const { net, outcome } = look({ 'im.example.com': [issuewild(us)] }, ask({ wildcard: true }));
      await outcome;
      assert.deepEqual(net.asked, ['caa:im.example.com']);
    });
    it('and fails where a lookup fails, at any height', async () => {
      for (const at of ['im.example.com', 'example.com', 'com']) {
        const net = fakeNetwork();
        net.failures.set(`caa:${at}`, new Problem('dns', 'SERVFAIL'));
        await assert.rejects(checkCaa(net, ask()), (error: unknown) => error instanceof Problem && error.type === 'dns');
      }
    });
    it('and ends with its signal', async () => {
      await assert.rejects(checkCaa(fakeNetwork(), ask(), AbortSignal.abort()), Problem);
    });
  });

  describe('issue (RFC 8659 §4.2)', () => {
    const cases: [value: string, permitted: boolean][] = [
      ['ca.example', true],
      ['CA.Example', true],
      ['  ca.example\t', true],
      ['ca.example;', true],
      ['ca.example ; ', true],
      ['ca.example; x=1', true],
      ['ca.example;x = 1', true],
      ['ca.example; x=', true],
      ['ca.example; x=1; y=2', true],
      ['ca.example; a-b=1', true],
      [';', false],
      ['', false],
      ['   ', false],
      ['; x=1', false],
      ['other.example', false],
      ['sub.ca.example', false],
      ['ca.example.', false],
      ['ca.example other.example', false],
      ['ca.example, other.example', false],
      ['ca..example', false],
      ['-ca.example', false],
      ['ca.example;;', false],
      ['ca.example; ; x=1', false],
      ['ca.example; x=1;', false],
      ['ca.example; x', false],
      ['ca.example; =1', false],
      ['ca.example; x=a b', false],
      ['ca.example; x=1 y=2', false],
      ['ca.example; x-=1', false],
      ['ca.example; -x=1', false],
      ['ca.example; x_y=1', false],
      ['ca.example; x=é', false],
      ['ca.example; x=\u0000', false],
      ['ca.example\n', false],
      ['ca.example; x=1; x=1', false],
      ['ca.example; x=1; X=2', false],
      ['"ca.example"', false],
    ];
    for (const [value, permitted] of cases)
      it(`${JSON.stringify(value)} ${permitted ? 'permits' : 'authorizes nobody'}`, () =>
        permitted ? permits(here(issue(value))) : forbids(here(issue(value)), /./));

    it('permits where one of several names us', () => permits(here(issue('other.example'), issue(us), issue(';'))));
    it('permits where one is malformed and another names us', () => permits(here(issue('%%%'), issue(us))));
    it('forbids where none names us', () => forbids(here(issue('a.example'), issue('b.example')), /other authorities/));
    it('knows several names of ours', () => permits(here(issue('two.example')), ask({ identities: [us, 'Two.Example'] })));
    it('authorizes nobody where we have no name', () => forbids(here(issue(us)), /./, ask({ identities: [] })));
    it('never takes an empty identity for the empty issuer', () =>
      forbids(here(issue(';')), /forbid every authority/, ask({ identities: [us] })));
  });

  describe('issuewild (RFC 8659 §4.3)', () => {
    const wild = ask({ wildcard: true });
    it('alone permits a name that is no wildcard', () => permits(here(issuewild(';'))));
    it('is ignored for a name that is no wildcard', () => forbids(here(issuewild(us), issue(';')), /forbid/));
    it('overrules issue for a wildcard: forbidding', () => forbids(here(issuewild(';'), issue(us)), /forbid/, wild));
    it('overrules issue for a wildcard: permitting', () => permits(here(issuewild(us), issue(';')), wild));
    it('overrules issue even where it is malformed', () => forbids(here(issuewild('%%%'), issue(us)), /cannot be parsed/, wild));
    it('that is missing leaves a wildcard to issue', async () => {
      await permits(here(issue(us)), wild);
      await forbids(here(issue(';')), /forbid/, wild);
    });
  });

  describe('critical (RFC 8659 §4.1, §4.5)', () => {
    it('and unknown forbids, beside a record that permits', () =>
      forbids(here(issue(us), property('tbs', 'x', true)), /critical property "tbs"/));
    it('and unknown forbids alone', () => forbids(here(property('issuemail', ';', true)), /critical/));
    it('and unknown forbids, further up too', () => forbids({ 'example.com': [property('future', 'x', true)] }, /critical/));
    it('and known is nothing more', () =>
      permits(here({ ...issue(us), critical: true }, property('iodef', 'mailto:a@b.example', true), property('issuewild', us, true))));
    it('not, and unknown, is ignored', () => permits(here(issue(us), property('future', 'x'))));
  });

  describe('accounturi (RFC 8657 §3)', () => {
    const cases: [parameters: string, permitted: boolean][] = [
      [`accounturi=${accountUri}`, true],
      [`AccountURI=${accountUri}`, true],
      [`accounturi=${accountUri}; validationmethods=http-01`, true],
      ['accounturi=https://ca.example/acme/account/other', false],
      [`accounturi=${accountUri}/`, false],
      [`accounturi=${accountUri.toUpperCase()}`, false],
      ['accounturi=', false],
      ['accounturi=nonsense', false],
      [`accounturi=${accountUri}; accounturi=${accountUri}`, false],
      [`accounturi=${accountUri}; ACCOUNTURI=https://x.example`, false],
      [`accounturi="${accountUri}"`, false],
    ];
    for (const [parameters, permitted] of cases)
      it(`${parameters} ${permitted ? 'permits' : 'forbids'}`, () =>
        permitted ? permits(here(issue(`${us}; ${parameters}`))) : forbids(here(issue(`${us}; ${parameters}`)), /./));
    it('does not make up for another issuer', () => forbids(here(issue(`other.example; accounturi=${accountUri}`)), /other authorities/));
    it('of one record leaves another to permit', () => permits(here(issue(`${us}; accounturi=https://x.example`), issue(us))));
    it('means one account under each of our names (RFC 8657 §5.4)', async () => {
      const two = ask({ identities: [us, 'two.example'] });
      for (const issuer of two.identities) {
        await permits(here(issue(`${issuer}; accounturi=${accountUri}`)), two);
        await forbids(here(issue(`${issuer}; accounturi=https://x.example`)), /accounturi/, two);
      }
    });
    it('binds issuewild too', () => forbids(here(issuewild(`${us}; accounturi=https://x.example`)), /accounturi/, ask({ wildcard: true })));
  });

  describe('validationmethods (RFC 8657 §4)', () => {
    const cases: [value: string, permitted: boolean][] = [
      ['http-01', true],
      ['dns-01,http-01', true],
      ['http-01,ca-future', true],
      ['dns-01', false],
      ['', false],
      ['HTTP-01', false],
      ['http-01,', false],
      [',http-01', false],
      ['http-01,,dns-01', false],
      ['http-01,ca_x', false],
      ['http-01,a.b', false],
      ['http-01x', false],
      ['http', false],
    ];
    for (const [value, permitted] of cases)
      it(`"${value}" ${permitted ? 'permits' : 'forbids'} http-01`, () => {
        const records = here(issue(`${us}; validationmethods=${value}`));
        return permitted ? permits(records) : forbids(records, /./);
      });

    const labels = {
      'email-mailbox-01': 'ca-email-mailbox-01',
      'http-01': 'http-01',
      'dns-01': 'dns-01',
      'tls-alpn-01': 'tls-alpn-01',
    } as const;
    for (const method of challengeTypeNames)
      it(`knows ${method} as ${labels[method]} (RFC 8657 §4)`, async () => {
        await permits(here(issue(`${us}; validationmethods=${labels[method]}`)), ask({ method }));
        for (const other of challengeTypeNames.filter(m => m !== method))
          await forbids(here(issue(`${us}; validationmethods=${labels[other]}`)), /validation method/, ask({ method }));
      });
    it('does not know email-mailbox-01 without "ca-"', () =>
      forbids(here(issue(`${us}; validationmethods=email-mailbox-01`)), /ca-email-mailbox-01/, ask({ method: 'email-mailbox-01' })));
    it('that stands twice authorizes nobody', () =>
      forbids(here(issue(`${us}; validationmethods=http-01; validationmethods=http-01`)), /cannot be parsed/));
    it('binds together with accounturi', () =>
      forbids(here(issue(`${us}; accounturi=${accountUri}; validationmethods=dns-01`)), /validation method/));
  });

  it('never permits, and never throws anything but a Problem, for values that do not begin with our name', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 1, maxLength: 3 }), async values => {
        if (values.some(v => parseIssue(v)?.issuer === us)) return;
        await assert.rejects(
          look(here(...values.map(issue))).outcome,
          (error: unknown) => error instanceof Problem && error.type === 'caa',
        );
      }),
    );
  });
  it('reads what the grammar writes', () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
    const wsp = fc.stringMatching(/^[ \t]{0,3}$/);
    const parameter = fc.tuple(label, fc.stringMatching(/^[\x21-\x3a\x3c-\x7e]{0,12}$/), wsp);
    fc.assert(
      fc.property(
        fc.array(label, { minLength: 1, maxLength: 3 }),
        fc.uniqueArray(parameter, { selector: p => p[0], maxLength: 4 }),
        wsp,
        (labels, parameters, w) => {
          const text = [labels.join('.'), ...parameters.map(([tag, value, space]) => `${tag}${space}=${space}${value}`)].join(`${w};${w}`);
          assert.deepEqual(
            { ...parseIssue(`${w}${text}${w}`)?.parameters },
            Object.fromEntries(parameters.map(([tag, value]) => [tag, value])),
          );
        },
      ),
    );
  });
  it('takes 60,000 spaces in its stride', () => {
    const spaces = ' '.repeat(60_000);
    for (const value of [
      `a${spaces}b`,
      `${us};${spaces}x`,
      `${us}; x${spaces}=${spaces}!`,
      `${us}; ${'a-'.repeat(30_000)}=`,
      `${'a.'.repeat(30_000)}!`,
    ])
      for (let i = 0; i < 20; i++) parseIssue(value);
  });
});
