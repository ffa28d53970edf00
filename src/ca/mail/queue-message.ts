import type { Ctx } from '../../ctx.ts';
import type { MessagePersonal, NewMessage } from '../../model/message.ts';
import type { Trx } from '../../store/open.ts';
import { queue, type Scope } from '../../store/outbox.ts';
import { newId } from '../ids.ts';
import { sealAddress } from '../sealed/personal-data.ts';

/** Queues a message in the transaction of what it tells. @returns its id, for a delivery soon after the commit */
export async function tell(ctx: Ctx, trx: Trx, message: NewMessage, scope: Scope = {}, personal?: MessagePersonal): Promise<string> {
  const id = newId(ctx);
  await queue(trx, id, message, ctx.now(), scope, personal && sealAddress(ctx, id, personal));
  return id;
}
