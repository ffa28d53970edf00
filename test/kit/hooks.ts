import assert from 'node:assert/strict';
import { offerPostgres, stopPostgres } from './postgres.ts';

/** Once for a run, before and after all of its processes. */
export const mochaGlobalSetup = offerPostgres;
export const mochaGlobalTeardown = stopPostgres;

const resources = (): string[] =>
  process.getActiveResourcesInfo().filter(name => name === 'TCPServerWrap' || name === 'UDPWrap' || name === 'ProcessWrap');

let before: string[] = [];

/** A test file ends by itself: mocha is not told to exit, and nothing may be left. What one file has left is not held against the next. */
export const mochaHooks = {
  beforeAll() {
    before = resources();
  },
  async afterAll() {
    // What was closed just now is still listed until the next turn.
    await new Promise(resolve => setTimeout(resolve, 10));
    assert.deepEqual(resources(), before, 'a test has left a listener or a process behind');
  },
};
