import { seconds } from '../../model/seconds.ts';
import type { Profile } from './profile.ts';

/** RFC 3920 §5.1.1: for older software that looks at XmppAddr first, which then must mirror every dNSName. */
export const xmppServerAddr: Profile = {
  description: 'XMPP server, 90 days, with XmppAddr names besides, for older software. Some ejabberd versions fail on it.',
  lifetime: 90 * seconds.day,
  altNames: ['dns', 'srv', 'xmppAddr'],
  revocable: true,
};
