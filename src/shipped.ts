import { readFileSync } from 'node:fs';

/** A file that comes with the sources: it lies beside `src`, and above `dist/src` where they are compiled. */
export const shipped = (path: string): URL => new URL(`${import.meta.url.endsWith('.ts') ? '..' : '../..'}/${path}`, import.meta.url);

export const { version } = JSON.parse(readFileSync(shipped('package.json'), 'utf8')) as { version: string };
