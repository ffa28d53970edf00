import type { Ctx } from '../../ctx.ts';
import { covers, type Webhook } from '../../model/webhook.ts';
import { eventRecords } from '../../store/events.ts';
import { type CheckpointRecord, lastCheckpoint } from '../../store/log.ts';
import { breathe, type Trx } from '../../store/open.ts';
import { queueDeliveries } from '../../store/webhook-deliveries.ts';
import { laggingWebhooks, moveCursor } from '../../store/webhooks.ts';
import { underLease } from '../under-lease.ts';
import { checkpointDelivery, deliveryOf } from './render-webhook.ts';

/** Events in one transaction. */
const batch = 200;

/** A receiver that takes nothing has so many rows waiting, about, and the rest stays where it is: in the log. */
const mostQueued = 1000;

/**
 * Makes deliveries of what the log has sealed, for each webhook from its own place on; by one process at a time. Deliveries and place move in one transaction: nothing is
 * left out and nothing doubled.
 */
export async function dispatchWebhooks(ctx: Ctx): Promise<void> {
  const { db } = ctx;
  const signed = await lastCheckpoint(db);
  if (!signed || (await laggingWebhooks(db, signed.size - 1, mostQueued)).length === 0) return;
  await underLease(ctx, 'dispatch webhooks', async held => {
    for (;;) {
      const lagging = await laggingWebhooks(db, signed.size - 1, mostQueued);
      if (lagging.length === 0 || ctx.background.ending.aborted) return;
      for (const webhook of lagging) await dispatch(ctx, held, webhook, signed);
      await breathe();
    }
  });
}

async function dispatch(ctx: Ctx, held: (trx: Trx) => Promise<void>, webhook: Webhook, signed: CheckpointRecord): Promise<void> {
  const upTo = signed.size - 1;
  await ctx.db.transaction(async trx => {
    await held(trx);
    const records = await eventRecords(trx, { after: webhook.cursor, upTo }, batch);
    const reached = records.length === batch ? (records.at(-1)?.seal.index ?? upTo) : upTo;
    // Rewound, disabled or removed meanwhile: the next round sees it as it is then.
    if (!(await moveCursor(trx, webhook, reached))) return;
    const deliveries = records.filter(({ action }) => covers(webhook.events, action)).map(record => deliveryOf(webhook, record));
    // The newest covers all before it.
    if (reached === upTo && covers(webhook.events, 'log.checkpoint')) deliveries.push(checkpointDelivery(webhook, signed));
    await queueDeliveries(trx, deliveries, ctx.now());
  });
}
