import type { Delivery, DeliveryState, WebhookEvent } from '../model/webhook.ts';
import { type Db, present } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { rowsOf, updateRows } from './rows.ts';

interface DeliveryRow {
  id: string;
  webhook_id: string;
  type: WebhookEvent;
  event_index: number;
  log_id: number | null;
  state: DeliveryState;
  attempts: number;
  refusals: number;
  created_at: number;
  next_at: number;
  sent_at: number | null;
  last_error: string | null;
}

function fromRow(r: DeliveryRow): Delivery {
  return {
    id: r.id,
    webhookId: r.webhook_id,
    type: r.type,
    index: r.event_index,
    state: r.state,
    attempts: r.attempts,
    refusals: r.refusals,
    createdAt: r.created_at,
    nextAt: r.next_at,
    ...present({ logId: r.log_id, sentAt: r.sent_at, lastError: r.last_error }),
  };
}

export type NewDelivery = Pick<Delivery, 'id' | 'webhookId' | 'type' | 'index' | 'logId'>;

/** One that is there already is queued anew: its event is told again. */
export async function queueDeliveries(trx: Db, deliveries: readonly NewDelivery[], now: number): Promise<void> {
  for (const { id, webhookId, type, index, logId } of deliveries)
    await rowsOf(
      trx,
      `insert into webhook_deliveries (id, webhook_id, type, event_index, log_id, state, created_at, next_at) values (?, ?, ?, ?, ?, 'queued', ?, ?)
       on conflict (id) do update set state = 'queued', attempts = 0, refusals = 0, created_at = excluded.created_at, next_at = excluded.next_at,
         sent_at = null, last_error = null
       returning id`,
      [id, webhookId, type, index, logId, now, now],
    );
}

/** What is due for a webhook, in the log's order. */
export async function dueDeliveries(db: Db, webhookId: string, now: number, limit: number): Promise<Delivery[]> {
  const sql =
    "select * from webhook_deliveries where webhook_id = ? and state = 'queued' and next_at <= ? order by event_index, id limit ?";
  return (await rowsOf<DeliveryRow>(db, sql, [webhookId, now, limit])).map(fromRow);
}

/** What came of an attempt; compare-and-swap. @returns whether nobody else has attempted it meanwhile */
export async function settleDelivery(
  trx: Db,
  { id, attempts }: Pick<Delivery, 'id' | 'attempts'>,
  change: Pick<Delivery, 'state' | 'refusals' | 'nextAt' | 'sentAt' | 'lastError'>,
): Promise<boolean> {
  const { state, refusals, nextAt, sentAt, lastError } = change;
  const to = { state, attempts: attempts + 1, refusals, next_at: nextAt, sent_at: sentAt, last_error: lastError ?? null };
  return (await updateRows(trx, 'webhook_deliveries', { id, state: 'queued', attempts }, to)) === 1;
}

/** Whether anything waits for a webhook. */
export async function isAwaited(db: Db, webhookId: string): Promise<boolean> {
  return (await rowsOf(db, "select 1 from webhook_deliveries where webhook_id = ? and state = 'queued' limit 1", [webhookId])).length > 0;
}

/** What a webhook has given up is tried once more. @returns how many */
export async function requeueDead(trx: Db, webhookId: string, now: number): Promise<number> {
  const sql = `update webhook_deliveries set state = 'queued', attempts = 0, refusals = 0, next_at = ? where webhook_id = ? and state = 'dead' returning id`;
  return (await rowsOf(trx, sql, [now, webhookId])).length;
}

/** What waits for a webhook is due at once. */
export async function hastenDeliveries(trx: Db, webhookId: string, now: number): Promise<void> {
  await rowsOf(trx, "update webhook_deliveries set next_at = ? where webhook_id = ? and state = 'queued' returning id", [now, webhookId]);
}

/** Newest first. */
export async function listDeliveries(db: Db, webhookId: string, state?: DeliveryState, page?: Page): Promise<Delivery[]> {
  const query = db('webhook_deliveries').where({ webhook_id: webhookId });
  if (state !== undefined) query.where({ state });
  return (await inPages(query, page, { newestFirst: true })).map(fromRow);
}
