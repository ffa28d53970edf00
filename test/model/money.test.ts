import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatAmount, formatPercent, formatShare, isCurrency, parseAmount } from '../../src/model/money.ts';

describe('money', () => {
  const amounts: [text: string, currency: string, minor: bigint | undefined][] = [
    ['12.50', 'EUR', 1250n],
    ['12.5', 'EUR', 1250n],
    ['12', 'EUR', 1200n],
    ['0.01', 'EUR', 1n],
    ['-0.01', 'EUR', -1n],
    ['007.10', 'EUR', 710n],
    ['99999999999.99', 'EUR', 9999999999999n],
    ['12.505', 'EUR', undefined],
    ['12,50', 'EUR', undefined],
    ['.5', 'EUR', undefined],
    ['5.', 'EUR', undefined],
    ['1e3', 'EUR', undefined],
    ['+1', 'EUR', undefined],
    ['--1', 'EUR', undefined],
    [' 1', 'EUR', undefined],
    ['', 'EUR', undefined],
    ['100000000000', 'EUR', undefined],
    ['1200', 'JPY', 1200n],
    ['1200.0', 'JPY', undefined],
    ['1.234', 'KWD', 1234n],
    ['1.2345', 'KWD', undefined],
  ];
  for (const [text, currency, minor] of amounts)
    it(`${JSON.stringify(text)} ${currency} is ${minor ?? 'none'}`, () => assert.equal(parseAmount(text, currency), minor));

  it('is written as it is read, whatever the currency', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 10n), max: 10n ** 10n }), fc.constantFrom('EUR', 'JPY', 'KWD', 'CLF'), (minor, currency) => {
        assert.equal(parseAmount(formatAmount(minor, currency), currency), minor);
      }),
    );
  });

  it('is shared with two digits more, rounded half away from zero', () => {
    const shares: [minor: bigint, among: bigint, currency: string, share: string | undefined][] = [
      [10000n, 3n, 'EUR', '33.3333'],
      [20000n, 3n, 'EUR', '66.6667'],
      [-20000n, 3n, 'EUR', '-66.6667'],
      [1n, 200n, 'EUR', '0.0001'],
      [1n, 201n, 'EUR', '0.0000'],
      [-1n, 200n, 'EUR', '-0.0001'],
      [-1n, 201n, 'EUR', '0.0000'],
      [100n, 8n, 'JPY', '12.50'],
      [0n, 5n, 'EUR', '0.0000'],
      [5n, 0n, 'EUR', undefined],
    ];
    for (const [minor, among, currency, share] of shares) assert.equal(formatShare(minor, among, currency), share);
  });

  it('has the currencies of ISO 4217 and no other', () => {
    assert.deepEqual(['EUR', 'CHF', 'JPY'].map(isCurrency), [true, true, true]);
    assert.deepEqual(['EURO', 'eur', 'ZZZ', ''].map(isCurrency), [false, false, false, false]);
  });
});

describe('a percentage', () => {
  it('is never rounded up: all is said of all alone', () => {
    assert.equal(formatPercent(100n, 100n), '100.000');
    assert.equal(formatPercent(99_999_999n, 100_000_000n), '99.999');
    assert.equal(formatPercent(2n, 3n), '66.666');
    assert.equal(formatPercent(0n, 3n), '0.000');
    assert.equal(formatPercent(0n, 0n), undefined);
  });
});
