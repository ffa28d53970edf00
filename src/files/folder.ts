import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** What was made, renamed or linked in a folder outlives a power failure only when the folder itself is on the disk. */
export function flushFolder(folder: string): void {
  try {
    const handle = openSync(folder, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    // Some file systems have no such thing, and some folders may be written but not read: no more can be done there.
    if (!['EACCES', 'EINVAL', 'EBADF'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** With those above it, for its owner alone, where it is not there. */
export function makeFolder(folder: string): void {
  const path = resolve(folder);
  const highest = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (highest === undefined) return;
  for (let made = path; made.length >= highest.length; made = dirname(made)) flushFolder(dirname(made));
}
