import { certificateCases } from './certificates.ts';
import { acmeTinyCases } from './clients/acme-tiny.ts';
import { certbotCases } from './clients/certbot.ts';
import { dehydratedCases } from './clients/dehydrated.ts';
import { ejabberdCases } from './clients/ejabberd.ts';
import { legoCases } from './clients/lego.ts';
import { uacmeCases } from './clients/uacme.ts';
import { federationCases } from './federation.ts';
import { issuerCases } from './issuers.ts';
import { logCases } from './log.ts';
import { mailboxCases } from './mailbox.ts';
import { readmeCases } from './readme.ts';
import { operatorCases } from './readme-operator.ts';
import { statusCases } from './status.ts';
import type { Case } from './trial.ts';

/** Every case, in the order of the run. */
export const cases: Case[] = [
  ...certificateCases,
  ...statusCases,
  ...certbotCases,
  ...legoCases,
  ...dehydratedCases,
  ...uacmeCases,
  ...acmeTinyCases,
  ...ejabberdCases,
  ...mailboxCases,
  ...logCases,
  ...readmeCases,
  ...operatorCases,
  ...federationCases,
  // Last: from then on another issuing CA signs.
  ...issuerCases,
];
