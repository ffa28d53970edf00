import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import { Problem } from '../../model/problem.ts';
import { insertCheckpoint, type LogRecord } from '../../store/log.ts';
import { lock } from '../../store/open.ts';
import { signCheckpoint } from '../../tlog/checkpoint.ts';
import { type Act, transact } from '../act.ts';
import { underLease } from '../under-lease.ts';
import { checkpointFile } from './checkpoint-file.ts';
import { agreedSize, isInDatabase, lastKnown } from './follow-log.ts';
import { insertIdentity, logSigner, logUrl } from './identity.ts';
import { lastSigned, signedTree, signingLog } from './signed-log.ts';

/**
 * After a loss the log cannot go on as the one that signed what is lost, also where it has gone on meanwhile. Under a new name and key it goes on from what there is, and its next entry tells of that.
 * @throws Problem where nothing was lost, or another process is sealing @throws LogBroken where more is wrong than that
 */
export async function beginLogAnew(ctx: Ctx, reason: string, actor: Actor): Promise<LogRecord> {
  const agreed = await agreedSize(ctx, checkpointFile(ctx.config), await signingLog(ctx.db));
  const log = await underLease(ctx, 'seal audit', held =>
    transact(ctx, actor, async act => {
      await held(act.trx);
      await lock(act.trx, 'logs');
      return beginFrom(act, agreed, reason);
    }),
  );
  if (!log) throw new Problem('malformed', 'Another process is sealing the audit log right now: try again.', { status: 409 });
  return log;
}

async function beginFrom(act: Act, agreed: number, reason: string): Promise<LogRecord> {
  const { ctx, trx } = act;
  const former = await signingLog(trx);
  const signed = await lastSigned(trx, former);
  const lost = lastKnown(ctx, former);
  if (!lost || (await isInDatabase(trx, former, lost)))
    throw new Problem('malformed', 'The database has all that was signed: the log goes on as it is.', { status: 409 });
  const { size } = await signedTree(trx, signed);
  const detail = { reason, former: former.origin, from: size, lost: { after: agreed, size: lost.size, at: lost.at } };
  const log = await insertIdentity(act, { url: `${logUrl(ctx)}/${former.id + 1}`, size, detail });
  const note = signCheckpoint({ origin: log.origin, size, root: signed.root }, logSigner(ctx, log));
  await insertCheckpoint(trx, { logId: log.id, size, at: act.now, note });
  return log;
}
