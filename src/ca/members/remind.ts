import type { Ctx } from '../../ctx.ts';
import { clock } from '../../model/audit.ts';
import { Problem } from '../../model/problem.ts';
import { findCertificate, lockCertificates } from '../../store/certificates.ts';
import { findMember } from '../../store/members.ts';
import { breathe, type Trx } from '../../store/open.ts';
import { lapsingProofs, noticeLapse } from '../../store/proofs.ts';
import { type Ending, expiringCertificates, noticeExpiry } from '../../store/renewals.ts';
import { transact } from '../act.ts';
import { beginProof } from '../domains/prove-domain.ts';
import { queueMessage } from '../mail/queue-message.ts';
import { underLease } from '../under-lease.ts';

const batch = 200;

/** Tells members of certificates that end soon and that nothing has replaced: once for each of the configured days. By every process; each notice once. */
export async function remindOfExpiry(ctx: Ctx): Promise<void> {
  const now = ctx.now();
  for (const days of ctx.config.policy.expiryNoticeDays.toSorted((a, b) => a - b)) {
    let page: (Ending & { isReplaced: boolean })[] = [];
    do {
      if (ctx.background.ending.aborted) return;
      page = await expiringCertificates(ctx.db, now, days, { after: page.at(-1) ?? { notAfter: now, serial: '' }, limit: batch });
      const due = page.filter(c => !c.isReplaced);
      if (due.length)
        await transact(ctx, clock, async act => {
          await lockCertificates(act.trx);
          for (const { serial } of due)
            if ((await noticeExpiry(act.trx, serial, days)) && (await isOfTheFederation(act.trx, serial)))
              await queueMessage(act, { kind: 'expiring', refs: { serial } });
        });
      await breathe();
    } while (page.length === batch);
  }
}

/** A member that has left holds what it was issued, and no more is to be done for it. */
async function isOfTheFederation(trx: Trx, serial: string): Promise<boolean> {
  const memberId = (await findCertificate(trx, serial))?.memberId;
  return memberId !== undefined && (await findMember(trx, memberId))?.status !== 'left';
}

/** Days before its end at which a fresh code goes to the mailbox of a proof. */
export const lapseNoticeDays = [3, 14, 30];

/** A proof that lapses soon: a fresh code to its mailbox, and the member is told. By one process: each would send a code of its own. */
export async function remindOfLapse(ctx: Ctx): Promise<void> {
  await underLease(ctx, 'remind of lapse', async () => {
    for (const days of lapseNoticeDays)
      for (const proof of await lapsingProofs(ctx.db, ctx.now(), days)) {
        if (ctx.background.ending.aborted) return;
        const mailbox = (await freshCode(ctx, proof)) ? proof.mailbox : '';
        // After the code: what a crash interrupts is done again.
        await transact(ctx, clock, async act => {
          if (await noticeLapse(act.trx, proof.id, days))
            await queueMessage(act, { kind: 'proof-lapsing', refs: { proofId: proof.id, mailbox } });
        });
      }
  });
}

/** @returns whether a code is on its way: the domain may have lost its mailboxes, or its DNS be out of reach */
async function freshCode(ctx: Ctx, { memberId, domain, mailbox }: { memberId: string; domain: string; mailbox: string }): Promise<boolean> {
  const member = await findMember(ctx.db, memberId);
  if (!member) return false;
  try {
    await beginProof(ctx, member, { domain, mailbox }, clock);
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    ctx.log.info({ domain, reason: error.detail }, 'no fresh code for a proof that lapses');
    return false;
  }
}
