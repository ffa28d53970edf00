/** Every act that is recorded. One list: the type, the store and the tests derive from it. */
export const auditActions = [
  'authority.created',
  'issuer.created',
  'issuer.activated',
  'issuer.revoked',
  'credential.issued',
  'member.added',
  'member.suspended',
  'member.activated',
  'member.left',
  'member.erased',
  'eab.created',
  'eab.revoked',
  'directory.created',
  'directory.revoked',
  'thumbprint.added',
  'account.created',
  'account.updated',
  'account.deactivated',
  'account.key-changed',
  'account.terms-agreed',
  'domain.prove-begun',
  'domain.proved',
  'domain.refused',
  'domain.revoked',
  'order.created',
  'order.invalid',
  'authorization.created',
  'authorization.deactivated',
  'challenge.answered',
  'challenge.valid',
  'challenge.invalid',
  'challenge.code-sent',
  'certificate.committed',
  'certificate.issued',
  'certificate.abandoned',
  'certificate.revoked',
  'key.blocked',
  'renewal.moved',
  'renewal.reset',
  'crl.published',
  'token.created',
  'token.revoked',
  'log.begun',
  'request.refused',
  'server.started',
  'server.stopped',
  'webhook.created',
  'webhook.removed',
  'webhook.rotated',
  'webhook.disabled',
  'webhook.enabled',
  'webhook.replayed',
  'ledger.added',
  'ledger.reversed',
  'incident.noted',
  'report.closed',
  'vault.rotated',
  'vault.retired',
  'personal-data.read',
  'personal-data.erased',
  'operation.refused',
] as const;
export type AuditAction = (typeof auditActions)[number];

/** Whether what was wanted was done. */
export const auditOutcomes = ['done', 'refused'] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

const refusals: ReadonlySet<AuditAction> = new Set([
  'order.invalid',
  'challenge.invalid',
  'domain.refused',
  'certificate.abandoned',
  'request.refused',
  'operation.refused',
]);
export const outcomeOf = (action: AuditAction): AuditOutcome => (refusals.has(action) ? 'refused' : 'done');

/** Who acts, and through which door. */
export interface Actor {
  /** `account:<id>`, `member:<id>`, `operator`, `token:<id>`, `key:<thumbprint>`, `clock`. */
  who: string;
  door: 'acme' | 'admin' | 'command-line' | 'clock';
  /** Address of the request, where there is one. */
  address?: string;
}

export const clock: Actor = { who: 'clock', door: 'clock' };
export const operator: Actor = { who: 'operator', door: 'command-line' };

export interface AuditEvent {
  action: AuditAction;
  /** Whom it concerns: `member`, `account`, `order`, `serial`, … to id. Never a secret, nothing personal. */
  subject: Record<string, string>;
  detail?: Record<string, unknown>;
  /** Encrypted, and erased with the member. */
  personal?: Record<string, string>;
}
