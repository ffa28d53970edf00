import assert from 'node:assert/strict';
import { dateAt, quarterAt, quarterPattern, quartersLater, spanOf, startOfDate } from '../../src/model/quarter.ts';

const at = (text: string) => Date.parse(text) / 1000;

describe('a quarter', () => {
  it('begins and ends in UTC, where the next one begins', () => {
    assert.deepEqual(spanOf('2026-Q4'), { quarter: '2026-Q4', from: at('2026-10-01T00:00:00Z'), until: at('2027-01-01T00:00:00Z') });
    assert.deepEqual(spanOf('2028-Q1'), { quarter: '2028-Q1', from: at('2028-01-01T00:00:00Z'), until: at('2028-04-01T00:00:00Z') });
  });

  it('is that of a time', () => {
    for (const [time, quarter] of [
      ['2026-12-31T23:59:59Z', '2026-Q4'],
      ['2027-01-01T00:00:00Z', '2027-Q1'],
      ['2027-03-31T23:59:59Z', '2027-Q1'],
      ['2027-04-01T00:00:00Z', '2027-Q2'],
    ] as const)
      assert.equal(quarterAt(at(time)), quarter);
  });

  it('is so many quarters before or after another', () => {
    assert.equal(quartersLater('2026-Q4', 1), '2027-Q1');
    assert.equal(quartersLater('2026-Q1', -1), '2025-Q4');
    assert.equal(quartersLater('2026-Q3', -4), '2025-Q3');
  });

  it('is written in one way', () => {
    for (const good of ['2026-Q1', '2999-Q4']) assert.match(good, quarterPattern);
    for (const bad of ['2026Q1', '2026-Q0', '2026-Q5', '2026-q1', '26-Q1', '2026-Q1 ', '1999-Q1', '2026-10'])
      assert.doesNotMatch(bad, quarterPattern);
  });

  it('has dates, in UTC', () => {
    assert.equal(dateAt(at('2026-12-31T23:59:59Z')), '2026-12-31');
    assert.equal(startOfDate('2026-12-31'), at('2026-12-31T00:00:00Z'));
  });
});
