import { isAtOrBelow, isWildcardFor, registrableDomain } from '../model/identifier.ts';
import type { DomainProof, ProofStatus } from '../model/member.ts';
import { seconds } from '../model/seconds.ts';
import { type Db, lock, present, type Trx } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, places, rowsOf, selectRow, updateRows } from './rows.ts';

interface ProofRow {
  id: string;
  member_id: string;
  domain: string;
  status: ProofStatus;
  mailbox: string;
  expires_at: number;
  created_at: number;
  validated_at: number | null;
  evidence: string | null;
}

function proofFromRow(r: ProofRow): DomainProof {
  return {
    id: r.id,
    memberId: r.member_id,
    domain: r.domain,
    status: r.status,
    mailbox: r.mailbox,
    expiresAt: r.expires_at,
    createdAt: r.created_at,
    ...present({ validatedAt: r.validated_at, evidence: r.evidence === null ? null : JSON.parse(r.evidence) }),
  };
}

export async function insertProof(db: Db, proof: DomainProof): Promise<void> {
  await insertRows(db, 'domain_proofs', {
    id: proof.id,
    member_id: proof.memberId,
    domain: proof.domain,
    registrable: registrableDomain(proof.domain),
    status: proof.status,
    mailbox: proof.mailbox,
    expires_at: proof.expiresAt,
    created_at: proof.createdAt,
    validated_at: proof.validatedAt,
    evidence: proof.evidence && JSON.stringify(proof.evidence),
  });
}

export async function findProof(db: Db, id: string): Promise<DomainProof | undefined> {
  const r = await selectRow<ProofRow>(db, 'domain_proofs', { id });
  return r && proofFromRow(r);
}

export async function listProofs(db: Db, filter: { memberId?: string; domain?: string } = {}, page?: Page): Promise<DomainProof[]> {
  const query = inPages(db('domain_proofs'), page);
  if (filter.memberId !== undefined) query.where({ member_id: filter.memberId });
  if (filter.domain !== undefined) query.where({ domain: filter.domain });
  return (await query).map(proofFromRow);
}

/** Living proofs of a member for any of these domains. */
export async function livingProofs(db: Db, memberId: string, domains: readonly string[], now: number): Promise<DomainProof[]> {
  const rows = await rowsOf<ProofRow>(
    db,
    `select * from domain_proofs where member_id = ? and status = 'valid' and domain in (${places(domains)}) and expires_at > ?`,
    [memberId, ...domains, now],
  );
  return rows.map(proofFromRow);
}

/**
 * Members other than this one that a proof of the domain would touch: by a living proof of the domain, of one above it that covers it or of one
 * below it, or by a living certificate for the domain, for a wildcard that stands for it, or for a name below it.
 */
export async function otherHolders(db: Db, memberId: string, domain: string, now: number): Promise<string[]> {
  const registrable = registrableDomain(domain);
  const proofs = await db('domain_proofs')
    .where({ registrable, status: 'valid' })
    .where('expires_at', '>', now)
    .whereNot({ member_id: memberId })
    .select('member_id', 'domain as name');
  const certificates = await db('certificate_names as n')
    .join('certificates as c', 'c.serial', 'n.serial')
    .where({ 'n.registrable': registrable, 'c.state': 'issued' })
    .where('c.not_after', '>', now)
    .whereNull('c.revoked_at')
    .whereNotNull('c.member_id')
    .whereNot('c.member_id', memberId)
    .distinct('c.member_id as member_id', 'n.name as name');
  const touched = [
    ...proofs.filter(({ name }) => isAtOrBelow(name, domain) || isAtOrBelow(domain, name)),
    ...certificates.filter(({ name }) => isAtOrBelow(name, domain) || isWildcardFor(name, domain)),
  ];
  return [...new Set(touched.map(r => r.member_id as string))];
}

/** `pending -> valid`, with its new end. @returns whether it moved */
export async function confirmProof(
  db: Db,
  id: string,
  now: number,
  expiresAt: number,
  evidence: Record<string, unknown>,
): Promise<boolean> {
  const change = { status: 'valid', validated_at: now, expires_at: expiresAt, evidence: JSON.stringify(evidence) };
  return (await updateRows(db, 'domain_proofs', { id, status: 'pending' }, change)) === 1;
}

export async function revokeProof(db: Db, id: string): Promise<boolean> {
  return (await db('domain_proofs').where({ id }).whereNot({ status: 'revoked' }).update({ status: 'revoked' })) === 1;
}

/** Until the transaction's end nobody else makes a proof below this registrable domain. */
export const lockDomain = (trx: Trx, domain: string): Promise<void> => lock(trx, registrableDomain(domain));

/** Codes that wait are of no use any more once a proof of the same member and domain was confirmed. */
export async function supersedeProofs(db: Db, memberId: string, domain: string, exceptId: string): Promise<void> {
  await db('domain_proofs')
    .where({ member_id: memberId, domain, status: 'pending' })
    .whereNot({ id: exceptId })
    .update({ status: 'revoked' });
}

/** Proofs of active members that lapse within so many days, with no younger one in their place, and of which nobody was told at this number of days or fewer. */
export async function lapsingProofs(db: Db, now: number, days: number): Promise<DomainProof[]> {
  const rows = await rowsOf<ProofRow>(
    db,
    `select p.* from domain_proofs p join members m on m.id = p.member_id
     where p.status = 'valid' and m.status = 'active' and p.expires_at > ? and p.expires_at <= ? and (lapse_noticed is null or lapse_noticed > ?)
     and not exists (select 1 from domain_proofs q where q.member_id = p.member_id and q.domain = p.domain and q.status = 'valid'
       and q.expires_at > p.expires_at)`,
    [now, now + days * seconds.day, days],
  );
  return rows.map(proofFromRow);
}

/** Compare-and-swap. @returns whether this call is the one that tells */
export async function noticeLapse(db: Db, id: string, days: number): Promise<boolean> {
  const moved = await db('domain_proofs')
    .where({ id })
    .where(q => q.whereNull('lapse_noticed').orWhere('lapse_noticed', '>', days))
    .update({ lapse_noticed: days });
  return moved === 1;
}
