import { currentLog, findTile, type LogRecord, newestCheckpoint, tilesOf } from '../../store/log.ts';
import type { Db } from '../../store/open.ts';
import { type Checkpoint, openCheckpoint } from '../../tlog/checkpoint.ts';
import { sameHash, treeHash } from '../../tlog/merkle.ts';
import { hashesOf, nodesOf, partialTiles, type Tile, tileWidth } from '../../tlog/tiles.ts';
import { noteKeyOf } from './identity.ts';

/*
 * What the log has signed last. It signs nothing that does not follow from this.
 */

/** Why nothing more is sealed: what was signed and what is there do not agree. A person has to look. */
export class LogBroken extends Error {}

/** @throws LogBroken */
export async function signingLog(db: Db): Promise<LogRecord> {
  const log = await currentLog(db);
  if (!log) throw new LogBroken('the audit log has no identity: its row is gone from the database');
  return log;
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
