import type { Ctx } from '../ctx.ts';
import type { MemberPersonal } from '../model/member.ts';
import type { MessagePersonal } from '../model/message.ts';
import { setHashes } from '../store/members.ts';
import { breathe, forgetPlain } from '../store/open.ts';
import { listUnsealed, settleUnsealed, type Unsealed, unsealedTables } from '../store/unsealed.ts';
import { sealAddress, sealContact, sealMember, sealWords, searchHashes } from './personal.ts';

type Tools = Pick<Ctx, 'db' | 'vault'>;

/** A transaction each: what a crash interrupts goes on at the next start. */
const batch = 200;

/** Encrypts what an older version has kept in the clear. Call it under the setup lock. */
export async function sealPlain(tools: Tools): Promise<void> {
  for (let done = 0; ; ) {
    const found = await listUnsealed(tools.db, batch);
    if (found.length === 0) return done ? forgetPlain(tools.db, unsealedTables) : undefined;
    done += found.length;
    await tools.db.transaction(async trx => {
      for (const one of found) {
        await settleUnsealed(trx, one, sealedOf(tools, one));
        if (one.kind === 'member') await setHashes(trx, one.rowId, searchHashes(tools, one.value as MemberPersonal));
      }
    });
    await breathe();
  }
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
