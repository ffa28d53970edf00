import assert from 'node:assert/strict';
import type { Ran } from './process.ts';

export const lines = (text: string): string[] => text.split('\n').filter(line => line !== '');

/** Exit 1 (or another), nothing on stdout, one line that says why. */
export function refused(ran: Ran, why: RegExp, code = 1): void {
  assert.deepEqual({ code: ran.code, stdout: ran.stdout }, { code, stdout: '' }, ran.stderr);
  assert.equal(lines(ran.stderr).length, 1, ran.stderr);
  assert.match(ran.stderr, why);
}
