import type { Ctx } from '../ctx.ts';
import { clock } from '../model/audit.ts';
import { eraseContactsOfSpent } from '../store/accounts.ts';
import { erasePersonalBefore } from '../store/audit.ts';
import { eraseLabelsOfSpent } from '../store/doors.ts';
import { contactsToErase, markContactsErased, replacePersonal } from '../store/members.ts';
import { breathe, forgetDeleted, type Trx } from '../store/open.ts';
import { openMember, sealMember, searchHashes } from './personal.ts';
import { record } from './record.ts';
import { underLease } from './under-lease.ts';

/** Records and members in one transaction: the database is never held for long. */
const batch = 500;

const day = 86400;

/** Erases what was kept for as long as the configuration says, by one process of many. */
export async function forgetDue(ctx: Ctx): Promise<void> {
  await underLease(ctx, 'forget', async () => {
    if (!(await forgetSome(ctx))) return;
    while (!ctx.background.ending.aborted && (await forgetSome(ctx))) await breathe();
    await forgetDeleted(ctx.db);
  });
}

/** Nothing is erased that is not on record. @returns whether there was anything */
async function forgetSome(ctx: Ctx): Promise<boolean> {
  const { keepAddressDays, keepContactDays } = ctx.config.privacy;
  const now = ctx.now();
  return ctx.db.transaction(async trx => {
    const erased = {
      // Whose requests the audit log has recorded; what it is the log of stays.
      addresses: await erasePersonalBefore(trx, now - keepAddressDays * day, batch),
      accounts: await eraseContactsOfSpent(trx, now - keepContactDays * day),
      labels: await eraseLabelsOfSpent(trx, now - keepContactDays * day),
      members: await forgetContacts(ctx, trx, now - keepContactDays * day),
    };
    if (Object.values(erased).every(count => count === 0)) return false;
    await record(ctx, trx, now, { action: 'personal-data.erased', actor: clock, subject: {}, detail: erased });
    return true;
  });
}

/** Whom to write to at members that have left; their names stay until they are erased. */
async function forgetContacts(ctx: Ctx, trx: Trx, before: number): Promise<number> {
  let done = 0;
  for (const member of await contactsToErase(trx, before, batch)) {
    const personal = { name: openMember(ctx, member)?.name ?? '', contacts: [] };
    if (!(await replacePersonal(trx, member, sealMember(ctx, member.id, personal), searchHashes(ctx, personal)))) continue;
    await markContactsErased(trx, member.id, ctx.now());
    done++;
  }
  return done;
}
