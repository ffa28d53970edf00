import assert from 'node:assert/strict';
import { stopPostgres } from './postgres.ts';

/** The run ends by itself: mocha is not told to exit, and no listener may be left. */
export const mochaHooks = {
  async afterAll() {
    await stopPostgres();
    // What was closed just now is still listed until the next turn.
    await new Promise(resolve => setTimeout(resolve, 10));
    const left = process.getActiveResourcesInfo().filter(name => name === 'TCPServerWrap' || name === 'UDPWrap' || name === 'ProcessWrap');
    assert.deepEqual(left, [], 'a test has left a listener or a process behind');
  },
};
