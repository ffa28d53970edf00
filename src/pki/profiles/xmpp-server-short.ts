import { seconds } from '../../model/seconds.ts';
import type { Profile } from './profile.ts';

/** RFC 9608: ends before a revocation could be noticed. */
export const xmppServerShort: Profile = {
  description: 'XMPP server, 7 days: like xmpp-server, without CRL and OCSP. For servers that renew by themselves.',
  lifetime: seconds.week,
  altNames: ['dns', 'srv'],
  revocable: false,
};
