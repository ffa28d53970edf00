import type { Knex } from 'knex';

/** Which certificates are meant: what listing, revocation and renewal by filter share. Whatever is said must hold. */
export interface CertificateFilter {
  member?: string | undefined;
  issuer?: string | undefined;
  profile?: string | undefined;
  /** SHA-256 of the SubjectPublicKeyInfo, in hex. */
  key?: string | undefined;
  serial?: string | undefined;
  /** Exactly this name is among its names. */
  name?: string | undefined;
  /** Epoch seconds, both inclusive. */
  issuedAfter?: number | undefined;
  issuedBefore?: number | undefined;
  expiresAfter?: number | undefined;
  expiresBefore?: number | undefined;
}

/** Narrows a query of `certificates`; to members' certificates in any case: our own have no order. */
export function whereMatches(query: Knex.QueryBuilder, filter: CertificateFilter): void {
  const { member, issuer, profile, key, serial, name, issuedAfter, issuedBefore, expiresAfter, expiresBefore } = filter;
  query.whereNotNull('certificates.order_id');
  if (member !== undefined) query.where('certificates.member_id', member);
  if (issuer !== undefined) query.where('certificates.issuer_id', issuer);
  if (profile !== undefined) query.where('certificates.profile', profile);
  if (key !== undefined) query.where('certificates.spki_hash', Buffer.from(key, 'hex'));
  if (serial !== undefined) query.where('certificates.serial', serial);
  if (name !== undefined) query.whereIn('certificates.serial', named => named.select('serial').from('certificate_names').where({ name }));
  if (issuedAfter !== undefined) query.where('certificates.committed_at', '>=', issuedAfter);
  if (issuedBefore !== undefined) query.where('certificates.committed_at', '<=', issuedBefore);
  if (expiresAfter !== undefined) query.where('certificates.not_after', '>=', expiresAfter);
  if (expiresBefore !== undefined) query.where('certificates.not_after', '<=', expiresBefore);
}

/** Issued, neither revoked nor expired. */
export function whereLiving(query: Knex.QueryBuilder, now: number): void {
  query.where('certificates.state', 'issued').whereNull('certificates.revoked_at').where('certificates.not_after', '>=', now);
}
