import type { Ctx } from '../../ctx.ts';
import { rfc3339 } from '../../model/encoding.ts';
import { countUnsealedAudit, type StoredRecord, sealedAudit, strayAudit } from '../../store/audit.ts';
import { countLogged, type Logged } from '../../store/certificates.ts';
import { allCheckpoints, type CheckpointRecord, findTile, type LogRecord, listLogs, newestCheckpoint } from '../../store/log.ts';
import { breathe, type Db } from '../../store/open.ts';
import { type Checkpoint, openCheckpointAside } from '../../tlog/checkpoint.ts';
import { type Edge, grow, type Hash, leafHash, rootOf, sameHash } from '../../tlog/merkle.ts';
import type { NoteKey } from '../../tlog/note.ts';
import { growTiles, type Tile, tileWidth } from '../../tlog/tiles.ts';
import { broken } from './broken-log.ts';
import { checkpointFile } from './checkpoint-file.ts';
import { explainDifference } from './explain.ts';
import { noteKeyOf } from './identity.ts';
import { checkBorneOut, leafOf, readLogged, recordHashOf } from './leaf.ts';
import { openPersonal } from './record.ts';
import { verifyKept } from './verify-kept.ts';

/** What was found to be as it was signed. */
export interface Verified {
  /** Records in the log. */
  size: number;
  root: Hash;
  /** Checkpoints in the database, and those kept beside it; of these, how many tell of what a loss of the database took. */
  checkpoints: number;
  kept: number;
  lost: number;
  /** Records that have no place yet. */
  unsealed: number;
}

/** Records that are read at a time; whole tiles. */
const page = 4 * tileWidth;

/**
 * Computes the whole log again from the records, and compares it with the tiles, with each checkpoint in the database and with each that was kept beside it. What is written meanwhile is
 * not looked at.
 * @param file of the kept checkpoints
 * @throws Problem that names the first thing that is not what was signed
 */
export async function verifyAudit(ctx: Ctx, file = checkpointFile(ctx.config), progress?: (line: string) => void): Promise<Verified> {
  const { db } = ctx;
  const logs = await listLogs(db);
  const log = logs.at(-1);
  if (!log) broken('the log has no identity');
  const stray = await strayAudit(db);
  if (stray) broken(`the audit record ${stray.id} (${stray.action}) was added: the log has no entry ${stray.seal?.index}`);
  const size = (await newestCheckpoint(db, log.id))?.size ?? log.beganSize;
  const check = new Pass(ctx, logs, size);
  for (let from = 0; from < size; from += page) {
    await check.records(from);
    if (progress && from % (100 * page) === 0) progress(`${Math.min(size, from + page)} of ${size} records`);
    await breathe();
  }
  await check.end();
  const { kept, lost } = await verifyKept(db, logs, check.lostAfter, file);
  await checkCertificates(db);
  return { size, root: rootOf(check.edge), checkpoints: check.checkpoints, kept, lost, unsealed: await countUnsealedAudit(db) };
}

interface Due extends CheckpointRecord {
  opened: Promise<Checkpoint | undefined>;
}

/** One reading of the log from its beginning to its end; memory stays the same. */
class Pass {
  readonly edge: Edge = { size: 0, hashes: [] };
  checkpoints = 0;
  /** By the name of a log that has begun anew: what was signed before it above this size is lost. */
  readonly lostAfter = new Map<string, number>();
  #partial: Tile[] = [];
  #due: Due[] = [];
  #agreed = 0;
  readonly #at = { logId: 0, size: -1 };
  readonly #ctx: Ctx;
  readonly #logs: readonly LogRecord[];
  readonly #keys: ReadonlyMap<number, NoteKey>;
  readonly #size: number;

  constructor(ctx: Ctx, logs: readonly LogRecord[], size: number) {
    this.#ctx = ctx;
    this.#logs = logs;
    this.#keys = new Map(logs.map(log => [log.id, noteKeyOf(log)]));
    this.#size = size;
  }

  /** A page of records from there on. */
  async records(from: number): Promise<void> {
    const records = await sealedAudit(this.#ctx.db, from, Math.min(page, this.#size - from));
    const leaves = await readLeaves(this.#ctx, records, from);
    for (const record of records) if (record.action === 'log.begun') this.#noteLoss(record);
    if (from + leaves.length < Math.min(this.#size, from + page)) broken(`entry ${from + leaves.length} is gone`);
    const { changed, partial } = growTiles(from, this.#partial, leaves);
    this.#partial = partial;
    for (const tile of changed) if (tile.hashes.length === tileWidth) await this.#compare(tile);
    if (from + page >= this.#size) for (const tile of partial) await this.#compare(tile);
    for (const leaf of leaves) {
      grow(this.edge, leaf);
      if ((this.#due.at(-1)?.size ?? 0) <= this.edge.size) await this.#checkCheckpoints();
    }
  }

  /** Nothing may be left over. */
  async end(): Promise<void> {
    await this.#checkCheckpoints();
    const { db } = this.#ctx;
    const log = this.#logs.at(-1) as LogRecord;
    const beyond = (await sealedAudit(db, this.#size, 1)).length > 0 && ((await newestCheckpoint(db, log.id))?.size ?? 0) <= this.#size;
    if (beyond) broken(`entry ${this.#size} and what follows are covered by no checkpoint: the last one is gone, or they were added`);
  }

  #noteLoss({ subject, detail }: StoredRecord): void {
    const { lost } = JSON.parse(detail ?? '{}');
    if (typeof lost?.after === 'number') this.lostAfter.set(JSON.parse(subject).log, lost.after);
  }

  /** The tile of the database against that of the records. */
  async #compare({ level, index, hashes }: Tile): Promise<void> {
    const stored = (await findTile(this.#ctx.db, level, index)) ?? new Uint8Array();
    const meant = Buffer.concat(hashes);
    if (stored.length >= meant.length && sameHash(stored.subarray(0, meant.length), meant)) return;
    if (level > 0) broken(`the tile ${level}/${index} of the tree was altered; the records are as they were`);
    const differs = hashes.findIndex((hash, i) => !sameHash(hash, stored.subarray(i * 32, (i + 1) * 32)));
    broken(await explainDifference(this.#ctx, this.#logs, index * tileWidth + differs));
  }

  async #checkCheckpoints(): Promise<void> {
    for (;;) {
      if (this.#due.length === 0) {
        const page = await allCheckpoints(this.#ctx.db, this.#at, 1000);
        const last = page.at(-1);
        if (!last) return;
        Object.assign(this.#at, { logId: last.logId, size: last.size });
        // Signatures are verified while records are read.
        this.#due = page.map(record => ({ ...record, opened: this.#open(record) })).reverse();
      }
      const next = this.#due.at(-1);
      if (!next || next.size > this.edge.size) return;
      this.#due.pop();
      await this.#checkCheckpoint(next);
    }
  }

  async #open({ logId, note }: CheckpointRecord): Promise<Checkpoint | undefined> {
    const key = this.#keys.get(logId);
    return key && openCheckpointAside(note, key);
  }

  async #checkCheckpoint({ size, at, opened }: Due): Promise<void> {
    const signed = await opened;
    if (signed?.size !== size) broken(`the checkpoint of size ${size}, of ${rfc3339(at)}, was altered: the log has not signed it`);
    if (size < this.edge.size) broken(`the checkpoint of size ${size}, of ${rfc3339(at)}, stands where it cannot have been signed`);
    if (!sameHash(signed.root, rootOf(this.edge)))
      broken(
        `the checkpoint of size ${size}, of ${rfc3339(at)}, was signed over other records; what was altered lies from entry ${this.#agreed} on`,
      );
    this.#agreed = size;
    this.checkpoints++;
  }
}

/** Leaves of records that must follow each other from there on, each as its record says. */
async function readLeaves(ctx: Ctx, records: readonly StoredRecord[], from: number): Promise<Hash[]> {
  const leaves: Hash[] = [];
  const loggedOf = await readLogged(ctx.db, records);
  for (const [i, record] of records.entries()) {
    const index = record.seal?.index ?? 0;
    if (index !== from + i) broken(`entry ${from + i} is gone`);
    leaves.push(leafHash(readLeaf(ctx, record, loggedOf(record))));
  }
  return leaves;
}

/** @throws Problem where the record is not what its hashes say */
function readLeaf(ctx: Ctx, record: StoredRecord, logged: Logged | undefined): Uint8Array {
  const { seal, personal } = record;
  const what = `entry ${seal?.index} (audit record ${record.id}, ${record.action}) was altered`;
  if (!seal || !sameHash(seal.recordHash, recordHashOf(record, seal.salt))) broken(what);
  if (personal)
    try {
      openPersonal(ctx, record);
    } catch (error) {
      broken(`${what}: what is personal in it, ${(error as Error).message}`);
    }
  try {
    checkBorneOut(record, logged);
    return leafOf(record, seal.recordHash, logged);
  } catch (error) {
    broken(`entry ${seal.index} (audit record ${record.id}, ${record.action}) is not borne out: ${(error as Error).message}`);
  }
}

/** Every record of a certificate was compared with it; here none may be without a record. */
async function checkCertificates(db: Db): Promise<void> {
  const { issued, issuedLogged, revoked, revokedLogged } = await countLogged(db);
  if (issued !== issuedLogged) broken(`${issued} certificates are in the database, and ${issuedLogged} issuances in the log`);
  if (revoked !== revokedLogged) broken(`${revoked} certificates are revoked in the database, and ${revokedLogged} revocations in the log`);
}
