import assert from 'node:assert/strict';
import { z } from 'zod';
import { days, moment, numberOrAny } from '../../src/operations/operation.ts';
import { fromWords, typesOf } from '../../src/operations/schema-words.ts';

const input = z.object({
  days: days.default(30),
  uses: numberOrAny.optional(),
  list: z.array(z.string()).optional(),
  flag: z.boolean().default(false),
  text: z.string().optional(),
  at: moment.optional(),
});

describe('words', () => {
  it('become the values that an input takes', () => {
    assert.deepEqual(fromWords(input, { days: '7', uses: '3', list: 'a, b', flag: 'true', text: '7', at: '2026-01-01T00:00:00Z' }), {
      days: 7,
      uses: 3,
      list: ['a', 'b'],
      flag: true,
      text: '7',
      at: '2026-01-01T00:00:00Z',
    });
    assert.deepEqual(fromWords(input, { uses: 'any', list: '', flag: 'false' }), { uses: 'any', list: [''], flag: false });
  });

  it('that are none of these stay as they are, for the schema to refuse', () => {
    const words = { days: '0x7', uses: '1e3', flag: 'yes', unknown: '7' };
    assert.deepEqual(fromWords(input, words), words);
    assert.equal(input.safeParse(fromWords(input, { days: '7.5' })).success, false);
  });

  it('and values that are no text are left alone', () =>
    assert.deepEqual(fromWords(input, { list: ['a'], days: 7 }), { list: ['a'], days: 7 }));

  it('have the types of their schema, also behind defaults, transforms and choices', () => {
    assert.deepEqual(
      Object.values(input.shape).map(schema => [...typesOf(schema as z.ZodType)].sort().join(' ')),
      ['integer', 'integer string', 'array', 'boolean', 'string', 'string'],
    );
  });
});
