import assert from 'node:assert/strict';
import { listMembers } from '../../src/store/members.ts';
import type { Position } from '../../src/store/pages.ts';
import { onEachEngine } from '../kit/database.ts';
import { at0, storedMember } from '../kit/records.ts';

onEachEngine('a list in pages', at => {
  it('has each row once, whatever is inserted meanwhile, also among rows of one second', async () => {
    const ids = new Set<string>();
    for (let i = 0; i < 25; i++) ids.add((await storedMember(at.db, { createdAt: at0 + Math.floor(i / 10) })).id);
    const seen: string[] = [];
    let after: Position | undefined;
    for (;;) {
      const page = await listMembers(at.db, { limit: 4, after });
      seen.push(...page.map(m => m.id));
      const last = page.at(-1);
      if (!last) break;
      after = { at: last.createdAt, id: last.id };
      // Before, at and after the place where the reader is.
      for (const createdAt of [at0 - 1, last.createdAt, at0 + 1]) if (seen.length < 20) await storedMember(at.db, { createdAt });
    }
    assert.equal(new Set(seen).size, seen.length);
    for (const id of ids) assert.ok(seen.includes(id));
    const all = (await listMembers(at.db)).map(m => m.id);
    assert.deepEqual(
      all.filter(id => seen.includes(id)),
      seen,
    );
  });
});
