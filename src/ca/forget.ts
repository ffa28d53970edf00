import type { Ctx } from '../ctx.ts';
import { clock } from '../model/audit.ts';
import { eraseContactsOfSpent } from '../store/accounts.ts';
import { erasePersonalBefore } from '../store/audit.ts';
import { contactsToErase, markContactsErased, replacePersonal } from '../store/members.ts';
import { breathe, forgetDeleted } from '../store/open.ts';
import { openMember, sealMember, searchHashes } from './personal.ts';
import { record } from './record.ts';
import { underLease } from './under-lease.ts';

/** Rows in one statement: the database is never held for long. */
const batch = 500;

const day = 86400;

/** Erases what was kept for as long as the configuration says, by one process of many. */
export async function forgetDue(ctx: Ctx): Promise<void> {
  await underLease(ctx, 'forget', async () => {
    const { keepAddressDays, keepContactDays } = ctx.config.privacy;
    const now = ctx.now();
    const erased = {
      addresses: await forgetAddresses(ctx, now - keepAddressDays * day),
      accounts: await eraseContactsOfSpent(ctx.db, now - keepContactDays * day),
      members: await forgetContacts(ctx, now - keepContactDays * day),
    };
    if (Object.values(erased).every(count => count === 0)) return;
    await record(ctx, ctx.db, now, { action: 'personal-data.erased', actor: clock, subject: {}, detail: erased });
    await forgetDeleted(ctx.db);
  });
}

/** Whose requests the audit log has recorded; what it is the log of stays. */
async function forgetAddresses(ctx: Ctx, before: number): Promise<number> {
  for (let done = 0; ; ) {
    const erased = await erasePersonalBefore(ctx.db, before, batch);
    done += erased;
    if (erased < batch || ctx.background.ending.aborted) return done;
    await breathe();
  }
}

/** Whom to write to at members that have left; their names stay until they are erased. */
async function forgetContacts(ctx: Ctx, before: number): Promise<number> {
  for (let done = 0; ; ) {
    const members = await contactsToErase(ctx.db, before, batch);
    await ctx.db.transaction(async trx => {
      for (const member of members) {
        const personal = { name: openMember(ctx, member)?.name ?? '', contacts: [] };
        if (!(await replacePersonal(trx, member, sealMember(ctx, member.id, personal), searchHashes(ctx, personal)))) continue;
        await markContactsErased(trx, member.id, ctx.now());
        done++;
      }
    });
    if (members.length < batch || ctx.background.ending.aborted) return done;
    await breathe();
  }
}
