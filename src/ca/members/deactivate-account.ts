import type { Account, Door } from '../../model/account.ts';
import { listAccountsByDoor, moveToDeactivated } from '../../store/accounts.ts';
import { deactivateAuthorizationsOfAccount } from '../../store/authorizations.ts';
import type { Act } from '../act.ts';
import { record } from '../audit/record.ts';
import { accountSubject } from '../audit/subjects.ts';

/** Closes an account for good (RFC 8555 §7.3.6): its key is retired, and its authorizations end. @returns whether it was valid until now */
export async function deactivateAccount(act: Act, account: Account): Promise<boolean> {
  if (!(await moveToDeactivated(act.trx, account, act.now))) return false;
  await deactivateAuthorizationsOfAccount(act.trx, account.id);
  await record(act, { action: 'account.deactivated', subject: accountSubject(account) });
  return true;
}

/** Deactivates the accounts that came through a door. */
export async function closeDoor(act: Act, door: Door, doorId: string): Promise<void> {
  for (const account of await listAccountsByDoor(act.trx, door, doorId)) await deactivateAccount(act, account);
}
