import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** What was made, renamed or linked in a folder outlives a power failure only when the folder itself is on the disk. */
export function flushFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** With those above it, for its owner alone, where it is not there. */
export function makeFolder(folder: string): void {
  const path = resolve(folder);
  const highest = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (highest === undefined) return;
  for (let made = path; made.length >= highest.length; made = dirname(made)) flushFolder(dirname(made));
}
