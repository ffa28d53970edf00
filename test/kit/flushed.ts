import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname } from 'node:path';

/** Folders that were written to the disk meanwhile, and in which no name was given after that. */
export function flushedFolders(work: () => void): string[] {
  const { openSync, fsyncSync, renameSync, linkSync } = fs;
  const opened = new Map<number, string>();
  const flushed = new Set<string>();
  Object.assign(fs, {
    openSync(path: string, flags: string, mode?: number) {
      const handle = openSync(path, flags, mode);
      opened.set(handle, path);
      return handle;
    },
    fsyncSync(handle: number) {
      fsyncSync(handle);
      if (fs.fstatSync(handle).isDirectory()) flushed.add(opened.get(handle) ?? '');
    },
    renameSync(from: string, to: string) {
      renameSync(from, to);
      flushed.delete(dirname(to));
    },
    linkSync(from: string, to: string) {
      linkSync(from, to);
      flushed.delete(dirname(to));
    },
  });
  syncBuiltinESMExports();
  try {
    work();
  } finally {
    Object.assign(fs, { openSync, fsyncSync, renameSync, linkSync });
    syncBuiltinESMExports();
  }
  return [...flushed].sort();
}
