import { record } from '../ca/audit/record.ts';
import type { Ctx } from '../ctx.ts';
import type { Account, Door } from '../model/account.ts';
import type { Actor } from '../model/audit.ts';
import { deactivateAccount, listAccountsByDoor } from '../store/accounts.ts';
import { deactivateAuthorizationsOfAccount } from '../store/authorizations.ts';
import type { Trx } from '../store/open.ts';

/** Deactivates the accounts that came through a door. */
export async function closeDoor(ctx: Ctx, trx: Trx, door: Door, doorId: string, actor: Actor): Promise<void> {
  for (const account of await listAccountsByDoor(trx, door, doorId)) await deactivate(ctx, trx, account, actor);
}

/** @returns whether it was valid until now */
export async function deactivate(ctx: Ctx, trx: Trx, account: Account, actor: Actor): Promise<boolean> {
  if (!(await deactivateAccount(trx, account, ctx.now()))) return false;
  await deactivateAuthorizationsOfAccount(trx, account.id);
  const subject = { account: account.id, ...(account.memberId !== undefined && { member: account.memberId }) };
  await record(ctx, trx, ctx.now(), { action: 'account.deactivated', actor, subject });
  return true;
}
