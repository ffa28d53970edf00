import type { Ctx } from '../../ctx.ts';
import type { Account, Door, Jwk } from '../../model/account.ts';
import type { Actor } from '../../model/audit.ts';
import type { Member, MemberDirectory } from '../../model/member.ts';
import { Problem } from '../../model/problem.ts';
import { insertAccount, isRetired } from '../../store/accounts.ts';
import { findThumbprint, useDirectory, useEabKey, useThumbprint } from '../../store/doors.ts';
import { lockMember } from '../../store/members.ts';
import type { Trx } from '../../store/open.ts';
import { type Act, transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { accountSubject } from '../audit/subjects.ts';
import { newId } from '../ids.ts';
import { deliver } from '../mail/deliver.ts';
import { queueMessage } from '../mail/queue-message.ts';
import { sealContact } from '../sealed/personal-data.ts';

/** The door through which a new account comes: it binds the account to a member, for good. */
export type Entry =
  | { door: 'eab'; kid: string; memberId: string; binding: Record<string, unknown> }
  | { door: 'directory'; directory: MemberDirectory }
  | { door: 'none' };

export interface Enrollment {
  jwk: Jwk;
  thumbprint: string;
  /** mailto URLs. */
  contact: string[];
  termsAgreed?: string;
  entry: Entry;
  actor: Actor;
}

/** Makes an account. @throws Problem externalAccountRequired, unauthorized; a duplicate where the key has an account by now */
export async function enroll(ctx: Ctx, { jwk, thumbprint, contact, termsAgreed, entry, actor }: Enrollment): Promise<Account> {
  const { account, messages } = await transact(ctx, actor, async act => {
    const { trx, now } = act;
    const bound = await take(act, entry, thumbprint);
    const id = newId(ctx);
    const account: Account = {
      id,
      ...bound,
      jwk,
      thumbprint,
      status: 'valid',
      createdAt: now,
      ...(contact.length && { contact: sealContact(ctx, id, contact) }),
      ...(termsAgreed !== undefined && { termsAgreed }),
      ...(entry.door === 'eab' && { externalAccountBinding: entry.binding }),
    };
    await insertAccount(trx, account);
    // After the insert, which may have waited for a key change to commit: a key that was retired never comes back (RFC 8555 §7.3.5, §7.3.6).
    if (await isRetired(trx, thumbprint))
      throw new Problem('unauthorized', 'This key was replaced or deactivated before; a new account needs a new key.');
    const detail = { door: bound.door, doorId: bound.doorId, thumbprint };
    const byItself = { ...act, actor: { ...actor, who: `account:${account.id}` } };
    await record(byItself, { action: 'account.created', subject: accountSubject(account), detail });
    const messages =
      bound.memberId === undefined ? [] : [await queueMessage(act, { kind: 'account-added', refs: { accountId: account.id } })];
    return { account, messages };
  });
  ctx.background.run('deliver', () => deliver(ctx, messages));
  return account;
}

interface Bound {
  memberId?: string;
  door: Door;
  doorId?: string;
}

/** Uses the door up, in the transaction that makes the account. */
async function take({ ctx, trx, now }: Act, entry: Entry, thumbprint: string): Promise<Bound> {
  if (entry.door === 'eab') {
    // First the member, then its key, as an erasure does: neither waits for the other.
    const bound = await active(trx, entry.memberId);
    if (!(await useEabKey(trx, entry.kid, now)))
      throw new Problem(
        'unauthorized',
        `The external account binding key "${entry.kid}" is used up, expired or revoked; ask the operators for a new one.`,
      );
    return { ...bound, door: 'eab', doorId: entry.kid };
  }
  if (entry.door === 'directory') {
    if (!(await useDirectory(trx, entry.directory.id, now)))
      throw new Problem(
        'unauthorized',
        'This member directory takes no more accounts: its number is reached, or it is expired or revoked. Ask the operators for a new one.',
      );
    return { ...(await active(trx, entry.directory.memberId)), door: 'directory', doorId: entry.directory.id };
  }
  if (await useThumbprint(trx, thumbprint, now)) {
    const registered = await findThumbprint(trx, thumbprint);
    return { ...(await active(trx, registered?.memberId ?? '')), door: 'thumbprint', doorId: thumbprint };
  }
  if (ctx.config.policy.externalAccountRequired)
    throw new Problem(
      'externalAccountRequired',
      "Certificates are for registered members only. Bind the account with an external account binding key, use the member's own directory URL, or have the key's thumbprint registered; the federation's operators give either.",
    );
  return { door: 'open' };
}

async function active(trx: Trx, memberId: string): Promise<{ memberId: string }> {
  const member: Member | undefined = await lockMember(trx, memberId);
  if (member?.status !== 'active')
    throw new Problem('unauthorized', `The membership is ${member?.status ?? 'unknown'}; no account is opened for it.`);
  return { memberId };
}
