import type { Ctx } from '../../ctx.ts';
import type { MemberPersonal } from '../../model/member.ts';
import type { MessagePersonal } from '../../model/message.ts';
import { setHashes } from '../../store/members.ts';
import { breathe, forgetPlain } from '../../store/open.ts';
import { deleteSettled, hasSettled, listUnsealed, settleUnsealed, type Unsealed, unsealedTables } from '../../store/unsealed.ts';
import { sealAddress, sealContact, sealMember, sealWords, searchHashes } from './personal-data.ts';

type Tools = Pick<Ctx, 'db' | 'vault'>;

/** A transaction each: what a crash interrupts goes on at the next start. */
const batch = 200;

/** Encrypts what an older version has kept in the clear, and takes that out of the files. Call it under the setup lock. */
export async function sealPlain(tools: Tools): Promise<void> {
  const { db } = tools;
  for (;;) {
    const found = await listUnsealed(db, batch);
    if (found.length === 0) break;
    await db.transaction(async trx => {
      // Those of the batch before: the last ones stay.
      await deleteSettled(trx);
      for (const one of found) {
        await settleUnsealed(trx, one, sealedOf(tools, one));
        if (one.kind === 'member') await setHashes(trx, one.rowId, searchHashes(tools, one.value as MemberPersonal));
      }
    });
    await breathe();
  }
  if (!(await hasSettled(db))) return;
  await forgetPlain(db, unsealedTables);
  await deleteSettled(db);
}

function sealedOf(tools: Tools, { kind, rowId, value }: Unsealed): Uint8Array {
  switch (kind) {
    case 'member':
      return sealMember(tools, rowId, value as MemberPersonal);
    case 'account':
      return sealContact(tools, rowId, value as string[]);
    case 'message':
      return sealAddress(tools, rowId, value as MessagePersonal);
    default:
      return sealWords(tools, kind, rowId, value as string);
  }
}
