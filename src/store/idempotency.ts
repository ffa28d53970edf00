import { type Db, isDuplicate, present } from './open.ts';
import { insertRows, selectRow, updateRows } from './rows.ts';

/** Seconds that an answer is kept. */
export const answerLifetime = 86400;

/** A request that creates, named by its caller. */
export interface NamedRequest {
  tokenId: string;
  /** A hash of what the caller calls it. */
  key: string;
  requestHash: Uint8Array;
}

/** What is known of a name: the request it was used for, and the sealed answer where there is one yet. */
export interface KnownAnswer {
  requestHash: Uint8Array;
  answer?: Uint8Array;
}

interface AnswerRow {
  request_hash: Uint8Array;
  answer: Uint8Array | null;
  created_at: number;
}

const place = ({ tokenId, key }: NamedRequest) => ({ token_id: tokenId, key });

/** Takes the name for this request, unless it was used lately. @returns what it was used for */
export async function claimAnswer(db: Db, request: NamedRequest, now: number): Promise<KnownAnswer | undefined> {
  await db('idempotent_answers')
    .where(place(request))
    .where('created_at', '<=', now - answerLifetime)
    .delete();
  try {
    await insertRows(db, 'idempotent_answers', { ...place(request), request_hash: request.requestHash, created_at: now });
    return undefined;
  } catch (error) {
    if (!isDuplicate(error)) throw error;
  }
  const r = await selectRow<AnswerRow>(db, 'idempotent_answers', place(request));
  // Let go between the two statements: whoever asks again gets it.
  return r ? { requestHash: r.request_hash, ...present({ answer: r.answer }) } : { requestHash: request.requestHash };
}

export async function keepAnswer(db: Db, request: NamedRequest, answer: Uint8Array): Promise<void> {
  await updateRows(db, 'idempotent_answers', place(request), { answer });
}

/** The request was refused and has changed nothing: its name is free again. */
export async function releaseAnswer(db: Db, request: NamedRequest): Promise<void> {
  await db('idempotent_answers').where(place(request)).whereNull('answer').delete();
}

export async function pruneAnswers(db: Db, now: number): Promise<void> {
  await db('idempotent_answers')
    .where('created_at', '<=', now - answerLifetime)
    .delete();
}

/** Answers that are kept, of all tokens. */
export async function keptAnswers(db: Db): Promise<(Omit<NamedRequest, 'requestHash'> & { answer: Uint8Array })[]> {
  const rows = await db('idempotent_answers').whereNotNull('answer').select('token_id', 'key', 'answer');
  return rows.map(r => ({ tokenId: r.token_id, key: r.key, answer: r.answer }));
}

/** The request stays known, so that it is not done again; nobody learns any more what was answered. */
export async function forgetAnswer(db: Db, { tokenId, key }: Pick<NamedRequest, 'tokenId' | 'key'>): Promise<void> {
  await updateRows(db, 'idempotent_answers', { token_id: tokenId, key }, { answer: null });
}
