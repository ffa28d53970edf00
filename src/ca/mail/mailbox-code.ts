import type { Ctx } from '../../ctx.ts';
import { base32 } from '../../model/encoding.ts';
import { registrableDomain } from '../../model/identifier.ts';
import { Problem } from '../../model/problem.ts';
import { seconds } from '../../model/seconds.ts';
import { lock } from '../../store/open.ts';
import { countCodes } from '../../store/outbox.ts';
import type { Act } from '../act.ts';

/**
 * 32 characters of base32: 20 bytes of an HMAC under a key outside the database, so that nothing worth stealing is stored, each mailbox
 * has a code of its own, and a code for one purpose answers no other.
 */
export function mailboxCode({ vault }: Pick<Ctx, 'vault'>, ...of: Of): string {
  return asCode(vault.mac('mailbox code', ...of));
}

type Of = [purpose: 'challenge' | 'proof', id: string, domain: string, mailbox: string];
const asCode = (mac: Uint8Array): string => base32(mac.subarray(0, 20));

/** Those that answer it: what was mailed before the key was changed is as good. */
export function mailboxCodes({ vault }: Pick<Ctx, 'vault'>, ...of: Of): string[] {
  return vault.macs('mailbox code', ...of).map(asCode);
}

/** In an hour: against mail bombing. */
const mostCodes = { domain: 10, member: 60 };

/** In the transaction that queues the code: until its end no other is counted for the domain or the member. @throws Problem rateLimited */
export async function limitCodes({ trx, now }: Act, memberId: string | undefined, domain: string): Promise<void> {
  const registrable = registrableDomain(domain);
  // The domain's first, always: taken in one order, two locks never wait for each other.
  await lock(trx, `codes ${registrable}`);
  if (memberId !== undefined) await lock(trx, `codes ${memberId}`);
  const sent = await countCodes(trx, { memberId, domain: registrable }, now - seconds.hour);
  if (sent.domain >= mostCodes.domain)
    throw new Problem(
      'rateLimited',
      `${sent.domain} codes went to mailboxes of ${registrable} within an hour; ask again later. The codes already sent stay good for a day.`,
      { retryAfter: seconds.hour },
    );
  if (sent.member >= mostCodes.member)
    throw new Problem('rateLimited', `${sent.member} codes were mailed for this member within an hour; ask again later.`, {
      retryAfter: seconds.hour,
    });
}
