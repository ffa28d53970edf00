import { accountOperations } from './account.ts';
import { certOperations } from './cert.ts';
import { crlOperations } from './crl.ts';
import { directoryOperations } from './directory.ts';
import { domainOperations } from './domain.ts';
import { eabOperations } from './eab.ts';
import { issuerOperations } from './issuer.ts';
import { memberOperations } from './member.ts';
import { memberDataOperations } from './member-data.ts';
import type { Operation } from './operation.ts';
import { orderOperations } from './order.ts';
import { outboxOperations } from './outbox.ts';
import { renewalOperations } from './renewal.ts';
import { revocationOperations } from './revocation.ts';
import { tokenOperations } from './token.ts';
import { vaultOperations } from './vault.ts';

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
  ...tokenOperations,
  ...vaultOperations,
];
