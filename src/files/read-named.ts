import { readFileSync } from 'node:fs';

/** Reads the text of a file that an option names; it lies at `path`. @throws Error that names both as they were typed */
export function readNamed(option: string, name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${option}: ${name} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
