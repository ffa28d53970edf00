import { chownSync, closeSync, linkSync, openSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { flushFolder, makeFolder } from './folder.ts';

/** Permissions of the file; its owner alone reads it unless another mode is given. */
interface Options {
  mode?: number;
  /** A file that is replaced stays the property of its owner. */
  keepsOwner?: boolean;
}

/** Writes a file in the place of one that may be there. A reader sees the old file or the new one, each whole; the new one outlives a power failure. */
export function writeAtomically(file: string, data: string | Uint8Array, { mode = 0o600, keepsOwner = false }: Options = {}): void {
  const aside = writeAside(file, data, mode);
  try {
    if (keepsOwner) copyOwner(file, aside);
    renameSync(aside, file);
  } catch (error) {
    unlinkSync(aside);
    throw error;
  }
  flushFolder(dirname(file));
}

/** Writes a file that is not there yet, as `writeAtomically` does. @returns whether it was made here: another process may have been first */
export function createAtomically(file: string, data: string | Uint8Array, { mode = 0o600 }: Pick<Options, 'mode'> = {}): boolean {
  const aside = writeAside(file, data, mode);
  try {
    linkSync(aside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    unlinkSync(aside);
  }
  flushFolder(dirname(file));
  return true;
}

/** Writes the data to a hidden file beside the one that is meant, and flushes it. @returns its path */
function writeAside(file: string, data: string | Uint8Array, mode: number): string {
  const folder = dirname(file);
  makeFolder(folder);
  const { aside, handle } = openAside(join(folder, `.${basename(file)}.${process.pid}`), mode);
  try {
    writeFileSync(handle, data, { flush: true });
  } finally {
    closeSync(handle);
  }
  return aside;
}

/** Opens a file that nobody else writes: processes in containers may have the same number, and one that was killed may have left its file. */
function openAside(name: string, mode: number): { aside: string; handle: number } {
  for (let n = 0; ; n++) {
    const aside = `${name}.${n}.tmp`;
    try {
      return { aside, handle: openSync(aside, 'wx', mode) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function copyOwner(from: string, to: string): void {
  const { uid, gid } = statSync(from);
  const made = statSync(to);
  if (made.uid !== uid || made.gid !== gid) chownSync(to, uid, gid);
}
