import type { ProfileName } from '../../model/certificate.ts';
import type { Profile } from './profile.ts';
import { xmppServer } from './xmpp-server.ts';
import { xmppServerAddr } from './xmpp-server-addr.ts';
import { xmppServerShort } from './xmpp-server-short.ts';

/** The only list: a name of the model without a line here does not compile. */
export const profiles: Record<ProfileName, Profile> = {
  'xmpp-server': xmppServer,
  'xmpp-server-addr': xmppServerAddr,
  'xmpp-server-short': xmppServerShort,
};
