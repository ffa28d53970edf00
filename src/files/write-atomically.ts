import { renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { flushFolder, makeFolder } from './folder.ts';

/** Whoever reads the file sees it whole, or as it was before; once this returns, it outlives a power failure. */
export function writeAtomically(file: string, text: string, mode = 0o600): void {
  makeFolder(dirname(file));
  const aside = `${file}.${process.pid}.tmp`;
  writeFileSync(aside, text, { mode, flush: true });
  renameSync(aside, file);
  flushFolder(dirname(file));
}
