import assert from 'node:assert/strict';
import { createLog } from '../src/app.ts';
import { createBackground } from '../src/background.ts';

describe('background work', () => {
  /** Work that ends when it is told to. */
  function held() {
    let end = () => {};
    const until = new Promise<void>(resolve => {
      end = resolve;
    });
    return { until, end };
  }
  const turn = () => new Promise(resolve => setImmediate(resolve));

  it('of one name holds up none of another', async () => {
    const background = createBackground(createLog('silent'), 2);
    const { until, end } = held();
    const done: string[] = [];
    for (let i = 0; i < 3; i++) background.run('mail', () => until.then(() => void done.push('mail')));
    background.run('validate', async () => void done.push('validate'));
    await turn();
    assert.deepEqual(done, ['validate']);
    end();
    await background.settled();
    assert.equal(done.length, 4);
  });

  it('on a topic is not begun again while it is under way, and can be waited for', async () => {
    const background = createBackground(createLog('silent'));
    const { until, end } = held();
    let begun = 0;
    const work = () => {
      begun++;
      return until;
    };
    background.run('validate', work, 'one');
    background.run('validate', work, 'one');
    assert.equal(begun, 1);
    assert.equal(await background.wait('one', 1), true);
    const waiting = background.wait('one', 60_000);
    end();
    assert.equal(await waiting, true);
    await background.settled();
    assert.equal(await background.wait('one', 60_000), false);
    background.run('validate', work, 'one');
    assert.equal(begun, 2);
    await background.close();
  });

  it('that fails frees its place; none begins after the end', async () => {
    const background = createBackground(createLog('silent'), 1);
    const done: string[] = [];
    background.run('validate', async () => {
      throw new Error('failed');
    });
    background.run('validate', async () => void done.push('second'));
    await background.settled();
    await background.close();
    background.run('validate', async () => void done.push('late'));
    assert.deepEqual(done, ['second']);
  });
});
