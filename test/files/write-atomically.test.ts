import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeAtomically } from '../../src/files/write-atomically.ts';
import { flushedFolders } from '../kit/flushed.ts';

describe('a file that is written aside', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'xmpp-ca-aside-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is there whole, alone, and for its owner only', () => {
    const file = join(folder, 'file');
    for (const text of ['before', 'after']) writeAtomically(file, text);
    assert.equal(readFileSync(file, 'utf8'), 'after');
    assert.deepEqual(readdirSync(folder), ['file']);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('outlives a power failure: its folder is written too, and each that was made for it', () => {
    const file = join(folder, 'a', 'b', 'file');
    const [a, b] = [join(folder, 'a'), join(folder, 'a', 'b')];
    assert.deepEqual(
      flushedFolders(() => writeAtomically(file, 'text')),
      [folder, a, b],
    );
    assert.deepEqual(
      flushedFolders(() => writeAtomically(file, 'text')),
      [b],
    );
  });
});
