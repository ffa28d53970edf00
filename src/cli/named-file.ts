import { readFileSync } from 'node:fs';

/** The text of a file that an option names. @throws Error that names both */
export function readNamed(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${option}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
