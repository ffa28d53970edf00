import type { Ctx } from '../../ctx.ts';
import { type StoredRecord, sealedAudit } from '../../store/audit.ts';
import { checkpointsAfter, type LogRecord, tilesOf } from '../../store/log.ts';
import { openCheckpoint } from '../../tlog/checkpoint.ts';
import { grow, type Hash, leafHash, rootOf, sameHash } from '../../tlog/merkle.ts';
import { edgeOf, hashesOf, nodesOf, tileWidth } from '../../tlog/tiles.ts';
import { noteKeyOf } from './identity.ts';
import { leafOf, readLogged } from './leaf.ts';

/**
 * Why the record in a place of the log, though whole in itself, is not that of the tree. Everything before it agrees.
 * @returns what was done to it, for people
 */
export async function explainDifference(ctx: Ctx, logs: readonly LogRecord[], index: number): Promise<string> {
  if (await recordsAreSigned(ctx, logs, index))
    return `the tile 0/${Math.floor(index / tileWidth)} of the tree was altered at entry ${index}; the records are as they were`;
  const here = await sealedAudit(ctx.db, index, 1);
  const [record] = here;
  const which = `entry ${index} (audit record ${record?.id}, ${record?.action})`;
  const signed = (await treeLeaf(ctx, index)) ?? new Uint8Array();
  const [found] = await hashesOfRecords(ctx, here);
  const isElsewhere = await someRecord(ctx, index + 1, hash => sameHash(hash, signed));
  const wasAt = found && (await placeInTree(ctx, index, found));
  if (wasAt !== undefined && isElsewhere) return `${which} was moved: it was signed as entry ${wasAt}`;
  if (wasAt !== undefined) return `entry ${index} is gone: what stands in its place was signed as entry ${wasAt}`;
  if (isElsewhere) return `${which} was added: it was never signed`;
  return `${which} was altered`;
}

/** Whether the next checkpoint was signed over the records as they are. */
async function recordsAreSigned(ctx: Ctx, logs: readonly LogRecord[], index: number): Promise<boolean> {
  const log = logs.at(-1);
  const [next] = log ? await checkpointsAfter(ctx.db, log.id, index, 1) : [];
  const signed = log && next && openCheckpoint(next.note, noteKeyOf(log));
  if (!signed) return false;
  const start = Math.floor(index / tileWidth) * tileWidth;
  const edge = await edgeOf(nodesOf(tilesOf(ctx.db)), start);
  for await (const hash of leafHashes(ctx, start)) {
    if (edge.size === signed.size) break;
    grow(edge, hash);
  }
  return edge.size === signed.size && sameHash(rootOf(edge), signed.root);
}

async function treeLeaf(ctx: Ctx, index: number): Promise<Hash | undefined> {
  return hashesOf(await tilesOf(ctx.db)({ level: 0, index: Math.floor(index / tileWidth) }))[index % tileWidth];
}

async function placeInTree(ctx: Ctx, from: number, wanted: Hash): Promise<number | undefined> {
  const read = tilesOf(ctx.db);
  for (let tile = Math.floor(from / tileWidth); ; tile++) {
    const hashes = hashesOf(await read({ level: 0, index: tile }));
    const at = hashes.findIndex((hash, i) => tile * tileWidth + i >= from && sameHash(hash, wanted));
    if (at >= 0) return tile * tileWidth + at;
    if (hashes.length < tileWidth) return undefined;
  }
}

async function someRecord(ctx: Ctx, from: number, is: (hash: Hash) => boolean): Promise<boolean> {
  for await (const hash of leafHashes(ctx, from)) if (is(hash)) return true;
  return false;
}

async function* leafHashes(ctx: Ctx, start: number): AsyncGenerator<Hash> {
  for (let from = start; ; ) {
    const records = await sealedAudit(ctx.db, from, 1000);
    yield* await hashesOfRecords(ctx, records);
    const last = records.at(-1)?.seal;
    if (!last) return;
    from = last.index + 1;
  }
}

/** Nothing equals that of a record whose certificate is gone. */
async function hashesOfRecords({ db }: Ctx, records: readonly StoredRecord[]): Promise<Hash[]> {
  const loggedOf = await readLogged(db, records);
  return records.map(record => {
    try {
      return leafHash(leafOf(record, record.seal?.recordHash ?? new Uint8Array(), loggedOf(record)));
    } catch {
      return new Uint8Array();
    }
  });
}
