import assert from 'node:assert/strict';
import type { z } from 'zod';
import { operations } from '../../src/operations/table.ts';
import { typesOf } from '../../src/operations/words.ts';

const segments = (path: string) => path.split('/').slice(1);
const isName = (segment: string) => /^{\w+}$/.test(segment);

describe('the table of operations', () => {
  it('has each name and each place in the API once, and no place that could be another', () => {
    assert.equal(new Set(operations.map(o => o.name)).size, operations.length);
    for (const [i, one] of operations.entries())
      for (const other of operations.slice(i + 1)) {
        const [a, b] = [segments(one.http.path), segments(other.http.path)];
        const meet = a.length === b.length && a.every((s, n) => s === b[n] || isName(s) || isName(b[n] ?? ''));
        assert.ok(one.http.method !== other.http.method || !meet, `${one.name} and ${other.name}`);
      }
  });

  for (const { name, http, input, positional = [], page, scope } of operations)
    describe(name, () => {
      it('is a noun and a verb, and has a path of nouns and members of its input', () => {
        assert.match(name, /^[a-z]+ [a-z-]+$/);
        assert.match(http.path, /^(\/([a-z][a-z-]*|{\w+}))+$/);
        for (const segment of segments(http.path).filter(isName)) {
          const member = input.shape[segment.slice(1, -1)] as z.ZodType | undefined;
          assert.ok(member && !member.safeParse(undefined).success, `${segment} is a member that is always there`);
        }
        for (const member of positional) assert.ok(member in input.shape, member);
      });

      it('that only reads is a GET', () => {
        if (page) assert.deepEqual([http.method, scope === 'read' || scope === 'admin'], ['get', true]);
        if (http.method === 'get') assert.ok(!http.creates && /(list|show)$/.test(name));
        else assert.notEqual(scope, 'read');
      });

      it('leaves the names of what every command and every list takes to them', () => {
        for (const reserved of ['config', 'json', 'server', 'token', 'tokenFile', 'ca', 'limit', 'cursor', 'help', 'version'])
          assert.ok(!(reserved in input.shape));
      });

      it('takes what text can say: each member has a type that words become', () => {
        for (const member of Object.values(input.shape) as z.ZodType[]) assert.ok(typesOf(member).size > 0);
      });
    });
});
