import type { Evidence } from '../../challenges/challenge-type.ts';
import type { Account } from '../../model/account.ts';
import { type Authorization, authorizationLifetime } from '../../model/authorization.ts';
import type { Challenge } from '../../model/challenge.ts';
import { about, type Problem } from '../../model/problem.ts';
import { moveAuthorization, moveChallenge } from '../../store/authorizations.ts';
import { insertProof } from '../../store/proofs.ts';
import type { Act } from '../act.ts';
import { record } from '../audit/record.ts';
import { accountSubject } from '../audit/subjects.ts';
import { newId } from '../ids.ts';
import { acceptProof, proofEnd } from './accept-proof.ts';

/** A challenge with its authorization, and the account that is to be authorized. */
export interface Attempt {
  challenge: Challenge;
  authorization: Authorization;
  account: Account;
}

/** Whom a record of it concerns. */
export const attemptSubject = ({ challenge, authorization, account }: Attempt): Record<string, string> => ({
  ...accountSubject(account),
  authorization: authorization.id,
  challenge: challenge.id,
});

/** The name is proved. Nothing happens where the challenge or the authorization has moved meanwhile. @throws Problem unauthorized where another member holds the domain */
export async function succeed(act: Act, attempt: Attempt, evidence: Evidence): Promise<void> {
  const { ctx, trx, now } = act;
  const { challenge, authorization, account } = attempt;
  if (!(await moveChallenge(trx, challenge.id, challenge.mailbox ? 'pending' : 'processing', 'valid', { validatedAt: now }))) return;
  // A proof by mailbox serves the whole member, and ends what it has made when it ends.
  const proof = challenge.mailbox &&
    account.memberId !== undefined && { id: newId(ctx), memberId: account.memberId, expiresAt: proofEnd(ctx, now) };
  const expiresAt = Math.min(now + authorizationLifetime.valid, proof ? proof.expiresAt : Number.POSITIVE_INFINITY);
  const change = { expiresAt, method: challenge.type, ...(proof && { proofId: proof.id }) };
  if (!(await moveAuthorization(trx, authorization.id, 'pending', 'valid', change))) return;
  const detail = { name: authorization.name, type: challenge.type, ...evidence };
  await record(act, { action: 'challenge.valid', subject: attemptSubject(attempt), detail });
  if (!proof) return;
  const begun = { ...proof, domain: authorization.name, mailbox: String(evidence['mailbox']), status: 'pending', createdAt: now } as const;
  await insertProof(trx, begun);
  await acceptProof(act, begun, detail);
}

export async function fail(act: Act, attempt: Attempt, problem: Problem): Promise<void> {
  const { trx } = act;
  const { challenge, authorization } = attempt;
  if (!(await moveChallenge(trx, challenge.id, 'processing', 'invalid', { error: about(authorization.name, problem).toJSON() }))) return;
  await moveAuthorization(trx, authorization.id, 'pending', 'invalid');
  await record(act, {
    action: 'challenge.invalid',
    subject: attemptSubject(attempt),
    detail: { name: authorization.name, type: challenge.type, error: problem.type, reason: problem.detail },
  });
}
