import assert from 'node:assert/strict';
import { plural } from '../../src/model/plural.ts';

describe('a number with its noun', () => {
  for (const [number, text] of [
    [0, '0 certificates'],
    [1, '1 certificate'],
    [2, '2 certificates'],
  ] as const)
    it(`is ${text}`, () => assert.equal(plural(number, 'certificate'), text));
});
