import { accountOperations } from './account.ts';
import { certOperations } from './cert.ts';
import { crlOperations } from './crl.ts';
import { directoryOperations } from './directory.ts';
import { domainOperations } from './domain.ts';
import { eabOperations } from './eab.ts';
import { incidentOperations } from './incident.ts';
import { issuerOperations } from './issuer.ts';
import { ledgerOperations } from './ledger.ts';
import { memberOperations } from './member.ts';
import type { Operation } from './operation.ts';
import { orderOperations } from './order.ts';
import { outboxOperations } from './outbox.ts';
import { renewalOperations } from './renewal.ts';
import { reportOperations } from './report.ts';
import { revocationOperations } from './revocation.ts';
import { tokenOperations } from './token.ts';

/** The only list. */
export const operations: Operation[] = [
  ...memberOperations,
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
  ...tokenOperations,
  ...reportOperations,
  ...ledgerOperations,
  ...incidentOperations,
];
