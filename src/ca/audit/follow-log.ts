import type { Ctx } from '../../ctx.ts';
import { type CheckpointRecord, checkpointsAfter, findCheckpoint, type LogRecord, newestCheckpoint } from '../../store/log.ts';
import type { Db } from '../../store/open.ts';
import { type Checkpoint, openCheckpoint } from '../../tlog/checkpoint.ts';
import { type KeptCheckpoint, keepCheckpoints, lastKept, readKept } from './checkpoint-file.ts';
import { noteKeyOf } from './identity.ts';
import { LogBroken, signingLog } from './signed-log.ts';

/*
 * The checkpoints that lie beside the database, against those in it: what lies there may neither know more than the database, nor tell of another log.
 */

interface Known extends Checkpoint, KeptCheckpoint {}

/** The last one of this identity that lies beside the database. */
export function lastKnown({ config }: Pick<Ctx, 'config'>, log: LogRecord): Known | undefined {
  const kept = lastKept(config);
  const known = kept && openCheckpoint(kept.checkpoint, noteKeyOf(log));
  return known && { ...known, ...kept };
}

/** Whether the database has that checkpoint too. */
export async function isInDatabase(db: Db, log: LogRecord, { size, checkpoint }: Known): Promise<boolean> {
  return (await findCheckpoint(db, log.id, size))?.note === checkpoint;
}

/** @param signed the size at which the log in the database ends @returns that of the last checkpoint that was kept @throws LogBroken */
export async function checkKept(ctx: Ctx, db: Db, log: LogRecord, signed: number): Promise<number> {
  const known = lastKnown(ctx, log);
  if (!known || (await isInDatabase(db, log, known))) return known?.size ?? 0;
  throw new LogBroken(
    known.size > signed
      ? `the audit log in the database ends at ${signed}, but a checkpoint of size ${known.size} was signed at ${known.at}: the database was rolled back, or restored from a backup`
      : `the audit log in the database is another one than that which was signed at ${known.at}, at the size ${known.size}: it was rolled back, and has gone on from there`,
  );
}

/** Keeps what any process has signed beside the database of this one. @throws LogBroken */
export async function followLog(ctx: Ctx): Promise<void> {
  const log = await signingLog(ctx.db);
  const newest = await newestCheckpoint(ctx.db, log.id);
  if (!newest) return;
  let after = await checkKept(ctx, ctx.db, log, newest.size);
  if (after >= newest.size) return;
  let missing: CheckpointRecord[];
  do {
    missing = await checkpointsAfter(ctx.db, log.id, after, 1000);
    if (missing.length) keepCheckpoints(ctx.config, missing);
    after = missing.at(-1)?.size ?? after;
  } while (missing.length === 1000);
}

/** The size up to which the kept checkpoints of a log and those in the database are the same. */
export async function agreedSize(ctx: Ctx, file: string, log: LogRecord): Promise<number> {
  let agreed = 0;
  for await (const { kept } of readKept(file)) {
    const known = kept && openCheckpoint(kept.checkpoint, noteKeyOf(log));
    if (known && (await isInDatabase(ctx.db, log, { ...known, ...kept }))) agreed = Math.max(agreed, known.size);
  }
  return agreed;
}
