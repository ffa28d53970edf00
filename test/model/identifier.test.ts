import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  identifierValue,
  isAtOrBelow,
  type NamePolicy,
  parseIdentifier,
  parseName,
  registrableDomain,
  selfAndAncestors,
  unicodeName,
  withinRegistrable,
} from '../../src/model/identifier.ts';
import { Problem } from '../../src/model/problem.ts';
import { only } from '../kit/mutate.ts';

const open: NamePolicy = { wildcards: true, refuseNames: [], specialUse: true };
const strict: NamePolicy = { wildcards: false, refuseNames: ['Refused.org'], specialUse: false };
const refuses = (work: () => unknown, type: string, why = /./) =>
  assert.throws(work, (error: unknown) => error instanceof Problem && error.type === type && why.test(error.detail));

describe('identifiers', () => {
  describe('are accepted:', () => {
    const cases: [value: string, name: string, wildcard?: boolean][] = [
      ['example.org', 'example.org'],
      ['IM.Example.ORG', 'im.example.org'],
      ['*.example.org', 'example.org', true],
      ['xn--mnchen-3ya.de', 'xn--mnchen-3ya.de'],
      ['XN--MNCHEN-3YA.de', 'xn--mnchen-3ya.de'],
      ['a.b.c.d.e.f.example.org', 'a.b.c.d.e.f.example.org'],
      ['1.example.org', '1.example.org'],
      ['a--b.example.org', 'a--b.example.org'],
      [`${'a'.repeat(63)}.example.org`, `${'a'.repeat(63)}.example.org`],
      ['user.github.io', 'user.github.io'],
      ['im.test', 'im.test'],
    ];
    for (const [value, name, wildcard = false] of cases)
      it(value, () => assert.deepEqual(parseIdentifier({ type: 'dns', value }, open), { name, wildcard }));
    it('253 characters', () => {
      const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(53)}.example`;
      assert.equal(name.length, 253);
      assert.equal(parseName(name, open).name, name);
    });
  });

  describe('are malformed:', () => {
    const values: [value: string, why?: RegExp][] = [
      [''],
      ['.'],
      ['example..org'],
      ['.example.org'],
      ['example.org.', /final dot/],
      ['-a.example.org'],
      ['a-.example.org'],
      ['a_b.example.org'],
      ['_xmpp-server.example.org'],
      ['a b.example.org'],
      ['example.org\n'],
      ['example.org\0.evil.org'],
      ['user@example.org'],
      ['https://example.org'],
      ['example.org:443'],
      ['a.*.example.org'],
      ['*.*.example.org'],
      ['*'],
      ['**.example.org'],
      ['*example.org'],
      ['münchen.de', /A-labels \("xn--mnchen-3ya\.de"\)/],
      ['MÜNCHEN.de', /A-labels/],
      ['例え.テスト', /xn--r8jz45g\.xn--zckzah/],
      ['example。org', /A-labels/],
      ['xn--.org'],
      ['xn--a.org', /A-label/],
      ['xn--mnchen-3y.de', /A-label/],
      ['xn--example.org', /A-label/],
      ['ab--cd.org', /A-label/],
      ['xn--ls8h--.org'],
      [`${'a'.repeat(64)}.example.org`, /63/],
      [`${'a.'.repeat(125)}example.org`, /253/],
      ['example.123', /number/],
      ['a.b.7'],
    ];
    for (const [value, why = /./] of values)
      it(JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value), () =>
        refuses(() => parseName(value, open), 'malformed', why),
      );
    for (const identifier of [
      undefined,
      null,
      7,
      'example.org',
      [],
      {},
      { type: 'dns' },
      { value: 'example.org' },
      { type: 7, value: 'a' },
      { type: 'dns', value: 7 },
      { type: 'dns', value: null },
    ])
      it(`${JSON.stringify(identifier)} (RFC 8555 §7.1.3)`, () => refuses(() => parseIdentifier(identifier, open), 'malformed'));
  });

  describe('are unsupported:', () => {
    for (const type of ['ip', 'email', 'DNS', '', 'permanent-identifier'])
      it(`type "${type}" (RFC 8555 §7.4)`, () =>
        refuses(() => parseIdentifier({ type, value: 'example.org' }, open), 'unsupportedIdentifier'));
  });

  describe('are rejected:', () => {
    const values: [value: string, policy: NamePolicy, why: RegExp][] = [
      ['192.0.2.1', open, /IP address/],
      ['2001:db8::1', open, /IP address/],
      ['[2001:db8::1]', open, /IP address/],
      ['localhost', open, /single label/],
      ['org', open, /single label/],
      ['*.example.org', strict, /Wildcards/],
      ['a.refused.org', strict, /refused\.org/],
      ['refused.org', strict, /refused\.org/],
      ['co.uk', strict, /public suffix/],
      ['github.io', strict, /public suffix/],
      ['example.nosuchtld', strict, /public suffix list/],
      ['gmail.com', open, /mail provider/],
      ['a.gmail.com', open, /mail provider/],
      ...['test', 'example', 'localhost', 'internal', 'onion', 'local', 'invalid', 'alt', 'arpa', 'home', 'corp', 'mail', 'lan'].map(
        (top): [string, NamePolicy, RegExp] => [`a.${top}`, strict, /special-use/],
      ),
    ];
    for (const [value, policy, why] of values) it(value, () => refuses(() => parseName(value, policy), 'rejectedIdentifier', why));
    it('and one that only ends like a refused name is not', () => assert.equal(parseName('notrefused.org', strict).name, 'notrefused.org'));
  });

  it('show a stranger’s characters escaped and cut short', () => {
    const error = only(Problem, () => parseName(`\u202e"\\\u0007${'a'.repeat(500)}`, open));
    assert.ok(error instanceof Problem);
    assert.doesNotMatch(error.detail, /[\p{C}]/u);
    assert.ok(error.detail.length < 400);
  });

  it('are a name in normal form or a Problem, whatever the value', () => {
    const part = fc.oneof(
      fc.constantFrom('.', '-', '*', 'xn--', 'example', 'org', '[', ']', ':', '\0', 'ß', '\u200d'),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.constantFrom(open, strict), (parts, policy) => {
        const read = only(Problem, () => parseIdentifier({ type: 'dns', value: parts.join('') }, policy));
        if (read instanceof Problem) assert.ok(['malformed', 'rejectedIdentifier'].includes(read.type));
        else if (!(read instanceof Error)) {
          assert.match(read.name, /^[a-z0-9.-]+$/);
          assert.deepEqual(parseName(identifierValue(read), policy), read);
        }
      }),
      { numRuns: 2000 },
    );
  });
  it('are a Problem or a name, whatever the JSON', () => {
    fc.assert(fc.property(fc.jsonValue(), value => void only(Problem, () => parseIdentifier(value, open))));
  });
  it('of 60,000 odd characters are refused at once', () => {
    const han = Array.from({ length: 60_000 }, (_, i) => String.fromCodePoint(0x4e00 + ((i * 7919) % 20_000))).join('');
    for (const value of [han, 'ü'.repeat(60_000), '\ud800'.repeat(60_000), 'a-'.repeat(30_000), 'xn--'.repeat(15_000)])
      for (let i = 0; i < 20; i++) refuses(() => parseName(value, open), 'malformed');
  });
});

describe('names', () => {
  for (const [name, registrable, within] of [
    ['a.b.example.org', 'example.org', ['a.b.example.org', 'b.example.org', 'example.org']],
    ['example.co.uk', 'example.co.uk', ['example.co.uk']],
    ['a.user.github.io', 'user.github.io', ['a.user.github.io', 'user.github.io']],
    ['a.im.test', 'im.test', ['a.im.test', 'im.test']],
    ['xn--85x722f.xn--55qx5d.cn', 'xn--85x722f.xn--55qx5d.cn', ['xn--85x722f.xn--55qx5d.cn']],
  ] as const)
    it(`${name} lies within ${registrable}`, () => {
      assert.equal(registrableDomain(name), registrable);
      assert.deepEqual(withinRegistrable(name), within);
    });
  it('have ancestors up to the top', () => assert.deepEqual(selfAndAncestors('a.b.c'), ['a.b.c', 'b.c', 'c']));
  it('lie at or below another by whole labels', () => {
    assert.ok(isAtOrBelow('a.b', 'a.b') && isAtOrBelow('x.a.b', 'a.b'));
    assert.ok(!isAtOrBelow('xa.b', 'a.b') && !isAtOrBelow('b', 'a.b'));
  });
  it('are shown in U-labels (RFC 5890 §2.3.2.1)', () => {
    assert.equal(unicodeName('xn--mnchen-3ya.de'), 'münchen.de');
    assert.equal(unicodeName('example.org'), 'example.org');
  });
  it('have their asterisk back as an identifier', () => {
    assert.equal(identifierValue({ name: 'a.b', wildcard: true }), '*.a.b');
    assert.equal(identifierValue({ name: 'a.b', wildcard: false }), 'a.b');
  });
});
