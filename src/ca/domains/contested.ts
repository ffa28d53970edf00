import type { Ctx } from '../../ctx.ts';
import { clock } from '../../model/audit.ts';
import { registrableDomain } from '../../model/identifier.ts';
import { Problem } from '../../model/problem.ts';
import { seconds } from '../../model/seconds.ts';
import { wasTold } from '../../store/outbox.ts';
import { otherHolders } from '../../store/proofs.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { deliver } from '../mail/deliver.ts';
import { queueMessage } from '../mail/queue-message.ts';

/**
 * Where another member holds the domain, a mailbox alone is not enough. Both are told; neither learns the other's name.
 * @throws Problem unauthorized
 */
export async function refuseContested(ctx: Ctx, asker: string | undefined, domain: string): Promise<void> {
  const holders = await otherHolders(ctx.db, asker ?? '', domain, ctx.now());
  if (holders.length === 0) return;
  await tellContested(ctx, asker, holders, domain);
  throw contested(domain);
}

export function contested(domain: string): Problem {
  return new Problem(
    'unauthorized',
    `Another member holds a proof or a certificate for "${domain}", so a mailbox alone is not enough: prove it by a DNS or HTTP challenge, or ask the federation's operators to decide, who can revoke what the other member holds.`,
  );
}

/** Once a day each for all names of a registrable domain: repeated attempts are no way to fill a mailbox. */
async function tellContested(ctx: Ctx, asker: string | undefined, holders: string[], domain: string): Promise<void> {
  const people = [
    ...holders.map(memberId => ({ memberId, role: 'holder' as const })),
    ...(asker === undefined ? [] : [{ memberId: asker, role: 'asker' as const }]),
  ];
  const scope = registrableDomain(domain);
  const messages = await transact(ctx, clock, async act => {
    const told: string[] = [];
    await record(act, { action: 'domain.refused', subject: asker === undefined ? {} : { member: asker }, detail: { domain } });
    for (const { memberId, role } of people) {
      if (await wasTold(act.trx, 'contested', memberId, scope, act.now - seconds.day)) continue;
      told.push(await queueMessage(act, { kind: 'contested', refs: { memberId, domain, role } }, { scope: { memberId, domain: scope } }));
    }
    return told;
  });
  ctx.background.run('deliver', () => deliver(ctx, messages));
}
