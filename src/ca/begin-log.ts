import type { Ctx } from '../ctx.ts';
import type { Actor } from '../model/audit.ts';
import { Problem } from '../model/problem.ts';
import { insertCheckpoint, type LogRecord } from '../store/log.ts';
import { lock } from '../store/open.ts';
import { openCheckpoint, signCheckpoint } from '../tlog/checkpoint.ts';
import { sameHash } from '../tlog/merkle.ts';
import { lastKept } from './checkpoint-file.ts';
import { insertIdentity, logSigner, logUrl, noteKeyOf } from './log-identity.ts';
import { lastSigned, signedTree, signingLog } from './seal-audit.ts';

/**
 * After a loss the log cannot go on as the one that signed what is lost. Under a new name and key it goes on from what there is, and its next entry tells of that.
 * @throws Problem where nothing was lost @throws LogBroken where more is wrong than that
 */
export async function beginLogAnew(ctx: Ctx, reason: string, actor: Actor): Promise<LogRecord> {
  const kept = lastKept(ctx.config);
  return ctx.db.transaction(async trx => {
    await lock(trx, 'logs');
    const former = await signingLog(trx);
    const signed = await lastSigned(trx, former);
    const lost = kept && openCheckpoint(kept.checkpoint, noteKeyOf(former));
    if (!lost || lost.size < signed.size || (lost.size === signed.size && sameHash(lost.root, signed.root)))
      throw new Problem('malformed', 'The database has all that was signed: the log goes on as it is.', { status: 409 });
    const { size } = await signedTree(trx, signed);
    const detail = { reason, former: former.origin, from: size, lost: { size: lost.size, at: kept.at } };
    const log = await insertIdentity(ctx, trx, `${logUrl(ctx)}/${former.id + 1}`, size, detail, actor);
    const note = signCheckpoint({ origin: log.origin, size, root: signed.root }, logSigner(ctx, log));
    await insertCheckpoint(trx, { logId: log.id, size, at: ctx.now(), note });
    return log;
  });
}
