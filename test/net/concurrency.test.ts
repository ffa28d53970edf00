import assert from 'node:assert/strict';
import { createLimiter } from '../../src/net/concurrency.ts';

describe('a limiter', () => {
  it('lets so many through at once, the others in order, and gives a place back also after a failure', async () => {
    const limiter = createLimiter(2);
    const started: number[] = [];
    const ends: (() => void)[] = [];
    const works = [0, 1, 2, 3].map(n =>
      limiter(async () => {
        started.push(n);
        await new Promise<void>(resolve => ends.push(resolve));
        if (n === 0) throw new Error('failed');
        return n;
      }).catch((error: Error) => error.message),
    );
    const turn = () => new Promise(resolve => setImmediate(resolve));
    await turn();
    assert.deepEqual(started, [0, 1]);
    ends[0]?.();
    await turn();
    assert.deepEqual(started, [0, 1, 2]);
    ends[1]?.();
    ends[2]?.();
    await turn();
    assert.deepEqual(started, [0, 1, 2, 3]);
    ends[3]?.();
    assert.deepEqual(await Promise.all(works), ['failed', 1, 2, 3]);
    assert.equal(await limiter(async () => 'again'), 'again');
  });
});
