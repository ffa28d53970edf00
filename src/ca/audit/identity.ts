import type { Ctx } from '../../ctx.ts';
import { clock } from '../../model/audit.ts';
import { currentLog, insertLog, type LogRecord } from '../../store/log.ts';
import { generateNoteKey, type NoteKey, type NoteSigner, noteSigner } from '../../tlog/note.ts';
import { type Act, transact } from '../act.ts';
import { record } from './record.ts';

type Tools = Pick<Ctx, 'config' | 'db' | 'vault' | 'now' | 'random'>;

/** Where the log is published. */
export const logUrl = ({ config }: Pick<Ctx, 'config'>): string => `${config.status.publicUrl}/log`;

/** What verifies the log's checkpoints. */
export const noteKeyOf = ({ origin, publicKey }: LogRecord): NoteKey => ({ name: origin, publicKey });

/** What signs them. */
export const logSigner = ({ vault }: Pick<Ctx, 'vault'>, { origin, key }: LogRecord): NoteSigner =>
  noteSigner(origin, vault.open({ in: 'logs.key', row: origin }, key));

/** The log's first identity, made on the first start. Call it under the setup lock. */
export async function openLog(tools: Tools): Promise<void> {
  if (await currentLog(tools.db)) return;
  await transact(tools, clock, act => insertIdentity(act, { url: logUrl(tools), size: 0 }));
}

/** Named after its URL without the scheme (C2SP tlog-tiles). From here on, at this size, the log is signed as this. */
export async function insertIdentity(
  act: Act<Tools>,
  { url, size, detail = {} }: { url: string; size: number; detail?: Record<string, unknown> },
): Promise<LogRecord> {
  const { ctx, trx, now } = act;
  const origin = url.replace(/^\w+:\/\//, '');
  const { pkcs8, publicKey } = generateNoteKey();
  await insertLog(trx, { origin, publicKey, key: ctx.vault.seal({ in: 'logs.key', row: origin }, pkcs8), beganAt: now, beganSize: size });
  await record(act, { action: 'log.begun', subject: { log: origin }, detail });
  const log = await currentLog(trx);
  if (log?.origin !== origin) throw new Error('the log has another identity');
  return log;
}
