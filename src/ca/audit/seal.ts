import type { Ctx } from '../../ctx.ts';
import { oldestUnsealed, placeAuditRecords, type StoredRecord, sealAuditRecord, unsealedAudit } from '../../store/audit.ts';
import { insertCheckpoint, putTile, tilesOf } from '../../store/log.ts';
import { breathe, type Trx } from '../../store/open.ts';
import { signCheckpoint } from '../../tlog/checkpoint.ts';
import { leafHash, treeHash } from '../../tlog/merkle.ts';
import { growTiles, nodesOf } from '../../tlog/tiles.ts';
import { underLease } from '../under-lease.ts';
import { checkKept, followLog } from './follow-log.ts';
import { logSigner } from './identity.ts';
import { commitTo, leafOf, readLogged } from './leaf.ts';
import { LogBroken, lastSigned, signedTree, signingLog } from './signed-log.ts';

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

/** As the clock does it, and whoever acts last: that the log is broken is said once in the server's log, and why, without a trace of calls; `/readyz` goes on saying it. */
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
    await checkKept(ctx, trx, log, signed.size);
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

/** @returns the leaves */
async function seal(ctx: Ctx, trx: Trx, records: readonly StoredRecord[], size: number): Promise<Uint8Array[]> {
  const loggedOf = await readLogged(trx, records);
  const leaves: Uint8Array[] = [];
  const placed: { id: number; index: number }[] = [];
  for (const [i, record] of records.entries()) {
    const commitment = record.commitment ?? commitTo(record, ctx.random);
    try {
      leaves.push(leafOf(record, commitment.recordHash, loggedOf(record)));
    } catch (error) {
      throw new LogBroken(`the audit record ${record.id} (${record.action}) cannot be sealed: ${(error as Error).message}`);
    }
    if (record.commitment) placed.push({ id: record.id, index: size + i });
    else await sealAuditRecord(trx, record.id, { index: size + i, ...commitment });
  }
  await placeAuditRecords(trx, placed);
  return leaves;
}
