import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAtomically, writeAtomically } from '../../src/files/write-atomically.ts';
import { flushedFolders } from '../kit/flushed.ts';

describe('a file that is written atomically', () => {
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

  it('is made once: the second writer learns that it was not the first', () => {
    const file = join(folder, 'file');
    assert.equal(createAtomically(file, 'first'), true);
    assert.equal(createAtomically(file, 'second'), false);
    assert.equal(readFileSync(file, 'utf8'), 'first');
    assert.deepEqual(readdirSync(folder), ['file']);
    assert.deepEqual(
      flushedFolders(() => createAtomically(join(folder, 'other'), 'text')),
      [folder],
    );
  });

  it('is written beside what a process of the same number has left, and leaves that alone', () => {
    const file = join(folder, 'file');
    const left = join(folder, `.file.${process.pid}.0.tmp`);
    writeFileSync(left, 'half');
    writeAtomically(file, 'whole');
    assert.equal(readFileSync(file, 'utf8'), 'whole');
    assert.equal(readFileSync(left, 'utf8'), 'half');
  });

  it('leaves nothing behind where it cannot be put in place', () => {
    mkdirSync(join(folder, 'file'));
    assert.throws(() => writeAtomically(join(folder, 'file'), 'text'));
    assert.deepEqual(readdirSync(folder), ['file']);
  });
});
