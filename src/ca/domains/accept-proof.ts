import type { Ctx } from '../../ctx.ts';
import type { DomainProof } from '../../model/member.ts';
import { seconds } from '../../model/seconds.ts';
import { confirmProof, lockDomain, otherHolders, supersedeProofs } from '../../store/proofs.ts';
import type { Act } from '../act.ts';
import { record } from '../audit/record.ts';
import { contested } from './contested.ts';

/** When a proof that is made now ends: epoch seconds. */
export const proofEnd = ({ config }: Pick<Ctx, 'config'>, now: number): number => now + config.policy.proofDays * seconds.day;

/**
 * A code from the mailbox of a pending proof came back: the member holds the domain from now on, and this proof takes the place of its older ones.
 * @returns the end of the proof, or undefined where the proof is pending no more
 * @throws Problem unauthorized where another member holds the domain
 */
export async function acceptProof(
  act: Act,
  { id, memberId, domain, mailbox }: Pick<DomainProof, 'id' | 'memberId' | 'domain' | 'mailbox'>,
  evidence: Record<string, unknown>,
): Promise<number | undefined> {
  const { ctx, trx, now } = act;
  const expiresAt = proofEnd(ctx, now);
  if (!(await confirmProof(trx, id, now, expiresAt, evidence))) return undefined;
  // Another member may have become a holder since the first look.
  await lockDomain(trx, domain);
  if ((await otherHolders(trx, memberId, domain, now)).length) throw contested(domain);
  await supersedeProofs(trx, memberId, domain, id);
  await record(act, { action: 'domain.proved', subject: { member: memberId, proof: id }, detail: { domain, mailbox } });
  return expiresAt;
}
