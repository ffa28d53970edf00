import type { TileReader } from '../tlog/tiles.ts';
import type { Db } from './open.ts';
import { insertRows, places, rowsOf } from './rows.ts';

/** The identity of the log: what its checkpoints are signed as. */
export interface LogRecord {
  id: number;
  origin: string;
  publicKey: Uint8Array;
  /** Ed25519, PKCS #8, encrypted. */
  key: Uint8Array;
  beganAt: number;
  /** How much of the tree there was when it began. */
  beganSize: number;
}

interface LogRow {
  id: number;
  origin: string;
  public_key: Uint8Array;
  key: Uint8Array;
  began_at: number;
  began_size: number;
}

const fromRow = (r: LogRow): LogRecord => ({
  id: r.id,
  origin: r.origin,
  publicKey: r.public_key,
  key: r.key,
  beganAt: r.began_at,
  beganSize: r.began_size,
});

/** Each identity that the log has had, the one it has now last. */
export async function listLogs(db: Db): Promise<LogRecord[]> {
  return (await rowsOf<LogRow>(db, 'select * from logs order by id', [])).map(fromRow);
}

export async function currentLog(db: Db): Promise<LogRecord | undefined> {
  return (await rowsOf<LogRow>(db, 'select * from logs order by id desc limit 1', [])).map(fromRow)[0];
}

export async function insertLog(trx: Db, log: Omit<LogRecord, 'id'>): Promise<void> {
  await insertRows(trx, 'logs', {
    origin: log.origin,
    public_key: log.publicKey,
    key: log.key,
    began_at: log.beganAt,
    began_size: log.beganSize,
  });
}

/** A tile as wide as it has grown, or undefined. */
export async function findTile(db: Db, level: number, index: number): Promise<Uint8Array | undefined> {
  const sql = 'select hashes from log_tiles where level = ? and tile_index = ?';
  return (await rowsOf<{ hashes: Uint8Array }>(db, sql, [level, index]))[0]?.hashes;
}

/** Each once: the nodes of a tree lie close together. What is not there is empty. */
export function tilesOf(db: Db): TileReader {
  const read = new Map<string, Uint8Array>();
  return async ({ level, index }) => {
    const name = `${level}/${index}`;
    const tile = read.get(name) ?? (await findTile(db, level, index)) ?? new Uint8Array();
    read.set(name, tile);
    return tile;
  };
}

/** A new tile, or a wider one in its place. */
export async function putTile(trx: Db, level: number, index: number, hashes: Uint8Array): Promise<void> {
  await rowsOf(
    trx,
    `insert into log_tiles (level, tile_index, hashes) values (?, ?, ?)
     on conflict (level, tile_index) do update set hashes = excluded.hashes`,
    [level, index, hashes],
  );
}

/** What was signed of the tree at a size. */
export interface CheckpointRecord {
  logId: number;
  size: number;
  at: number;
  note: string;
}

interface CheckpointRow {
  log_id: number;
  size: number;
  at: number;
  note: string;
}

const checkpointFromRow = (r: CheckpointRow): CheckpointRecord => ({ logId: r.log_id, size: r.size, at: r.at, note: r.note });

/** @throws a duplicate where something was signed at this size */
export async function insertCheckpoint(trx: Db, { logId, size, at, note }: CheckpointRecord): Promise<void> {
  await insertRows(trx, 'checkpoints', { log_id: logId, size, at, note });
}

export async function newestCheckpoint(db: Db, logId: number): Promise<CheckpointRecord | undefined> {
  const sql = 'select * from checkpoints where log_id = ? order by size desc limit 1';
  return (await rowsOf<CheckpointRow>(db, sql, [logId])).map(checkpointFromRow)[0];
}

/** What was signed last, by whatever identity: whoever is told of the log is told of what this covers. */
export async function lastCheckpoint(db: Db): Promise<CheckpointRecord | undefined> {
  return (await rowsOf<CheckpointRow>(db, 'select * from checkpoints order by log_id desc, size desc limit 1', [])).map(
    checkpointFromRow,
  )[0];
}

/** Checkpoints of every identity, in the order in which they were signed, after one. */
export async function allCheckpoints(db: Db, after: Pick<CheckpointRecord, 'logId' | 'size'>, limit: number): Promise<CheckpointRecord[]> {
  const sql = 'select * from checkpoints where (log_id, size) > (?, ?) order by log_id, size limit ?';
  return (await rowsOf<CheckpointRow>(db, sql, [after.logId, after.size, limit])).map(checkpointFromRow);
}

export async function findCheckpoint(db: Db, logId: number, size: number): Promise<CheckpointRecord | undefined> {
  return (await rowsOf<CheckpointRow>(db, 'select * from checkpoints where log_id = ? and size = ?', [logId, size])).map(
    checkpointFromRow,
  )[0];
}

/** Checkpoints above a size, the smallest first. */
export async function checkpointsAfter(db: Db, logId: number, size: number, limit: number): Promise<CheckpointRecord[]> {
  const sql = 'select * from checkpoints where log_id = ? and size > ? order by size limit ?';
  return (await rowsOf<CheckpointRow>(db, sql, [logId, size, limit])).map(checkpointFromRow);
}

/** The checkpoints of these sizes, of every identity; what is no size is passed over. */
export async function findNotes(db: Db, sizes: readonly number[]): Promise<Set<string>> {
  const wanted = sizes.filter(Number.isSafeInteger);
  if (wanted.length === 0) return new Set();
  const ofAll = 'log_id in (select id from logs)';
  const sql = `select note from checkpoints where ${ofAll} and size in (${places(wanted)})`;
  return new Set((await rowsOf<{ note: string }>(db, sql, wanted)).map(({ note }) => note));
}
