import type { Ctx } from '../ctx.ts';
import { oldestUnsealed, type StoredRecord, sealAuditRecord, unsealedAudit } from '../store/audit.ts';
import {
  type CheckpointRecord,
  checkpointsAfter,
  currentLog,
  findTile,
  insertCheckpoint,
  type LogRecord,
  newestCheckpoint,
  putTile,
  tilesOf,
} from '../store/log.ts';
import { breathe, type Db, type Trx } from '../store/open.ts';
import { type Checkpoint, openCheckpoint, signCheckpoint } from '../tlog/checkpoint.ts';
import { leafHash, sameHash, treeHash } from '../tlog/merkle.ts';
import { growTiles, hashesOf, nodesOf, partialTiles, type Tile, tileWidth } from '../tlog/tiles.ts';
import { commitTo, leafOf, readLogged } from './audit-leaf.ts';
import { keepCheckpoints, lastKept } from './checkpoint-file.ts';
import { logSigner, noteKeyOf } from './log-identity.ts';
import { underLease } from './under-lease.ts';

/** Why nothing more is sealed: what was signed and what is there do not agree. A person has to look. */
export class LogBroken extends Error {}

/** Records in one transaction: a running server waits for none of them long. */
const batch = 500;

/**
 * Gives every record that has none its place in the log, and signs the tree. By one process at a time: the log never forks. A record is sealed and the checkpoint that
 * covers it stored in one transaction, so that a crash neither loses nor doubles one.
 * @throws LogBroken
 */
export async function sealAudit(ctx: Ctx): Promise<void> {
  if ((await oldestUnsealed(ctx.db)) !== undefined)
    await underLease(ctx, 'seal audit', async held => {
      while ((await sealBatch(ctx, held)) === batch) await breathe();
    });
  await followLog(ctx);
}

/** What was said of each, so that it is said once. */
const said = new WeakMap<Ctx, string>();

/** The clock's way: that the log is broken is said once in the server's log; `/readyz` goes on saying it. */
export async function sealRegularly(ctx: Ctx): Promise<void> {
  try {
    await sealAudit(ctx);
    said.delete(ctx);
  } catch (error) {
    if (!(error instanceof LogBroken)) throw error;
    if (said.get(ctx) !== error.message) ctx.log.error({ reason: error.message }, 'the audit log is not sealed any more');
    said.set(ctx, error.message);
  }
}

async function sealBatch(ctx: Ctx, held: (trx: Trx) => Promise<void>): Promise<number> {
  return ctx.db.transaction(async trx => {
    await held(trx);
    const log = await signingLog(trx);
    const signed = await lastSigned(trx, log);
    checkKept(ctx, log, signed);
    const tree = await signedTree(trx, signed);
    const records = await unsealedAudit(trx, batch);
    if (records.length === 0) return 0;
    const leaves = await seal(ctx, trx, records, tree.size);
    const { changed } = growTiles(tree.size, tree.partial, leaves.map(leafHash));
    for (const { level, index, hashes } of changed) await putTile(trx, level, index, Buffer.concat(hashes));
    const size = tree.size + records.length;
    const root = await treeHash(nodesOf(tilesOf(trx)), size);
    const note = signCheckpoint({ origin: log.origin, size, root }, logSigner(ctx, log));
    await insertCheckpoint(trx, { logId: log.id, size, at: ctx.now(), note });
    return records.length;
  });
}

/** @throws LogBroken */
export async function signingLog(db: Db): Promise<LogRecord> {
  const log = await currentLog(db);
  if (!log) throw new LogBroken('the audit log has no identity: its row is gone from the database');
  return log;
}

/** @returns the leaves */
async function seal(ctx: Ctx, trx: Trx, records: readonly StoredRecord[], size: number): Promise<Uint8Array[]> {
  const loggedOf = await readLogged(trx, records);
  const leaves: Uint8Array[] = [];
  for (const [i, record] of records.entries()) {
    const commitment = record.commitment ?? commitTo(record, ctx.random);
    try {
      leaves.push(leafOf(record, commitment.recordHash, loggedOf(record)));
    } catch (error) {
      throw new LogBroken(`the audit record ${record.id} (${record.action}) cannot be sealed: ${(error as Error).message}`);
    }
    await sealAuditRecord(trx, record.id, { index: size + i, ...commitment });
  }
  return leaves;
}

/** The tree that was signed last, which is what is in the tiles: the log signs nothing that does not follow from what it has signed. */
export async function signedTree(db: Db, signed: Checkpoint): Promise<{ size: number; partial: Tile[] }> {
  const { size } = signed;
  const notSigned = (why = '') => new LogBroken(`the tiles of the audit log are not those of its last checkpoint, of size ${size}${why}`);
  const tiles = tilesOf(db);
  const partial: (Tile & { width: number })[] = [];
  for (const tile of partialTiles(size)) partial.push({ ...tile, hashes: hashesOf(await tiles(tile)) });
  // Wider than what was signed: something was signed that the database has forgotten.
  const beyond = size % tileWidth === 0 && (await tiles({ level: 0, index: size / tileWidth })).length > 0;
  if (beyond || partial.some(({ hashes, width }) => hashes.length !== width)) throw notSigned();
  const root = await treeHash(nodesOf(tiles), size).catch(error => {
    throw notSigned(`: ${error.message}`);
  });
  if (!sameHash(root, signed.root)) throw notSigned();
  return { size, partial };
}

/** @throws LogBroken */
export async function lastSigned(db: Db, log: LogRecord): Promise<Checkpoint> {
  const newest = await newestCheckpoint(db, log.id);
  if (!newest) {
    if ((await findTile(db, 0, 0)) && log.beganSize === 0)
      throw new LogBroken('the checkpoints of the audit log are gone from the database');
    return { origin: log.origin, size: 0, root: await treeHash(nodesOf(tilesOf(db)), 0) };
  }
  const signed = openCheckpoint(newest.note, noteKeyOf(log));
  if (signed?.size !== newest.size)
    throw new LogBroken(`the checkpoint of size ${newest.size} in the database is not what the log has signed`);
  return signed;
}

/** The last checkpoint of this identity that lies beside the database. */
function lastKnown({ config }: Ctx, log: LogRecord): { known: Checkpoint; at: string } | undefined {
  const kept = lastKept(config);
  const known = kept && openCheckpoint(kept.checkpoint, noteKeyOf(log));
  return known && { known, at: kept.at };
}

/** What lies beside the database may not know more than it. @throws LogBroken */
function checkKept(ctx: Ctx, log: LogRecord, signed: Checkpoint): void {
  const kept = lastKnown(ctx, log);
  if (!kept) return;
  const { known, at } = kept;
  if (known.size > signed.size)
    throw new LogBroken(
      `the audit log in the database ends at ${signed.size}, but a checkpoint of size ${known.size} was signed at ${at}: the database was rolled back, or restored from a backup`,
    );
  if (known.size === signed.size && !sameHash(known.root, signed.root))
    throw new LogBroken(`the audit log in the database is another one than that which was signed at ${at}, at the size ${known.size}`);
}

/** Keeps what any process has signed beside the database of this one. @throws LogBroken */
async function followLog(ctx: Ctx): Promise<void> {
  const log = await signingLog(ctx.db);
  const newest = await newestCheckpoint(ctx.db, log.id);
  if (!newest) return;
  let after = lastKnown(ctx, log)?.known.size ?? 0;
  if (after >= newest.size) return checkKept(ctx, log, await lastSigned(ctx.db, log));
  let missing: CheckpointRecord[];
  do {
    missing = await checkpointsAfter(ctx.db, log.id, after, 1000);
    if (missing.length) keepCheckpoints(ctx.config, missing);
    after = missing.at(-1)?.size ?? after;
  } while (missing.length === 1000);
}
