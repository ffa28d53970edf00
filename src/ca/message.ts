import type { Ctx } from '../ctx.ts';
import type { NewMessage } from '../model/message.ts';
import type { Trx } from '../store/open.ts';
import { queue, type Scope } from '../store/outbox.ts';
import { newId } from './ids.ts';

/** Queues a message in the transaction of what it tells. @returns its id, for a delivery soon after the commit */
export async function tell(ctx: Ctx, trx: Trx, message: NewMessage, scope: Scope = {}): Promise<string> {
  const id = newId(ctx);
  await queue(trx, id, message, ctx.now(), scope);
  return id;
}
