import type { MessagePersonal, NewMessage } from '../../model/message.ts';
import { queue, type Scope } from '../../store/outbox.ts';
import type { Act } from '../act.ts';
import { newId } from '../ids.ts';
import { sealAddress } from '../sealed/personal-data.ts';

/** Queues a message in the transaction of the act that it tells of. @returns its id, for a delivery soon after the commit */
export async function queueMessage(
  { ctx, trx, now }: Act,
  message: NewMessage,
  { scope, personal }: { scope?: Scope; personal?: MessagePersonal | undefined } = {},
): Promise<string> {
  const id = newId(ctx);
  await queue(trx, id, message, now, scope, personal && sealAddress(ctx, id, personal));
  return id;
}
