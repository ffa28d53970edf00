import type { Message, MessageKind, NewMessage, OutboxState } from '../model/message.ts';
import { countNotices } from './notice-counts.ts';
import { type Db, databaseClock, present, secondsFromNow } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, rowsOf, updateRows } from './rows.ts';

interface OutboxRow {
  id: string;
  kind: MessageKind;
  refs: string;
  state: OutboxState;
  attempts: number;
  created_at: number;
  next_at: number;
  sent_at: number | null;
  last_error: string | null;
  claim_fence: number;
  personal: Uint8Array | null;
}

function fromRow(r: OutboxRow): Message {
  return {
    id: r.id,
    kind: r.kind,
    refs: JSON.parse(r.refs),
    state: r.state,
    attempts: r.attempts,
    createdAt: r.created_at,
    nextAt: r.next_at,
    fence: r.claim_fence,
    ...present({ sentAt: r.sent_at, lastError: r.last_error, personal: r.personal }),
  } as Message;
}

/** What the limits on mail count by. */
export interface Scope {
  memberId?: string | undefined;
  /** A registrable domain. */
  domain?: string | undefined;
}

/** Always in the transaction of what it tells. */
export async function queue(db: Db, id: string, message: NewMessage, now: number, scope: Scope = {}, personal?: Uint8Array): Promise<void> {
  await insertRows(db, 'outbox', {
    id,
    kind: message.kind,
    refs: JSON.stringify(message.refs),
    member_id: scope.memberId,
    domain: scope.domain,
    state: 'queued',
    attempts: 0,
    created_at: now,
    next_at: now,
    personal,
  });
}

const codes: MessageKind[] = ['challenge-code', 'proof-code'];

/** Codes that were sent since then to a registrable domain, and for a member. */
export async function countCodes(
  db: Db,
  scope: { memberId?: string | undefined; domain: string },
  since: number,
): Promise<{ domain: number; member: number }> {
  const recent = () => db('outbox').whereIn('kind', codes).where('created_at', '>', since);
  const domain = await recent().where({ domain: scope.domain }).count('* as n').first();
  const member = scope.memberId === undefined ? undefined : await recent().where({ member_id: scope.memberId }).count('* as n').first();
  return { domain: Number(domain?.['n'] ?? 0), member: Number(member?.['n'] ?? 0) };
}

/** Whether a member was told of a domain in this way since then. */
export async function wasTold(db: Db, kind: MessageKind, memberId: string, domain: string, since: number): Promise<boolean> {
  const r = await db('outbox').where({ kind, member_id: memberId, domain }).where('created_at', '>', since).first('id');
  return r !== undefined;
}

/** Messages for this process alone, for so many seconds: what is due, the oldest first, or these in any case. */
export async function claimMessages(
  db: Db,
  { now, ids, limit }: { now: number; ids?: readonly string[]; limit: number },
  seconds: number,
): Promise<Message[]> {
  const free = () => db('outbox').where({ state: 'queued' }).where('claim_until', '<=', databaseClock(db));
  const query = free().orderBy('next_at').limit(limit).select('id');
  const wanted = (await (ids ? query.whereIn('id', ids) : query.where('next_at', '<=', now))).map(r => r.id);
  if (wanted.length === 0) return [];
  // Asked again in the update: another process may have been faster.
  const rows = await free()
    .whereIn('id', wanted)
    .update({ claim_until: secondsFromNow(db, seconds), claim_fence: db.raw('claim_fence + 1') })
    .returning<OutboxRow[]>('*');
  return rows.map(fromRow);
}

/** A message that its channel has taken; `flaw`: what went wrong all the same. */
export interface Sent {
  message: Message;
  flaw?: string;
}

/** All in one transaction: a commit for each message would cost more than all else about it. */
export async function markSent(db: Db, sent: readonly Sent[], now: number): Promise<void> {
  if (sent.length === 0) return;
  await db.transaction(async trx => {
    const kinds: MessageKind[] = [];
    for (const { message, flaw } of sent) {
      const moved = await updateRows(trx, 'outbox', held(message), {
        state: 'sent',
        sent_at: now,
        attempts: message.attempts + 1,
        claim_until: 0,
        last_error: flaw ?? null,
        personal: null,
      });
      if (moved) kinds.push(message.kind);
    }
    await countNotices(trx, now, 'sent', kinds);
  });
}

/** While the claim holds. */
const held = ({ id, fence }: Message) => ({ id, state: 'queued', claim_fence: fence });

/** A failed attempt: again at `nextAt`, or dead. In a transaction. */
export async function markFailed(trx: Db, message: Message, error: string, nextAt: number | undefined, now: number): Promise<boolean> {
  const state = nextAt === undefined ? 'dead' : 'queued';
  const gone = state === 'dead' && { personal: null };
  const change = { state, attempts: message.attempts + 1, last_error: error, claim_until: 0, next_at: nextAt, ...gone };
  const moved = (await updateRows(trx, 'outbox', held(message), change)) === 1;
  if (moved && nextAt === undefined) await countNotices(trx, now, 'failed', [message.kind]);
  return moved;
}

/** What these messages say of who asked. @returns of how many */
export async function erasePersonalOfMessages(db: Db, ids: readonly string[]): Promise<number> {
  return db('outbox').whereIn('id', ids).whereNotNull('personal').update({ personal: null });
}

/** Nobody is left to tell. @returns how many waited */
export async function giveUpMessages(db: Db, ids: readonly string[], now: number): Promise<number> {
  const change = { state: 'dead', last_error: 'whom it tells was erased', personal: null };
  return db.transaction(async trx => {
    const waiting = trx('outbox').whereIn('id', ids).where({ state: 'queued' });
    const kinds = (await waiting.update(change).returning<{ kind: MessageKind }[]>('kind')).map(r => r.kind);
    await countNotices(trx, now, 'failed', kinds);
    return kinds.length;
  });
}

/** Back to the queue untried: another process may have it at once. */
export async function releaseMessage(db: Db, message: Message): Promise<void> {
  await updateRows(db, 'outbox', held(message), { claim_until: 0 });
}

export async function listMessages(db: Db, states: readonly OutboxState[], page?: Page): Promise<Message[]> {
  return (await inPages(db('outbox').whereIn('state', states), page)).map(fromRow);
}

/** What waits and what was given up. The states stand in the text: the indexes are of these alone. */
export async function countMessages(db: Db): Promise<Record<'queued' | 'dead', number>> {
  const sql = `select (select count(*) from outbox where state = 'queued') as queued, (select count(*) from outbox where state = 'dead') as dead`;
  const [counts] = await rowsOf<Record<'queued' | 'dead', number>>(db, sql, []);
  return { queued: Number(counts?.queued), dead: Number(counts?.dead) };
}

export async function findMessages(db: Db, ids: readonly string[]): Promise<Message[]> {
  return (await db('outbox').whereIn('id', ids).orderBy(['created_at', 'id'])).map(fromRow);
}

/** Dead and waiting ones get another try at once. @returns their ids */
export async function retryMessages(db: Db, now: number, id?: string): Promise<string[]> {
  const query = db('outbox').whereIn('state', ['dead', 'queued']);
  if (id !== undefined) query.where({ id });
  const rows = await query.update({ state: 'queued', next_at: now, attempts: 0 }).returning<{ id: string }[]>('id');
  return rows.map(r => r.id);
}
