import { seconds } from '../model/seconds.ts';
import { type Db, lock, present } from './open.ts';
import { insertRows, places, rowsOf, updateRows } from './rows.ts';

/** Seconds that an answer is kept. */
export const answerLifetime = seconds.day;

/** A request that creates, named by its caller. */
export interface NamedRequest {
  tokenId: string;
  /** Hashes of what the caller calls it, one for each key-encryption key, the newest first. */
  keys: readonly [string, ...string[]];
  requestHash: Uint8Array;
}

/** Where an answer is kept. */
export interface AnswerName {
  tokenId: string;
  /** Of the hashes, that under which the request was claimed. */
  key: string;
}

/** What is known of a name: the request it was used for, and the sealed answer where there is one yet. */
export interface KnownAnswer {
  key: string;
  requestHash: Uint8Array;
  answer?: Uint8Array;
}

interface AnswerRow {
  key: string;
  request_hash: Uint8Array;
  answer: Uint8Array | null;
}

const place = ({ tokenId, key }: AnswerName) => ({ token_id: tokenId, key });

/** Takes the name for this request, unless it was used lately. @returns what it was used for */
export function claimAnswer(db: Db, { tokenId, keys, requestHash }: NamedRequest, now: number): Promise<KnownAnswer | undefined> {
  return db.transaction(async trx => {
    // Processes may know different keys while these are changed: no unique row stands in the way then.
    await lock(trx, `answers ${tokenId}`);
    const rows = await rowsOf<AnswerRow>(
      trx,
      `select key, request_hash, answer from idempotent_answers where token_id = ? and key in (${places(keys)}) and created_at > ?`,
      [tokenId, ...keys, now - answerLifetime],
    );
    const [r] = rows;
    if (r) return { key: r.key, requestHash: r.request_hash, ...present({ answer: r.answer }) };
    const name = place({ tokenId, key: keys[0] });
    await trx('idempotent_answers').where(name).delete();
    await insertRows(trx, 'idempotent_answers', { ...name, request_hash: requestHash, created_at: now });
    return undefined;
  });
}

export async function keepAnswer(db: Db, name: AnswerName, answer: Uint8Array): Promise<void> {
  await updateRows(db, 'idempotent_answers', place(name), { answer });
}

/** The request was refused and has changed nothing: its name is free again. */
export async function releaseAnswer(db: Db, name: AnswerName): Promise<void> {
  await db('idempotent_answers').where(place(name)).whereNull('answer').delete();
}

export async function pruneAnswers(db: Db, now: number): Promise<void> {
  await db('idempotent_answers')
    .where('created_at', '<=', now - answerLifetime)
    .delete();
}

/** Answers that are kept, of all tokens. */
export async function keptAnswers(db: Db): Promise<(AnswerName & { answer: Uint8Array })[]> {
  const rows = await db('idempotent_answers').whereNotNull('answer').select('token_id', 'key', 'answer');
  return rows.map(r => ({ tokenId: r.token_id, key: r.key, answer: r.answer }));
}

/** The request stays known, so that it is not done again; nobody learns any more what was answered. */
export async function forgetAnswer(db: Db, name: AnswerName): Promise<void> {
  await updateRows(db, 'idempotent_answers', place(name), { answer: null });
}
