import type { Ctx } from '../../ctx.ts';
import { hex, pem, rfc3339 } from '../../model/encoding.ts';
import { groupBy } from '../../model/group-by.ts';
import { sha256 } from '../../model/sha256.ts';
import type { Delivery, Webhook } from '../../model/webhook.ts';
import type { Hook, Receiver } from '../../notify/webhook.ts';
import { type EventRecord, eventRecordsAt } from '../../store/events.ts';
import { type CheckpointRecord, findCheckpoint } from '../../store/log.ts';
import type { NewDelivery } from '../../store/webhook-deliveries.ts';
import { eventsOf } from './describe-event.ts';

/** What signs, and what did before it. */
const places = { secret: 'webhooks.secret', old_secret: 'webhooks.old_secret' } as const;
type Column = keyof typeof places;

/** How much of a hash stands in an id: enough that no two events ever have the same. */
const hashed = (bytes: Uint8Array): string => hex(bytes).slice(0, 16);

/**
 * By what it tells, not by chance: told again, an event has the id that it had. By the record's hash and not its place alone: after a rollback of the database another
 * event may be at that place, which the receiver must not take for one that it has.
 */
export const deliveryOf = (
  { id: webhookId }: Pick<Webhook, 'id'>,
  { action: type, seal: { index, recordHash } }: EventRecord,
): NewDelivery => ({
  id: `${webhookId}-${index}-${hashed(recordHash)}`,
  ...{ webhookId, type, index },
});

export const checkpointDelivery = (
  { id: webhookId }: Pick<Webhook, 'id'>,
  { logId, size, note }: Pick<CheckpointRecord, 'logId' | 'size' | 'note'>,
): NewDelivery => ({
  id: `${webhookId}-log-${size}-${hashed(sha256(Buffer.from(note)))}`,
  ...{ webhookId, type: 'log.checkpoint', index: size - 1, logId },
});

/** What each of these tells, by its id; what it tells of may be gone. */
export async function renderHooks({ db }: Pick<Ctx, 'db'>, deliveries: readonly Delivery[]): Promise<Map<string, Hook>> {
  const kinds = groupBy(deliveries, ({ type }) => (type === 'log.checkpoint' ? type : 'event'));
  const hooks = new Map<string, Hook>();
  for (const { id, type, index, logId = 0 } of kinds.get('log.checkpoint') ?? []) {
    const checkpoint = await findCheckpoint(db, logId, index + 1);
    if (checkpoint)
      hooks.set(id, { id, type, timestamp: rfc3339(checkpoint.at), data: { size: checkpoint.size, checkpoint: checkpoint.note } });
  }
  const ofEvents = kinds.get('event') ?? [];
  const records = ofEvents.length ? await eventRecordsAt(db, [...new Set(ofEvents.map(({ index }) => index))]) : [];
  const events = new Map((await eventsOf(db, records)).map(event => [event.index, event]));
  for (const { id, index } of ofEvents) {
    const event = events.get(index);
    if (event) hooks.set(id, { id, type: event.type, timestamp: rfc3339(event.time), data: { index, ...event.data } });
  }
  return hooks;
}

export const sealSecret = ({ vault }: Pick<Ctx, 'vault'>, id: string, secret: Uint8Array, column: Column = 'secret'): Uint8Array =>
  vault.seal({ in: places[column], row: id }, secret);

export const openSecret = ({ vault }: Pick<Ctx, 'vault'>, id: string, sealed: Uint8Array, column: Column = 'secret'): Uint8Array =>
  vault.open({ in: places[column], row: id }, sealed);

/** Where to, and signed by what. */
export function receiverOf(ctx: Pick<Ctx, 'vault' | 'now'>, { id, url, secret, oldSecret }: Webhook): Receiver {
  const secrets = [openSecret(ctx, id, secret)];
  if (oldSecret && oldSecret.until > ctx.now()) secrets.push(openSecret(ctx, id, oldSecret.secret, 'old_secret'));
  return { url, secrets };
}

/** What a receiver's certificate may come from, besides the system's roots: in a closed network there is no other CA than ours. */
export const ownRoots = ({ authority }: Pick<Ctx, 'authority'>): string[] => [pem('CERTIFICATE', authority.root.certificate)];
