import type { ChallengeTypeName } from '../model/challenge.ts';
import type { ChallengeType } from './challenge-type.ts';
import { dns01 } from './dns-01.ts';
import { emailMailbox01 } from './email-mailbox-01.ts';
import { http01 } from './http-01.ts';
import { tlsAlpn01 } from './tls-alpn-01.ts';

/** The only list: a name of the model without a line here does not compile. */
export const challengeTypes: Record<ChallengeTypeName, ChallengeType> = {
  'email-mailbox-01': emailMailbox01,
  'http-01': http01,
  'dns-01': dns01,
  'tls-alpn-01': tlsAlpn01,
};
