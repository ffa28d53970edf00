import type { Ctx } from '../ctx.ts';
import { clock } from '../model/audit.ts';
import { currentLog, insertLog, type LogRecord } from '../store/log.ts';
import { generateNoteKey, type NoteSigner, noteSigner } from '../tlog/note.ts';
import { record } from './record.ts';

type Tools = Pick<Ctx, 'config' | 'db' | 'vault' | 'now' | 'random'>;

const place = (origin: string) => ({ table: 'logs', row: origin, column: 'key' });

/** The log's first identity, made on the first start. Call it under the setup lock. */
export async function openLog(tools: Tools): Promise<void> {
  if (await currentLog(tools.db)) return;
  const origin = originOf(tools);
  const { pkcs8, publicKey } = generateNoteKey();
  const now = tools.now();
  await tools.db.transaction(async trx => {
    await insertLog(trx, { origin, publicKey, key: tools.vault.seal(place(origin), pkcs8), beganAt: now, beganSize: 0 });
    await record(tools, trx, now, { action: 'log.begun', actor: clock, subject: { log: origin } });
  });
}

/** The URL of the log without its scheme (C2SP tlog-tiles). */
/** Where the log is published. */
export const originUrl = ({ config }: Pick<Ctx, 'config'>): string => `${config.status.publicUrl}/log`;

const originOf = (tools: Pick<Ctx, 'config'>): string => originUrl(tools).replace(/^\w+:\/\//, '');

export function logSigner({ vault }: Pick<Ctx, 'vault'>, { origin, key }: LogRecord): NoteSigner {
  return noteSigner(origin, vault.open(place(origin), key));
}
