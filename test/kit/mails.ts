import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Reads the mails in a folder as they were written, the oldest first; where there is no folder yet, there are none. */
export async function readMails(folder: string): Promise<string[]> {
  const files = (await readdir(folder).catch(() => [])).filter(f => f.endsWith('.eml')).sort();
  return Promise.all(files.map(f => readFile(join(folder, f), 'utf8')));
}
