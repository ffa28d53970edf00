import assert from 'node:assert/strict';
import fc from 'fast-check';
import { base32, base64url, fromBase64url, fromPem, fromRfc3339, hex, pem, rfc3339 } from '../../src/model/encoding.ts';

describe('encoding', () => {
  describe('base64url (RFC 4648 §5, RFC 7515 §2)', () => {
    for (const [text, bytes] of [
      ['', ''],
      ['Zg', '66'],
      ['Zm8', '666f'],
      ['Zm9v', '666f6f'],
      ['-_8', 'fbff'],
    ] as const)
      it(`reads "${text}"`, () => assert.equal(hex(fromBase64url(text) ?? assert.fail()), bytes));
    for (const wrong of ['Zg==', 'Zh', 'Zm9=', 'Z', '+/8', 'Zm 8', 'Zm8\n', '\nZm8', 'Zm8.', 'é', null, undefined, 7, {}, ['Zg']])
      it(`refuses ${JSON.stringify(wrong)}`, () => assert.equal(fromBase64url(wrong), undefined));
    it('reads what it writes, and nothing that it would write otherwise', () => {
      fc.assert(fc.property(fc.uint8Array(), bytes => assert.equal(hex(fromBase64url(base64url(bytes)) ?? assert.fail()), hex(bytes))));
      fc.assert(
        fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9_=-]{0,9}$/)), text => {
          const bytes = fromBase64url(text);
          if (bytes) assert.equal(base64url(bytes), text);
        }),
      );
    });
    it('writes a view of a larger buffer as the view', () => assert.equal(base64url(Buffer.from('xfoox').subarray(1, 4)), 'Zm9v'));
  });

  describe('base32 (RFC 4648 §10)', () => {
    for (const [text, encoded] of [
      ['', ''],
      ['f', 'my'],
      ['fo', 'mzxq'],
      ['foo', 'mzxw6'],
      ['foob', 'mzxw6yq'],
      ['fooba', 'mzxw6ytb'],
      ['foobar', 'mzxw6ytboi'],
    ])
      it(`of "${text}" is "${encoded}"`, () => assert.equal(base32(Buffer.from(text ?? '')), encoded));
    it('has 32 characters for 20 octets', () => {
      fc.assert(fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), bytes => assert.match(base32(bytes), /^[a-z2-7]{32}$/)));
    });
  });

  describe('PEM (RFC 7468)', () => {
    it('has lines of 64 characters and ends with a line feed', () => {
      const lines = pem('X', Buffer.alloc(100, 1)).split('\n');
      assert.deepEqual(
        [lines[0], lines[1]?.length, lines[2]?.length, lines.at(-2), lines.at(-1)],
        ['-----BEGIN X-----', 64, 64, '-----END X-----', ''],
      );
    });
    it('is read as it was written, block by block', () => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 4 }), blocks => {
          const text = blocks.map(b => `text before\n${pem('A B', b)}${pem('OTHER', b)}`).join('\r\n');
          assert.deepEqual(fromPem('A B', text).map(hex), blocks.map(hex));
        }),
      );
    });
    it('is nothing where there is none', () => {
      for (const text of [
        '',
        '-----BEGIN X-----',
        '-----BEGIN X-----\n-----END X',
        '-----BEGIN X-----\n!\n-----END X-----',
        '-----BEGIN Y-----\nAA==\n-----END X-----',
      ])
        assert.deepEqual(fromPem('X', text), []);
    });
    it('is read or not, whatever the text', () => {
      const part = fc.oneof(
        fc.constantFrom('-----BEGIN X-----', '-----END X-----', '\n', ' ', 'AAAA', '=', '-----'),
        fc.string({ maxLength: 5 }),
      );
      fc.assert(fc.property(fc.array(part, { maxLength: 30 }), parts => assert.ok(Array.isArray(fromPem('X', parts.join(''))))));
    });
    it('takes a megabyte of white space in its stride', () => {
      assert.deepEqual(fromPem('X', `-----BEGIN X-----${' \n'.repeat(500_000)}`), []);
      assert.deepEqual(fromPem('X', '-----BEGIN X-----\nAAAA\n'.repeat(50_000)), []);
    });
  });

  describe('time (RFC 3339)', () => {
    it('is written in UTC, in whole seconds', () => assert.equal(rfc3339(1790812800), '2026-10-01T00:00:00Z'));
    for (const [text, seconds] of [
      ['2026-10-01T00:00:00Z', 1790812800],
      ['2026-10-01t00:00:00z', 1790812800],
      ['2026-10-01T02:00:00+02:00', 1790812800],
      ['2026-09-30T23:30:00-00:30', 1790812800],
      ['2026-10-01T00:00:00.999Z', 1790812800],
      ['2024-02-29T00:00:00Z', 1709164800],
    ] as const)
      it(`reads ${text}`, () => assert.equal(fromRfc3339(text), seconds));
    for (const wrong of [
      '2026-10-01',
      '2026-10-01T00:00:00',
      '2026-10-01 00:00:00Z',
      '2026-10-01T00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-00-01T00:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-04-31T00:00:00Z',
      '2026-10-00T00:00:00Z',
      '2026-10-01T24:00:00Z',
      '2026-10-01T00:60:00Z',
      '2026-10-01T00:00:00+99:99',
      '2026-10-01T00:00:00Z ',
      'tomorrow',
      '',
      1790812800,
      null,
      {},
    ])
      it(`refuses ${JSON.stringify(wrong)}`, () => assert.equal(fromRfc3339(wrong), undefined));
    it('is read as it was written', () => {
      fc.assert(fc.property(fc.integer({ min: 0, max: 253402300799 }), seconds => assert.equal(fromRfc3339(rfc3339(seconds)), seconds)));
    });
    it('is a number or undefined, whatever the text', () => {
      fc.assert(
        fc.property(fc.stringMatching(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$/), text => {
          const seconds = fromRfc3339(text);
          assert.ok(seconds === undefined || Number.isInteger(seconds));
        }),
      );
    });
  });
});
