import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import {
  bitString,
  DerError,
  elements,
  generalizedTime,
  integer,
  octetString,
  oid,
  readBits,
  readDer,
  readFlags,
  readOid,
  readTime,
  sequence,
  smallInteger,
  type Tlv,
  tags,
  time,
  tlv,
  unsigned,
} from '../../src/pki/der.ts';
import { issuingCertificate } from '../kit/hierarchy.ts';
import { mutated, only } from '../kit/mutate.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const element = (tag: number, value: string): Tlv => readDer(tlv(tag, bytes(value)));

/** Reads everything that can be read. */
function walk(tlv: Tlv): void {
  for (const read of [unsigned, readOid, readTime, readFlags, readBits]) only(DerError, () => read(tlv));
  const members = only(DerError, () => elements(tlv));
  if (!(members instanceof Error)) for (const member of members) walk(member);
}

describe('DER', () => {
  describe('refuses', () => {
    const wrong: [what: string, der: string][] = [
      ['nothing', ''],
      ['a tag alone', '30'],
      ['contents that are cut off (X.690 §8.1.3)', '3003020101ff'.slice(0, 8)],
      ['bytes after the end', '050000'],
      ['an indefinite length (X.690 §10.1)', '30800000'],
      ['a length in long form that fits the short one (X.690 §10.1)', `30817f${'00'.repeat(127)}`],
      ['a length with a leading zero (X.690 §10.1)', `30820080${'00'.repeat(128)}`],
      ['a length of five octets', '30850000000001ff'],
      ['a length of 127 octets', `30ff${'00'.repeat(127)}`],
      ['a length beyond the end', '3084ffffffff'],
      ['a tag number above 30', '1f8101 00'.replace(' ', '')],
    ];
    for (const [what, der] of wrong) it(what, () => assert.throws(() => readDer(bytes(der)), DerError));

    it('members of a primitive element', () => assert.throws(() => elements(readDer(bytes('0401ff'))), DerError));
    it('another tag', () => assert.throws(() => elements(readDer(bytes('3100')), tags.sequence), DerError));
    it('members that are cut off', () => assert.throws(() => elements(readDer(bytes('30020201'))), DerError));

    const integers: [what: string, value: string][] = [
      ['an empty INTEGER (X.690 §8.3.1)', ''],
      ['a negative INTEGER (RFC 5280 §4.1.2.2)', '80'],
      ['an INTEGER with a needless zero (X.690 §8.3.2)', '0001'],
    ];
    for (const [what, value] of integers) it(what, () => assert.throws(() => unsigned(element(tags.integer, value)), DerError));

    const oidsWrong: [what: string, value: string][] = [
      ['an empty OID', ''],
      ['an OID that is cut off (X.690 §8.19.2)', '2a86'],
      ['an arc with a leading zero (X.690 §8.19.2)', '2a8001'],
      ['an arc of many octets', `2a${'ff'.repeat(9)}7f`],
    ];
    for (const [what, value] of oidsWrong) it(what, () => assert.throws(() => readOid(element(tags.oid, value)), DerError));

    const times: [what: string, tag: number, text: string][] = [
      ['UTCTime without seconds (RFC 5280 §4.1.2.5.1)', tags.utcTime, '2610010000Z'],
      ['UTCTime with a zone (RFC 5280 §4.1.2.5.1)', tags.utcTime, '261001000000+0000'],
      ['UTCTime without Z (RFC 5280 §4.1.2.5.1)', tags.utcTime, '261001000000'],
      ['GeneralizedTime with a fraction (RFC 5280 §4.1.2.5.2)', tags.generalizedTime, '20510101000000.5Z'],
      ['GeneralizedTime before 2050 (RFC 5280 §4.1.2.5)', tags.generalizedTime, '20491231235959Z'],
      ['month 13', tags.utcTime, '261301000000Z'],
      ['30 February', tags.utcTime, '260230000000Z'],
      ['hour 24', tags.utcTime, '260101240000Z'],
      ['second 60', tags.utcTime, '260101000060Z'],
      ['month 99 of the year 9999', tags.generalizedTime, '99999999999999Z'],
      ['another type', tags.ia5String, '260101000000Z'],
    ];
    for (const [what, tag, text] of times)
      it(`a Time: ${what}`, () => assert.throws(() => readTime(readDer(tlv(tag, Buffer.from(text)))), DerError));

    const flagsWrong: [what: string, value: string][] = [
      ['no octet', '07'],
      ['eight unused bits', '0880'],
      ['fewer unused bits than there are zeros (X.690 §11.2.2)', '0080'],
      ['set bits among the unused ones (X.690 §11.2.1)', '0701'],
      ['trailing zeros (X.690 §11.2.2)', '008000'],
      ['no bit set (RFC 5280 §4.2.1.3)', '0000'],
    ];
    for (const [what, value] of flagsWrong)
      it(`flags with ${what}`, () => assert.throws(() => readFlags(element(tags.bitString, value)), DerError));
    it('bits that are no whole octets', () => assert.throws(() => readBits(element(tags.bitString, '0180')), DerError));
  });

  describe('writes', () => {
    it('lengths in their shortest form (X.690 §10.1)', () => {
      for (const [length, head] of [
        [0, '0400'],
        [127, '047f'],
        [128, '048180'],
        [255, '0481ff'],
        [256, '04820100'],
        [65535, '0482ffff'],
        [65536, '0483010000'],
        [0x1000000, '048401000000'],
      ] as const)
        assert.equal(hex(octetString(new Uint8Array(length)).subarray(0, head.length / 2)), head);
    });

    const integers: [value: string, der: string][] = [
      ['', '020100'],
      ['00', '020100'],
      ['7f', '02017f'],
      ['80', '02020080'],
      ['0080', '02020080'],
      ['000001', '020101'],
    ];
    for (const [value, der] of integers)
      it(`the INTEGER ${value || 'of nothing'} as ${der} (X.690 §8.3)`, () => assert.equal(hex(integer(bytes(value))), der));

    it('small integers', () => {
      for (const value of [0, 1, 127, 128, 255, 65536, 2 ** 32, 1790812800, 2 ** 48 - 1])
        assert.equal(BigInt(`0x${hex(unsigned(readDer(smallInteger(value)))) || '0'}`), BigInt(value));
    });

    it('UTCTime through 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5)', () => {
      assert.equal(Buffer.from(time(Date.UTC(2049, 11, 31, 23, 59, 59) / 1000)).toString('latin1'), '\x17\x0d491231235959Z');
      assert.equal(Buffer.from(time(Date.UTC(2050, 0, 1) / 1000)).toString('latin1'), '\x18\x0f20500101000000Z');
      assert.equal(Buffer.from(generalizedTime(0)).toString('latin1'), '\x18\x0f19700101000000Z');
    });

    it('what openssl reads', () => {
      const der = sequence(oid('1.3.6.1.5.5.7.8.5'), integer(bytes('80')), bytes('030205a0'), time(1790812800), bitString(bytes('ff')));
      const text = execFileSync('openssl', ['asn1parse', '-inform', 'DER'], { input: der, encoding: 'utf8' });
      for (const part of ['XmppAddr', 'INTEGER           :80', 'UTCTIME           :261001000000Z', 'BIT STRING'])
        assert.ok(text.includes(part), `${part} in\n${text}`);
    });
  });

  describe('is read as it was written:', () => {
    const arc = fc.integer({ min: 0, max: 2 ** 40 });
    it('OBJECT IDENTIFIER', () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 0, max: 2 }),
          fc.integer({ min: 0, max: 39 }),
          fc.array(arc, { maxLength: 8 }),
          (first, second, rest) => {
            const dotted = [first, second, ...rest].join('.');
            assert.equal(readOid(readDer(oid(dotted))), dotted);
          },
        ),
      );
    });
    it('INTEGER', () => {
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: 2n ** 160n }), value => {
          const digits = value.toString(16);
          const der = integer(bytes(digits.length % 2 ? `0${digits}` : digits));
          assert.equal(BigInt(`0x${hex(unsigned(readDer(der)))}`), value);
        }),
      );
    });
    it('Time', () => {
      fc.assert(
        fc.property(fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(9999, 11, 31) / 1000 }), seconds => {
          assert.equal(readTime(readDer(time(seconds))), seconds);
        }),
      );
    });
    it('flags', () => {
      for (const [der, set] of [
        ['03020780', [0]],
        ['030205a0', [0, 2]],
        ['03020106', [5, 6]],
        ['0303070080', [8]],
      ] as const)
        assert.deepEqual(readFlags(readDer(bytes(der))), set);
    });
    it('nested elements', () => {
      const { tree } = fc.letrec<{ tree: Uint8Array; leaf: Uint8Array }>(tie => ({
        leaf: fc.uint8Array({ maxLength: 300 }).map(octetString),
        tree: fc.oneof(
          { maxDepth: 4 },
          tie('leaf'),
          fc.array(tie('tree'), { maxLength: 4 }).map(list => sequence(...list)),
        ),
      }));
      fc.assert(
        fc.property(tree, der => {
          const rewrite = (t: Tlv): Uint8Array => (t.tag & 0x20 ? sequence(...elements(t).map(rewrite)) : tlv(t.tag, t.value));
          assert.equal(hex(rewrite(readDer(der))), hex(der));
        }),
      );
    });
  });

  it('throws DerError and nothing else, whatever it reads', () => {
    fc.assert(
      fc.property(mutated([issuingCertificate, sequence(oid('1.2.3'), time(0), bytes('03020640'), integer(bytes('ff')))]), der => {
        const read = only(DerError, () => readDer(der));
        if (!(read instanceof Error)) walk(read);
      }),
      { numRuns: 3000 },
    );
  });

  it('reads a length of 4 GiB without allocating it', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 1000; i++) assert.throws(() => readDer(bytes('3084fffffff0')), DerError);
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 24);
  });
});
