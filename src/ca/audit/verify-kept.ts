import { findNotes, type LogRecord } from '../../store/log.ts';
import { breathe, type Db } from '../../store/open.ts';
import { openCheckpoint } from '../../tlog/checkpoint.ts';
import { broken } from './broken-log.ts';
import { type KeptCheckpoint, readKept } from './checkpoint-file.ts';
import { noteKeyOf } from './identity.ts';

interface Line extends KeptCheckpoint {
  line: number;
}

/** Lines that are compared at a time. */
const batch = 500;

/**
 * Each checkpoint that was kept must be in the database, but for those of what was lost before the log began anew.
 * @param lostAfter by the name of a log that began anew: above which size what was signed before is lost
 * @throws Problem that names the first line that is wrong
 */
export async function verifyKept(
  db: Db,
  logs: readonly LogRecord[],
  lostAfter: ReadonlyMap<string, number>,
  file: string,
): Promise<{ kept: number; lost: number }> {
  const found = { kept: 0, lost: 0 };
  let lines: Line[] = [];
  const compare = async () => {
    const stored = await findNotes(
      db,
      lines.map(({ checkpoint }) => Number(checkpoint.split('\n')[1])),
    );
    for (const line of lines) if (!stored.has(line.checkpoint)) found.lost += explain(line, stored);
    found.kept += lines.length;
    lines = [];
    await breathe();
  };
  /** @returns 1 for one that is known to be lost */
  const explain = (line: Line, stored: ReadonlySet<string>): number => {
    const { size, log } =
      signedBy(logs, line.checkpoint) ?? broken(`line ${line.line} of ${file} is no checkpoint that this log has signed`);
    const successor = logs[logs.indexOf(log) + 1];
    if (successor && size > (lostAfter.get(successor.origin) ?? successor.beganSize)) return 1;
    const start = `${log.origin}\n${size}\n`;
    if ([...stored].some(note => note.startsWith(start)))
      broken(`line ${line.line} of ${file} holds another checkpoint of size ${size} than the database: the log was forked`);
    broken(
      `the checkpoint of size ${size} that was signed at ${line.at} (line ${line.line} of ${file}) is not in the database, which was rolled back or truncated`,
    );
  };
  // A line that a crash cut short stands whole on the line after.
  for await (const { line, kept } of readKept(file)) {
    if (kept) lines.push({ line, ...kept });
    if (lines.length === batch) await compare();
  }
  await compare();
  return found;
}

function signedBy(logs: readonly LogRecord[], note: string): { log: LogRecord; size: number } | undefined {
  for (const log of logs) {
    const checkpoint = openCheckpoint(note, noteKeyOf(log));
    if (checkpoint) return { log, size: checkpoint.size };
  }
  return undefined;
}
