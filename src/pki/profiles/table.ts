import { type ProfileName, profileNames } from '../../model/certificate.ts';
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

/** Profiles whose certificates are in no CRL, and of whose status nobody can ask (RFC 9608): revoking one blocks its renewal. */
export const unrevocableProfiles: readonly ProfileName[] = profileNames.filter(name => !profiles[name].revocable);
