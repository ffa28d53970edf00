import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import type { Member } from '../../model/member.ts';
import { Problem } from '../../model/problem.ts';
import { eraseContactsOfMember } from '../../store/accounts.ts';
import { erasePersonal } from '../../store/audit.ts';
import { eraseLabelsOfMember } from '../../store/doors.ts';
import { forgetAnswer, keptAnswers } from '../../store/idempotency.ts';
import { lockMember, markErased, moveMember, replacePersonal } from '../../store/members.ts';
import { forgetDeleted } from '../../store/open.ts';
import { erasePersonalOfMessages, giveUpMessages } from '../../store/outbox.ts';
import { type Act, transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { openAnswer } from '../sealed/kept-answer.ts';
import { concernsOf, messagesAbout, recordsAbout } from './records-about.ts';

/**
 * Removes what is personal of a member that has left, or with `force` makes it leave. Certificates, proofs, the tree and what was reported stay as they are. Called again after an
 * interruption, it goes on.
 * @returns in how many records of the audit log something was erased @throws Problem
 */
export async function eraseMember(
  ctx: Ctx,
  member: Member,
  { force, actor, progress }: { force: boolean; actor: Actor; progress?: (done: number) => void },
): Promise<number> {
  const { id } = member;
  const { db } = ctx;
  if (member.status !== 'left' && !force)
    throw new Problem('malformed', `The member ${id} is ${member.status}: "member remove" first, or say --force, and it leaves at once.`);
  await transact(ctx, actor, act => eraseRows(act, id));

  // A record may be committed after others that were written later: again, until nothing is found any more.
  let erased = 0;
  let before: number;
  do {
    before = erased;
    const concerns = await concernsOf(db, id);
    for await (const messages of messagesAbout(db, concerns)) {
      const ids = messages.map(m => m.id);
      await giveUpMessages(db, ids, ctx.now());
      await erasePersonalOfMessages(db, ids);
    }
    for await (const records of recordsAbout(db, concerns, 'personal')) {
      await erasePersonal(
        db,
        records.map(r => r.id),
      );
      erased += records.length;
      if (records.length) progress?.(erased);
    }
  } while (erased > before);
  for (const kept of await keptAnswers(db)) if (openAnswer(ctx, kept, kept.answer).includes(id)) await forgetAnswer(db, kept);
  await forgetDeleted(db);
  return erased;
}

async function eraseRows(act: Act, id: string): Promise<void> {
  const { trx, now } = act;
  const member = await lockMember(trx, id);
  if (!member) return;
  const subject = { member: id };
  if (member.status !== 'left') {
    if (!(await moveMember(trx, id, member.status, 'left', now))) throw changed(id);
    await record(act, { action: 'member.left', subject });
  }
  if (!(await replacePersonal(trx, member, undefined, []))) throw changed(id);
  await eraseLabelsOfMember(trx, id);
  await eraseContactsOfMember(trx, id);
  if (await markErased(trx, id, now)) await record(act, { action: 'member.erased', subject });
}

const changed = (id: string): Problem => new Problem('malformed', `The member ${id} changed meanwhile; try again.`);
