import assert from 'node:assert/strict';
import type { z } from 'zod';
import { typesOf } from '../../src/operations/schema-words.ts';
import { operations } from '../../src/operations/table.ts';

const segments = (path: string) => path.split('/').slice(1);
const isName = (segment: string) => /^{\w+}$/.test(segment);

describe('the table of operations', () => {
  it('has each name and each place in the API once, and no place that could be another', () => {
    assert.equal(new Set(operations.map(o => o.name)).size, operations.length);
    const places = operations.flatMap(({ name, http }) => (http === 'never' ? [] : [{ name, ...http }]));
    for (const [i, one] of places.entries())
      for (const other of places.slice(i + 1)) {
        const [a, b] = [segments(one.path), segments(other.path)];
        const meet = a.length === b.length && a.every((s, n) => s === b[n] || isName(s) || isName(b[n] ?? ''));
        assert.ok(one.method !== other.method || !meet, `${one.name} and ${other.name}`);
      }
  });

  /** What is written here is kept in the clear; labels and reasons of keys and tokens are encrypted. */
  const plain: [operation: string, words: string][] = [
    ['webhook add', 'description'],
    ['ledger add', 'note'],
    ['ledger reverse', 'note'],
    ['incident add', 'what'],
    ['audit begin-anew', 'reason'],
  ];
  for (const [name, words] of plain)
    it(`${name} says of --${words} that it is no place for names`, () => {
      const shape = operations.find(o => o.name === name)?.input.shape ?? {};
      assert.match((shape[words] as z.ZodType | undefined)?.description ?? '', /no names of persons/);
    });

  for (const { name, http, input, positional = [], page, scope, makesFile } of operations)
    describe(name, () => {
      it('is a noun and a verb, and has a path of nouns and members of its input', () => {
        assert.match(name, /^[a-z]+ [a-z-]+$/);
        for (const member of positional) assert.ok(member in input.shape, member);
        if (http === 'never') return;
        assert.match(http.path, /^(\/([a-z][a-z-]*|{\w+}))+$/);
        for (const segment of segments(http.path).filter(isName)) {
          const member = input.shape[segment.slice(1, -1)] as z.ZodType | undefined;
          assert.ok(member && !member.safeParse(undefined).success, `${segment} is a member that is always there`);
        }
      });

      it('that only reads is a GET', () => {
        if (http !== 'never' && http.method === 'get')
          assert.ok(!http.creates && /(list|show|status|prove|key|deliveries|trace|export)$/.test(name));
        else assert.ok(!page && scope !== 'read');
      });

      it('leaves the names of what every command and every list takes to them', () => {
        const ofLists = page ? ['limit', 'cursor'] : makesFile ? ['output'] : [];
        for (const reserved of ['config', 'json', 'server', 'token', 'tokenFile', 'ca', 'help', 'version', ...ofLists])
          assert.ok(!(reserved in input.shape));
      });

      it('takes what text can say: each member has a type that words become', () => {
        for (const member of Object.values(input.shape) as z.ZodType[]) assert.ok(typesOf(member).size > 0);
      });
    });
});
