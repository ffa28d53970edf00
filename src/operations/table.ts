import { accountOperations } from './account.ts';
import { auditOperations } from './audit.ts';
import { certOperations } from './cert.ts';
import { crlOperations } from './crl.ts';
import { directoryOperations } from './directory.ts';
import { domainOperations } from './domain.ts';
import { eabOperations } from './eab.ts';
import { feedOperations } from './feed.ts';
import { incidentOperations } from './incident.ts';
import { issuerOperations } from './issuer.ts';
import { ledgerOperations } from './ledger.ts';
import { memberOperations } from './member.ts';
import { memberDataOperations } from './member-data.ts';
import type { Operation } from './operation.ts';
import { orderOperations } from './order.ts';
import { outboxOperations } from './outbox.ts';
import { renewalOperations } from './renewal.ts';
import { reportOperations } from './report.ts';
import { revocationOperations } from './revocation.ts';
import { tokenOperations } from './token.ts';
import { vaultOperations } from './vault.ts';
import { webhookOperations } from './webhook.ts';

/** The only list. */
export const operations: Operation[] = [
  ...memberOperations,
  ...memberDataOperations,
  ...eabOperations,
  ...directoryOperations,
  ...accountOperations,
  ...domainOperations,
  ...orderOperations,
  ...certOperations,
  ...renewalOperations,
  ...revocationOperations,
  ...crlOperations,
  ...issuerOperations,
  ...outboxOperations,
  ...feedOperations,
  ...webhookOperations,
  ...tokenOperations,
  ...reportOperations,
  ...ledgerOperations,
  ...incidentOperations,
  ...vaultOperations,
  ...auditOperations,
];
