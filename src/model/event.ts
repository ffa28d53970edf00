import type { AuditAction } from './audit.ts';

/** Acts that machines are told of: the feed has all of them, a webhook those that it asks for. The index over them has this very list. */
export const eventTypes = [
  'authority.created',
  'issuer.created',
  'issuer.revoked',
  'member.added',
  'member.suspended',
  'member.activated',
  'member.left',
  'domain.proved',
  'domain.revoked',
  'credential.issued',
  'certificate.issued',
  'certificate.abandoned',
  'certificate.revoked',
] as const satisfies readonly AuditAction[];
export type EventType = (typeof eventTypes)[number];

/** What an event tells: ids and what is public anyway, nobody's name or address. */
export interface EventData {
  member?: string;
  account?: string;
  proof?: string;
  domain?: string;
  /** Of a CA certificate of ours. */
  id?: string;
  /** Of the CA that has signed it. */
  issuer?: string;
  serial?: string;
  profile?: string;
  names?: string[];
  /** RFC 3339. */
  notBefore?: string;
  notAfter?: string;
  /** PEM. */
  certificate?: string;
  /** RFC 5280 §5.3.1. */
  reason?: string;
  /** Who wanted the revocation. */
  by?: string;
}

/** An act, as it is told. */
export interface Event {
  /** Its place in the audit log: what a subscriber goes on from. */
  index: number;
  type: EventType;
  /** Epoch seconds. */
  time: number;
  data: EventData;
}
