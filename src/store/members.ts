import { isAtOrBelow, registrableDomain } from '../model/identifier.ts';
import type { DomainProof, EabKey, Member, MemberDirectory, MemberStatus, ProofStatus, RegisteredThumbprint } from '../model/member.ts';
import { type Db, present, row } from './open.ts';

export interface MemberRow {
  id: string;
  name: string;
  status: MemberStatus;
  contacts: string;
  created_at: number;
}

export function memberFromRow(r: MemberRow): Member {
  return { id: r.id, name: r.name, status: r.status, contacts: JSON.parse(r.contacts), createdAt: r.created_at };
}

export async function insertMember(db: Db, member: Member): Promise<void> {
  const { id, name, status, contacts, createdAt } = member;
  await db('members').insert({ id, name, status, contacts: JSON.stringify(contacts), created_at: createdAt });
}

export async function findMember(db: Db, id: string): Promise<Member | undefined> {
  const r = await db('members').where({ id }).first();
  return r && memberFromRow(r);
}

export async function listMembers(db: Db): Promise<Member[]> {
  return (await db('members').orderBy(['created_at', 'id'])).map(memberFromRow);
}

/** Compare-and-swap. @returns whether it moved */
export async function moveMember(db: Db, id: string, from: MemberStatus, to: MemberStatus): Promise<boolean> {
  return (await db('members').where({ id, status: from }).update({ status: to })) === 1;
}

interface EabRow {
  kid: string;
  member_id: string;
  label: string | null;
  secret: Uint8Array;
  uses_left: number | null;
  expires_at: number;
  revoked_at: number | null;
  created_at: number;
}

function eabFromRow(r: EabRow): EabKey {
  return {
    kid: r.kid,
    memberId: r.member_id,
    secret: r.secret,
    expiresAt: r.expires_at,
    createdAt: r.created_at,
    ...present({ label: r.label, usesLeft: r.uses_left, revokedAt: r.revoked_at }),
  };
}

export async function insertEabKey(db: Db, key: EabKey): Promise<void> {
  await db('eab_keys').insert(
    row({
      kid: key.kid,
      member_id: key.memberId,
      label: key.label,
      secret: Buffer.from(key.secret),
      uses_left: key.usesLeft,
      expires_at: key.expiresAt,
      created_at: key.createdAt,
    }),
  );
}

export async function findEabKey(db: Db, kid: string): Promise<EabKey | undefined> {
  const r = await db('eab_keys').where({ kid }).first();
  return r && eabFromRow(r);
}

export async function listEabKeys(db: Db): Promise<EabKey[]> {
  return (await db('eab_keys').orderBy(['created_at', 'kid'])).map(eabFromRow);
}

/** Takes one use. @returns false where it is used up, expired or revoked by now */
export async function useEabKey(db: Db, kid: string, now: number): Promise<boolean> {
  const used = await db('eab_keys')
    .where({ kid })
    .whereNull('revoked_at')
    .where('expires_at', '>', now)
    .where(q => q.whereNull('uses_left').orWhere('uses_left', '>', 0))
    .update({ uses_left: db.raw('uses_left - 1') });
  return used === 1;
}

export async function revokeEabKey(db: Db, kid: string, now: number): Promise<boolean> {
  return (await db('eab_keys').where({ kid }).whereNull('revoked_at').update({ revoked_at: now })) === 1;
}

interface DirectoryRow {
  id: string;
  member_id: string;
  profile: string | null;
  domains: string | null;
  accounts_left: number | null;
  expires_at: number | null;
  revoked_at: number | null;
  created_at: number;
}

function directoryFromRow(r: DirectoryRow): MemberDirectory {
  return {
    id: r.id,
    memberId: r.member_id,
    createdAt: r.created_at,
    ...present({
      profile: r.profile,
      domains: r.domains === null ? null : JSON.parse(r.domains),
      accountsLeft: r.accounts_left,
      expiresAt: r.expires_at,
      revokedAt: r.revoked_at,
    }),
  };
}

export async function insertDirectory(db: Db, directory: MemberDirectory, secretHash: Uint8Array): Promise<void> {
  await db('directories').insert(
    row({
      id: directory.id,
      secret_hash: Buffer.from(secretHash),
      member_id: directory.memberId,
      profile: directory.profile,
      domains: directory.domains && JSON.stringify(directory.domains),
      accounts_left: directory.accountsLeft,
      expires_at: directory.expiresAt,
      created_at: directory.createdAt,
    }),
  );
}

export async function findDirectory(db: Db, id: string): Promise<MemberDirectory | undefined> {
  const r = await db('directories').where({ id }).first();
  return r && directoryFromRow(r);
}

export async function findDirectoryBySecret(db: Db, secretHash: Uint8Array): Promise<MemberDirectory | undefined> {
  const r = await db('directories')
    .where({ secret_hash: Buffer.from(secretHash) })
    .first();
  return r && directoryFromRow(r);
}

export async function listDirectories(db: Db): Promise<MemberDirectory[]> {
  return (await db('directories').orderBy(['created_at', 'id'])).map(directoryFromRow);
}

/** Takes one account. @returns false where none is left, or it is expired or revoked by now */
export async function useDirectory(db: Db, id: string, now: number): Promise<boolean> {
  const used = await db('directories')
    .where({ id })
    .whereNull('revoked_at')
    .where(q => q.whereNull('expires_at').orWhere('expires_at', '>', now))
    .where(q => q.whereNull('accounts_left').orWhere('accounts_left', '>', 0))
    .update({ accounts_left: db.raw('accounts_left - 1') });
  return used === 1;
}

export async function revokeDirectory(db: Db, id: string, now: number): Promise<boolean> {
  return (await db('directories').where({ id }).whereNull('revoked_at').update({ revoked_at: now })) === 1;
}

interface ThumbprintRow {
  thumbprint: string;
  member_id: string;
  created_at: number;
  used_at: number | null;
}

function thumbprintFromRow(r: ThumbprintRow): RegisteredThumbprint {
  return { thumbprint: r.thumbprint, memberId: r.member_id, createdAt: r.created_at, ...present({ usedAt: r.used_at }) };
}

export async function insertThumbprint(db: Db, registered: RegisteredThumbprint): Promise<void> {
  await db('thumbprints').insert({ thumbprint: registered.thumbprint, member_id: registered.memberId, created_at: registered.createdAt });
}

export async function findThumbprint(db: Db, thumbprint: string): Promise<RegisteredThumbprint | undefined> {
  const r = await db('thumbprints').where({ thumbprint }).first();
  return r && thumbprintFromRow(r);
}

/** Its first use consumes it. */
export async function useThumbprint(db: Db, thumbprint: string, now: number): Promise<boolean> {
  return (await db('thumbprints').where({ thumbprint }).whereNull('used_at').update({ used_at: now })) === 1;
}

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
  await db('domain_proofs').insert(
    row({
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
    }),
  );
}

export async function findProof(db: Db, id: string): Promise<DomainProof | undefined> {
  const r = await db('domain_proofs').where({ id }).first();
  return r && proofFromRow(r);
}

export async function listProofs(db: Db, filter: { memberId?: string; domain?: string } = {}): Promise<DomainProof[]> {
  const query = db('domain_proofs').orderBy(['created_at', 'id']);
  if (filter.memberId !== undefined) query.where({ member_id: filter.memberId });
  if (filter.domain !== undefined) query.where({ domain: filter.domain });
  return (await query).map(proofFromRow);
}

/** Living proofs of a member for any of these domains. */
export async function livingProofs(db: Db, memberId: string, domains: readonly string[], now: number): Promise<DomainProof[]> {
  const rows = await db('domain_proofs')
    .where({ member_id: memberId, status: 'valid' })
    .whereIn('domain', domains)
    .where('expires_at', '>', now);
  return rows.map(proofFromRow);
}

/**
 * Members other than this one that a proof of the domain would touch: by a living proof of the domain, of one above it that covers it or of one
 * below it, or by a living certificate for the domain or a name below it.
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
    ...certificates.filter(({ name }) => isAtOrBelow(name, domain)),
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
  const moved = await db('domain_proofs')
    .where({ id, status: 'pending' })
    .update({ status: 'valid', validated_at: now, expires_at: expiresAt, evidence: JSON.stringify(evidence) });
  return moved === 1;
}

export async function revokeProof(db: Db, id: string): Promise<boolean> {
  return (await db('domain_proofs').where({ id }).whereNot({ status: 'revoked' }).update({ status: 'revoked' })) === 1;
}

/** An older living proof of the same member and domain gives way to a new one. */
export async function supersedeProofs(db: Db, memberId: string, domain: string, exceptId: string): Promise<void> {
  await db('domain_proofs')
    .where({ member_id: memberId, domain, status: 'pending' })
    .whereNot({ id: exceptId })
    .update({ status: 'revoked' });
}
