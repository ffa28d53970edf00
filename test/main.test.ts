import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand, runProcess } from './kit/process.ts';

/** Every other test of the command line runs it within the tests' own process. */
describe('the process of a command', () => {
  let cwd: string;
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'xmpp-ca-main-'));
  });
  after(() => rm(cwd, { recursive: true, force: true }));

  for (const [words, code] of [
    ['--version', 0],
    ['init --json', 0],
    ['member list', 0],
    ['member show nobody', 1],
    ['member show M!', 2],
    ['nonsense', 2],
  ] as const)
    it(`says the same and ends with the same status as within another one: ${words}`, async () => {
      const args = words.split(' ');
      const process = await runProcess(args, { cwd });
      assert.equal(process.code, code, process.stderr);
      assert.deepEqual(process, await runCommand(args, { cwd }));
    }).timeout(60_000);
});
