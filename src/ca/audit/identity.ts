import type { Ctx } from '../../ctx.ts';
import { type Actor, clock } from '../../model/audit.ts';
import { currentLog, insertLog, type LogRecord } from '../../store/log.ts';
import type { Db } from '../../store/open.ts';
import { generateNoteKey, type NoteKey, type NoteSigner, noteSigner } from '../../tlog/note.ts';
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
  await tools.db.transaction(trx => insertIdentity(tools, trx, logUrl(tools), 0, {}, clock));
}

/** Named after its URL without the scheme (C2SP tlog-tiles). From here on the log is signed as this. */
export async function insertIdentity(tools: Tools, trx: Db, url: string, size: number, detail: object, actor: Actor): Promise<LogRecord> {
  const origin = url.replace(/^\w+:\/\//, '');
  const { pkcs8, publicKey } = generateNoteKey();
  const now = tools.now();
  await insertLog(trx, { origin, publicKey, key: tools.vault.seal({ in: 'logs.key', row: origin }, pkcs8), beganAt: now, beganSize: size });
  await record(tools, trx, now, { action: 'log.begun', actor, subject: { log: origin }, detail: { ...detail } });
  const log = await currentLog(trx);
  if (log?.origin !== origin) throw new Error('the log has another identity');
  return log;
}
