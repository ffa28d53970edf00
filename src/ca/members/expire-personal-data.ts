import type { Ctx } from '../../ctx.ts';
import { clock } from '../../model/audit.ts';
import { seconds } from '../../model/seconds.ts';
import { eraseContactsOfSpent } from '../../store/accounts.ts';
import { erasePersonalBefore } from '../../store/audit.ts';
import { eraseLabelsOfSpent } from '../../store/doors.ts';
import { contactsToErase, markContactsErased, replacePersonal } from '../../store/members.ts';
import { breathe, forgetDeleted } from '../../store/open.ts';
import { type Act, transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { openMember, sealMember, searchHashes } from '../sealed/personal-data.ts';
import { underLease } from '../under-lease.ts';

/** Rows in one transaction: the database is never held for long. */
const batch = 500;

type Forget = (act: Act, before: { addresses: number; contacts: number }) => Promise<number>;

/** Some of each kind. @returns how many */
const kinds: Record<string, Forget> = {
  // Whose requests the audit log has recorded; what it is the log of stays.
  addresses: ({ trx }, { addresses }) => erasePersonalBefore(trx, addresses, batch),
  accounts: ({ trx }, { contacts }) => eraseContactsOfSpent(trx, contacts),
  labels: ({ trx }, { contacts }) => eraseLabelsOfSpent(trx, contacts),
  members: (act, { contacts }) => forgetContacts(act, contacts),
};

/** Erases what was kept for as long as the configuration says, by one process of many. */
export async function forgetDue(ctx: Ctx): Promise<void> {
  await underLease(ctx, 'forget', async () => {
    let hasErased = false;
    for (const [kind, forget] of Object.entries(kinds))
      while (!ctx.background.ending.aborted && (await forgetSome(ctx, kind, forget))) {
        hasErased = true;
        await breathe();
      }
    if (hasErased) await forgetDeleted(ctx.db);
  });
}

/** Nothing is erased that is not on record. @returns whether there was anything */
async function forgetSome(ctx: Ctx, kind: string, forget: Forget): Promise<boolean> {
  const { keepAddressDays, keepContactDays } = ctx.config.privacy;
  return transact(ctx, clock, async act => {
    const { now } = act;
    const erased = await forget(act, {
      addresses: now - keepAddressDays * seconds.day,
      contacts: now - keepContactDays * seconds.day,
    });
    if (erased === 0) return false;
    await record(act, { action: 'personal-data.erased', subject: {}, detail: { [kind]: erased } });
    return true;
  });
}

/** Whom to write to at members that have left; their names stay until they are erased. */
async function forgetContacts({ ctx, trx, now }: Act, before: number): Promise<number> {
  let done = 0;
  for (const member of await contactsToErase(trx, before, batch)) {
    const personal = { name: openMember(ctx, member)?.name ?? '', contacts: [] };
    if (!(await replacePersonal(trx, member, sealMember(ctx, member.id, personal), searchHashes(ctx, personal)))) continue;
    await markContactsErased(trx, member.id, now);
    done++;
  }
  return done;
}
