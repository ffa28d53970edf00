import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isObject, parseJson } from '../../src/model/json.ts';
import { only } from '../kit/mutate.ts';

describe('JSON', () => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"a":{"b":1,"b":1}}',
    '[{"a":1},{"b":1,"b":2}]',
    '{"a":[],"b":{},"a":0}',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a" :1,"a"\n:2}',
    '{"\\"":1,"\\u0022":2}',
    '{"a\\\\":1,"a\\\\":2}',
  ])
    it(`refuses duplicate members: ${text} (RFC 8259 §4)`, () => assert.throws(() => parseJson(text), SyntaxError));

  for (const text of [
    '{"a":1,"A":2}',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":"a","b":"a"}',
    '{"a":["a","a"]}',
    '{"a":"\\"a\\":","b":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a":"\\\\","b":1}',
    '"a"',
    '7',
    'null',
    ' [ ] ',
  ])
    it(`reads ${text}`, () => assert.deepEqual(parseJson(text), JSON.parse(text)));

  for (const text of ['', '{', '{"a"}', "{'a':1}", '{"a":1,}', '[1,]', '{"a":1}{', '\ufeff{}', 'NaN', '01', '"\n"'])
    it(`refuses ${JSON.stringify(text)} (RFC 8259)`, () => assert.throws(() => parseJson(text), SyntaxError));

  it('is what JSON.parse says, for every value without duplicates', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        assert.deepEqual(parseJson(text), JSON.parse(text));
      }),
    );
  });
  it('refuses a member that is doubled anywhere', () => {
    const key = fc.string({ unit: 'binary', maxLength: 6 });
    fc.assert(
      fc.property(fc.jsonValue(), key, fc.jsonValue(), fc.nat(2), (value, name, other, depth) => {
        let text = `{${JSON.stringify(name)}:${JSON.stringify(value)},"x${name.length}":${JSON.stringify(other)},${JSON.stringify(name)}:0}`;
        for (let i = 0; i < depth; i++) text = `[${JSON.stringify(other)},{"deep":${text}}]`;
        assert.throws(() => parseJson(text), SyntaxError);
      }),
    );
  });
  it('is a value or a SyntaxError, whatever the text', () => {
    const part = fc.oneof(
      fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'a', '"a"', '"a":', ' ', '\n', '\\u00', '1'),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), parts => {
        only(SyntaxError, () => parseJson(parts.join('')));
      }),
      { numRuns: 1000 },
    );
  });
  it('takes long strings, deep nesting and much white space in its stride', () => {
    const big = 64 * 1024;
    parseJson(`{"a":"${'\\u0041'.repeat(big)}"}`);
    parseJson(`${'['.repeat(5000)}${']'.repeat(5000)}`);
    parseJson(`["a"${' '.repeat(big)}]`);
    assert.throws(() => parseJson(`"${'\\"'.repeat(big)}`), SyntaxError);
  });

  it('has objects that are no arrays and not null', () => {
    assert.deepEqual([{}, [], null, 'x', 1, undefined].map(isObject), [true, false, false, false, false, false]);
  });
});
