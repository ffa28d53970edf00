import { type Authorization, authorizationMoves, type StoredAuthorizationStatus } from '../model/authorization.ts';
import {
  type Challenge,
  type ChallengeStatus,
  type ChallengeTypeName,
  challengeMoves,
  challengeTypeNames,
  type MailboxDetail,
} from '../model/challenge.ts';
import type { ProblemDocument } from '../model/problem.ts';
import { type Db, databaseClock, present, secondsFromNow } from './open.ts';
import { insertRows, places, rowsOf, selectRow, selectRows, updateRows } from './rows.ts';

interface AuthorizationRow {
  id: string;
  account_id: string;
  name: string;
  wildcard: number;
  status: StoredAuthorizationStatus;
  expires_at: number;
  created_at: number;
  proof_id: string | null;
  method: ChallengeTypeName | null;
}

interface ChallengeRow {
  id: string;
  authorization_id: string;
  type: ChallengeTypeName;
  token: string;
  status: ChallengeStatus;
  validated_at: number | null;
  error: string | null;
  mailbox: string | null;
}

function fromRow(r: AuthorizationRow): Authorization {
  return {
    id: r.id,
    accountId: r.account_id,
    name: r.name,
    wildcard: r.wildcard === 1,
    status: r.status,
    expiresAt: r.expires_at,
    createdAt: r.created_at,
    ...present({ proofId: r.proof_id, method: r.method }),
  };
}

function challengeFromRow(r: ChallengeRow): Challenge {
  return {
    id: r.id,
    authorizationId: r.authorization_id,
    type: r.type,
    token: r.token,
    status: r.status,
    ...present({
      validatedAt: r.validated_at,
      error: r.error === null ? null : (JSON.parse(r.error) as ProblemDocument),
      mailbox: r.mailbox === null ? null : (JSON.parse(r.mailbox) as MailboxDetail),
    }),
  };
}

export async function insertAuthorizations(db: Db, authorizations: Authorization[], challenges: Challenge[]): Promise<void> {
  const authorizationRows = authorizations.map(a => ({
    id: a.id,
    account_id: a.accountId,
    name: a.name,
    wildcard: a.wildcard ? 1 : 0,
    status: a.status,
    expires_at: a.expiresAt,
    created_at: a.createdAt,
    proof_id: a.proofId,
    method: a.method,
  }));
  const challengeRows = challenges.map(c => ({
    id: c.id,
    authorization_id: c.authorizationId,
    type: c.type,
    token: c.token,
    status: c.status,
    validated_at: c.validatedAt,
    mailbox: c.mailbox && JSON.stringify(c.mailbox),
  }));
  await insertRows(db, 'authorizations', ...authorizationRows);
  // 100 names with four challenges each stay below SQLite's limit of bound values.
  await insertRows(db, 'challenges', ...challengeRows);
}

export async function findAuthorization(db: Db, id: string): Promise<Authorization | undefined> {
  const r = await selectRow<AuthorizationRow>(db, 'authorizations', { id });
  return r && fromRow(r);
}

/** In the order of the ids. */
export async function findAuthorizations(db: Db, ids: readonly string[]): Promise<Authorization[]> {
  const rows = await rowsOf<AuthorizationRow>(db, `select * from authorizations where id in (${places(ids)})`, ids);
  const found = new Map(rows.map(r => [r.id, fromRow(r)]));
  return ids.flatMap(id => found.get(id) ?? []);
}

/** Valid ones of this account for any of the names. */
export async function reusableAuthorizations(db: Db, accountId: string, names: readonly string[], until: number): Promise<Authorization[]> {
  // One that was made while its proof was revoked is of no use.
  const rows = await rowsOf<AuthorizationRow>(
    db,
    `select * from authorizations a where account_id = ? and status = 'valid' and name in (${places(names)}) and expires_at > ?
     and (proof_id is null or exists (select 1 from domain_proofs p where p.id = a.proof_id and p.status = 'valid' and p.expires_at > ?))`,
    [accountId, ...names, until, until],
  );
  return rows.map(fromRow);
}

/** In the order of the model's list. */
export async function listChallenges(db: Db, authorizationId: string): Promise<Challenge[]> {
  const rank = (c: Challenge) => challengeTypeNames.indexOf(c.type);
  const challenges = (await selectRows<ChallengeRow>(db, 'challenges', { authorization_id: authorizationId })).map(challengeFromRow);
  return challenges.sort((a, b) => rank(a) - rank(b));
}

export async function findChallenge(db: Db, id: string): Promise<Challenge | undefined> {
  const r = await selectRow<ChallengeRow>(db, 'challenges', { id });
  return r && challengeFromRow(r);
}

/** A challenge with the authorization it belongs to. */
export async function findChallengeAndAuthorization(
  db: Db,
  id: string,
): Promise<{ challenge: Challenge; authorization: Authorization } | undefined> {
  const challenge = await findChallenge(db, id);
  const authorization = challenge && (await findAuthorization(db, challenge.authorizationId));
  return challenge && authorization && { challenge, authorization };
}

interface ChallengeChange {
  /** Seconds that the mover claims it for, with `firstClaim` as its fence. */
  claim?: number;
  validatedAt?: number;
  error?: ProblemDocument;
}

/** The fence of whoever moved a challenge to `processing`. */
export const firstClaim = 1;

/** Compare-and-swap along the table of moves. @returns whether it moved */
export async function moveChallenge(
  db: Db,
  id: string,
  from: ChallengeStatus,
  to: ChallengeStatus,
  change: ChallengeChange = {},
): Promise<boolean> {
  if (!challengeMoves[from].includes(to)) throw new Error(`a challenge does not move from ${from} to ${to}`);
  const claimed = change.claim !== undefined && { claim_until: secondsFromNow(db, change.claim), claim_fence: firstClaim };
  const error = change.error ? JSON.stringify(change.error) : null;
  return (
    (await updateRows(db, 'challenges', { id, status: from }, { status: to, validated_at: change.validatedAt, error, ...claimed })) === 1
  );
}

/** What a challenge by mail shows; only while it is pending. */
export async function updateMailbox(db: Db, id: string, mailbox: MailboxDetail): Promise<boolean> {
  return (await updateRows(db, 'challenges', { id, status: 'pending' }, { mailbox: JSON.stringify(mailbox), error: null })) === 1;
}

export async function setChallengeError(db: Db, id: string, error: ProblemDocument): Promise<void> {
  await updateRows(db, 'challenges', { id, status: 'pending' }, { error: JSON.stringify(error) });
}

interface AuthorizationChange {
  proofId?: string;
  expiresAt?: number;
  method?: ChallengeTypeName;
}

export async function moveAuthorization(
  db: Db,
  id: string,
  from: StoredAuthorizationStatus,
  to: StoredAuthorizationStatus,
  change: AuthorizationChange = {},
): Promise<boolean> {
  if (!authorizationMoves[from].includes(to)) throw new Error(`an authorization does not move from ${from} to ${to}`);
  const { expiresAt, method, proofId } = change;
  const moved = await updateRows(
    db,
    'authorizations',
    { id, status: from },
    { status: to, expires_at: expiresAt, method, proof_id: proofId },
  );
  return moved === 1;
}

/** What was made from a proof ends with it. */
export async function revokeAuthorizationsOfProof(db: Db, proofId: string): Promise<void> {
  await updateRows(db, 'authorizations', { proof_id: proofId, status: 'valid' }, { status: 'revoked' });
}

/** Those of an account that is deactivated: pending ones go nowhere any more (RFC 8555 §7.3.6). */
export async function deactivateAuthorizationsOfAccount(db: Db, accountId: string): Promise<void> {
  await db('authorizations').where({ account_id: accountId }).whereIn('status', ['pending', 'valid']).update({ status: 'deactivated' });
}

/** A processing challenge for one process alone, by the database's clock. @returns the fence, or undefined where another has it */
export async function claimChallenge(db: Db, id: string, seconds: number): Promise<number | undefined> {
  const rows = await db('challenges')
    .where({ id, status: 'processing' })
    .where('claim_until', '<=', databaseClock(db))
    .update({ claim_until: secondsFromNow(db, seconds), claim_fence: db.raw('claim_fence + 1') })
    .returning('claim_fence');
  return rows[0]?.claim_fence;
}

/** Processing ones that nobody has: what a crash interrupted. */
export async function unclaimedChallenges(db: Db, limit: number): Promise<{ id: string; authorizationId: string }[]> {
  const rows = await db('challenges')
    .where({ status: 'processing' })
    .where('claim_until', '<=', databaseClock(db))
    .limit(limit)
    .select('id', 'authorization_id');
  return rows.map(r => ({ id: r.id, authorizationId: r.authorization_id }));
}

/** Whether the claim still holds; call it in the transaction that the work ends with. */
export async function holdsChallenge(db: Db, id: string, fence: number): Promise<boolean> {
  return (await updateRows(db, 'challenges', { id, claim_fence: fence }, { claim_until: 0 })) === 1;
}

/** Those of a member's accounts, in the order of their making. */
export async function authorizationsOfMember(db: Db, memberId: string): Promise<Authorization[]> {
  const sql = 'select a.* from authorizations a join accounts o on o.id = a.account_id where o.member_id = ? order by a.created_at, a.id';
  return (await rowsOf<AuthorizationRow>(db, sql, [memberId])).map(fromRow);
}

/** Of the authorizations of a member's accounts. */
export async function challengesOfMember(db: Db, memberId: string): Promise<Challenge[]> {
  const sql = `select c.* from challenges c join authorizations a on a.id = c.authorization_id join accounts o on o.id = a.account_id
    where o.member_id = ? order by c.id`;
  return (await rowsOf<ChallengeRow>(db, sql, [memberId])).map(challengeFromRow);
}
