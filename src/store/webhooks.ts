import type { Webhook } from '../model/webhook.ts';
import { type Db, databaseClock, present, secondsFromNow } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, places, rowsOf, selectRow, updateRows } from './rows.ts';

interface WebhookRow {
  id: string;
  url: string;
  description: string | null;
  events: string;
  secret: Uint8Array;
  old_secret: Uint8Array | null;
  old_until: number | null;
  created_at: number;
  disabled_at: number | null;
  disabled_why: string | null;
  log_cursor: number;
  failures: number;
  next_at: number;
  failing_since: number | null;
  claim_fence: number;
}

function fromRow(r: WebhookRow): Webhook {
  return {
    id: r.id,
    url: r.url,
    events: JSON.parse(r.events),
    secret: r.secret,
    createdAt: r.created_at,
    cursor: r.log_cursor,
    failures: r.failures,
    nextAt: r.next_at,
    fence: r.claim_fence,
    ...present({
      description: r.description,
      oldSecret: r.old_secret && { secret: r.old_secret, until: r.old_until ?? 0 },
      disabled: r.disabled_at === null ? null : { at: r.disabled_at, why: r.disabled_why ?? '' },
      failingSince: r.failing_since,
    }),
  };
}

export type NewWebhook = Pick<Webhook, 'id' | 'url' | 'description' | 'events' | 'secret' | 'createdAt' | 'cursor'>;

export async function insertWebhook(trx: Db, { id, url, description, events, secret, createdAt, cursor }: NewWebhook): Promise<void> {
  await insertRows(trx, 'webhooks', {
    ...{ id, url, description, secret },
    events: JSON.stringify(events),
    created_at: createdAt,
    log_cursor: cursor,
    next_at: createdAt,
  });
}

export async function findWebhook(db: Db, id: string): Promise<Webhook | undefined> {
  const r = await selectRow<WebhookRow>(db, 'webhooks', { id });
  return r && fromRow(r);
}

export async function listWebhooks(db: Db, page?: Page): Promise<Webhook[]> {
  return (await inPages(db('webhooks'), page)).map(fromRow);
}

/** With all that goes to it. @returns whether it was there */
export async function deleteWebhook(trx: Db, id: string): Promise<boolean> {
  await rowsOf(trx, 'delete from webhook_deliveries where webhook_id = ?', [id]);
  return (await rowsOf(trx, 'delete from webhooks where id = ? returning id', [id])).length === 1;
}

/** Those that have not been told of all that the log has up to there, and have few deliveries waiting. */
export async function laggingWebhooks(db: Db, upTo: number, mostQueued: number): Promise<Webhook[]> {
  const queued = "select count(*) from webhook_deliveries where webhook_id = webhooks.id and state = 'queued'";
  const sql = `select * from webhooks where disabled_at is null and log_cursor < ? and (${queued}) < ? order by id`;
  return (await rowsOf<WebhookRow>(db, sql, [upTo, mostQueued])).map(fromRow);
}

/** Compare-and-swap. @returns whether it moved */
export async function moveCursor(trx: Db, { id, cursor }: Pick<Webhook, 'id' | 'cursor'>, to: number): Promise<boolean> {
  return (await updateRows(trx, 'webhooks', { id, log_cursor: cursor, disabled_at: null }, { log_cursor: to })) === 1;
}

/** Back to an earlier place; never forward, where something would be left out. */
export async function rewindCursor(trx: Db, id: string, to: number): Promise<void> {
  await rowsOf(trx, 'update webhooks set log_cursor = ? where id = ? and log_cursor > ? returning id', [to, id, to]);
}

/** Webhooks for this process alone, for so many seconds: those for which something is due, the one that was served longest ago first. */
export async function claimWebhooks(db: Db, now: number, limit: number, seconds: number): Promise<Webhook[]> {
  const due = `exists (select 1 from webhook_deliveries d where d.webhook_id = webhooks.id and d.state = 'queued' and d.next_at <= ?)`;
  const free = () => db('webhooks').whereNull('disabled_at').where('claim_until', '<=', databaseClock(db));
  const wanted = (
    await free().where('next_at', '<=', now).whereRaw(due, [now]).orderBy(['claim_until', 'next_at']).limit(limit).select('id')
  ).map(r => r.id);
  if (wanted.length === 0) return [];
  // Asked again in the update: another process may have been faster.
  const rows = await free()
    .whereIn('id', wanted)
    .update({ claim_until: secondsFromNow(db, seconds), claim_fence: db.raw('claim_fence + 1') })
    .returning<WebhookRow[]>('*');
  return rows.map(fromRow);
}

type Held = Pick<Webhook, 'id' | 'fence'>;
const held = ({ id, fence }: Held) => ({ id, claim_fence: fence });

/** The webhook as it is now, held for so many seconds more. @returns undefined where it is gone, disabled, or another's */
export async function holdWebhook(db: Db, claimed: Held, seconds: number): Promise<Webhook | undefined> {
  const change = { claim_until: secondsFromNow(db, seconds) };
  if ((await updateRows(db, 'webhooks', { ...held(claimed), disabled_at: null }, change)) !== 1) return undefined;
  return findWebhook(db, claimed.id);
}

export async function releaseWebhook(db: Db, claimed: Held): Promise<void> {
  await updateRows(db, 'webhooks', held(claimed), { claim_until: databaseClock(db) });
}

/** While the claim holds. @returns whether it does */
export async function setHealth(
  trx: Db,
  claimed: Held,
  { failures, nextAt, failingSince }: Pick<Webhook, 'failures' | 'nextAt' | 'failingSince'>,
): Promise<boolean> {
  const change = { failures, next_at: nextAt, failing_since: failingSince ?? null };
  return (await updateRows(trx, 'webhooks', held(claimed), change)) === 1;
}

/** @returns whether it was enabled */
export async function disableWebhook(trx: Db, id: string, { at, why }: { at: number; why: string }): Promise<boolean> {
  return (await updateRows(trx, 'webhooks', { id, disabled_at: null }, { disabled_at: at, disabled_why: why })) === 1;
}

/** As if nothing had failed. @returns whether it was disabled */
export async function enableWebhook(trx: Db, id: string, now: number): Promise<boolean> {
  const change = 'disabled_at = null, disabled_why = null, failures = 0, next_at = ?, failing_since = null';
  const sql = `update webhooks set ${change} where id = ? and disabled_at is not null returning id`;
  return (await rowsOf(trx, sql, [now, id])).length === 1;
}

/** What is due is sent at once, whatever failed before. */
export async function unpauseWebhook(trx: Db, id: string, now: number): Promise<void> {
  await updateRows(trx, 'webhooks', { id }, { next_at: now });
}

/** Compare-and-swap of the secret. @returns whether it was the one that is replaced */
export async function replaceSecret(
  trx: Db,
  { id, secret }: Pick<Webhook, 'id' | 'secret'>,
  by: Uint8Array,
  old: NonNullable<Webhook['oldSecret']>,
): Promise<boolean> {
  return (await updateRows(trx, 'webhooks', { id, secret }, { secret: by, old_secret: old.secret, old_until: old.until })) === 1;
}

/** How many deliveries each of them has given up, and has waiting. */
export async function countDeliveries(db: Db, ids: readonly string[]): Promise<Map<string, { queued: number; dead: number }>> {
  const rows = await rowsOf<{ webhook_id: string; state: 'queued' | 'dead'; n: number }>(
    db,
    `select webhook_id, state, count(*) as n from webhook_deliveries where state in ('queued', 'dead') and webhook_id in (${places(ids)})
     group by webhook_id, state`,
    ids,
  );
  const counts = new Map(ids.map(id => [id, { queued: 0, dead: 0 }]));
  for (const { webhook_id, state, n } of rows)
    counts.set(webhook_id, { queued: 0, dead: 0, ...counts.get(webhook_id), [state]: Number(n) });
  return counts;
}

/** How all of them fare, and what waits for them or was given up. The states stand in the text: the indexes are of these alone. */
export async function countWebhooks(
  db: Db,
): Promise<{ webhooks: Record<'well' | 'failing' | 'disabled', number>; deliveries: Record<'queued' | 'dead', number> }> {
  const [r] = await rowsOf<Record<'total' | 'failing' | 'disabled' | 'queued' | 'dead', number>>(
    db,
    `select (select count(*) from webhooks) as total,
      (select count(*) from webhooks where disabled_at is null and failing_since is not null) as failing,
      (select count(*) from webhooks where disabled_at is not null) as disabled,
      (select count(*) from webhook_deliveries where state = 'queued') as queued,
      (select count(*) from webhook_deliveries where state = 'dead') as dead`,
    [],
  );
  const { total = 0, failing = 0, disabled = 0, queued = 0, dead = 0 } = r ?? {};
  return { webhooks: { well: total - failing - disabled, failing, disabled }, deliveries: { queued, dead } };
}
