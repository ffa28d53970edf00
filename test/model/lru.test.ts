import assert from 'node:assert/strict';
import { Lru } from '../../src/model/lru.ts';

describe('an LRU', () => {
  it('forgets what was not used for longest when it is full', () => {
    const lru = new Lru<{ size: number }>(10);
    const [a, b, c] = [{ size: 4 }, { size: 4 }, { size: 4 }];
    lru.set('a', a);
    lru.set('b', b);
    assert.equal(lru.get('a'), a);
    lru.set('c', c);
    assert.deepEqual([lru.get('a'), lru.get('b'), lru.get('c')], [a, undefined, c]);
  });

  it('counts a value that takes the place of another once, and keeps none that is too large', () => {
    const lru = new Lru<{ size: number }>(10);
    for (let i = 0; i < 5; i++) lru.set('a', { size: 6 });
    lru.set('b', { size: 4 });
    assert.ok(lru.get('a') && lru.get('b'));
    lru.set('c', { size: 11 });
    assert.equal(lru.get('c'), undefined);
    assert.ok(lru.get('a') && lru.get('b'));
    lru.clear();
    lru.set('d', { size: 10 });
    assert.ok(lru.get('d'));
  });
});
