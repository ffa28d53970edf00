import { appendFileSync, closeSync, createReadStream, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Config } from '../../config.ts';
import { rfc3339 } from '../../model/encoding.ts';
import type { CheckpointRecord } from '../../store/log.ts';

/*
 * What was signed of the audit log, kept beside the database: a database that has been rolled back knows less than this file. A line is a JSON text
 * {"at": …, "checkpoint": …}; lines are added and never changed.
 */

export interface KeptCheckpoint {
  at: string;
  checkpoint: string;
}

export const checkpointFile = ({ dataDir }: Pick<Config, 'dataDir'>): string => join(dataDir, 'audit-checkpoints');

export function keepCheckpoints(config: Pick<Config, 'dataDir'>, checkpoints: readonly CheckpointRecord[]): void {
  const lines = checkpoints.map(({ at, note }) => `${JSON.stringify({ at: rfc3339(at), checkpoint: note } satisfies KeptCheckpoint)}\n`);
  // A line that a crash cut short is left as it is, and the next one begins on its own.
  appendFileSync(checkpointFile(config), (endsCleanly(config) ? '' : '\n') + lines.join(''), { mode: 0o600, flush: true });
}

/** Longer than any line. */
const tail = 8192;

function readTail(config: Pick<Config, 'dataDir'>): string {
  const file = checkpointFile(config);
  if (!existsSync(file)) return '';
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(tail, size));
    readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString();
  } finally {
    closeSync(fd);
  }
}

const endsCleanly = (config: Pick<Config, 'dataDir'>): boolean => /(^|\n)$/.test(readTail(config));

/** The last one that was kept whole. */
export function lastKept(config: Pick<Config, 'dataDir'>): KeptCheckpoint | undefined {
  return readTail(config)
    .split('\n')
    .flatMap(line => parse(line) ?? [])
    .at(-1);
}

/** All that were kept, the oldest first, with the numbers of their lines; a line that is none gives its text alone. */
export async function* readKept(file: string): AsyncGenerator<{ line: number; kept?: KeptCheckpoint }> {
  if (!existsSync(file)) return;
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    line++;
    const kept = parse(text);
    if (text !== '') yield { line, ...(kept && { kept }) };
  }
}

function parse(line: string): KeptCheckpoint | undefined {
  try {
    const kept = JSON.parse(line);
    return typeof kept.at === 'string' && typeof kept.checkpoint === 'string' ? kept : undefined;
  } catch {
    return undefined;
  }
}
