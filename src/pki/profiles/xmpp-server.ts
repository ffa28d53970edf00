import { seconds } from '../../model/seconds.ts';
import type { Profile } from './profile.ts';

/** RFC 6120 §13.7.1.2 with RFC 4985 names; no XmppAddr, on which a widely used server crashes. */
export const xmppServer: Profile = {
  description: 'XMPP server, 90 days: host names and SRV names, for clients and for other servers. The default.',
  lifetime: 90 * seconds.day,
  altNames: ['dns', 'srv'],
  revocable: true,
};
