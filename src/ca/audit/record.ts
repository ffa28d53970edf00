import type { Ctx } from '../../ctx.ts';
import { type Actor, type AuditEvent, outcomeOf } from '../../model/audit.ts';
import { hex } from '../../model/encoding.ts';
import { sha256 } from '../../model/sha256.ts';
import { insertAudit } from '../../store/audit.ts';
import { type Act, transact } from '../act.ts';
import { commitTo } from './leaf.ts';

type Tools = Pick<Ctx, 'vault' | 'random'>;

/** Records what an act has done, in the transaction of the act. */
export async function record({ ctx, trx, actor, now }: Act<Tools>, ...events: AuditEvent[]): Promise<void> {
  await insertAudit(
    trx,
    ...events.map(event => {
      const { action, subject, detail } = event;
      const written = {
        ...{ at: now, action, outcome: outcomeOf(action), who: actor.who, door: actor.door, subject: JSON.stringify(subject) },
        ...(detail && { detail: JSON.stringify(detail) }),
        ...sealPersonal(ctx, actor, event.personal),
      };
      return { ...written, commitment: commitTo(written, ctx.random) };
    }),
  );
}

/** Records what changes nothing else. */
export const recordAlone = (ctx: Tools & Pick<Ctx, 'db' | 'now'>, actor: Actor, event: AuditEvent): Promise<void> =>
  transact(ctx, actor, act => record(act, event));

const place = (personalHash: Uint8Array) => ({ in: 'audit.personal' as const, row: hex(personalHash) });

/** What is personal in a record is kept apart: the log knows its salted hash, so that it can be erased without a trace in the log. */
function sealPersonal({ vault, random }: Tools, { address }: Actor, personal: Record<string, string> | undefined) {
  const facts = { ...personal, ...(address !== undefined && { address }) };
  if (Object.keys(facts).length === 0) return undefined;
  const salted = Buffer.concat([random(saltSize), Buffer.from(JSON.stringify(facts))]);
  const personalHash = sha256(salted);
  return { personal: vault.seal(place(personalHash), salted), personalHash };
}

const saltSize = 16;

/** @throws Error where the bytes are not those that were recorded, or the key is another */
export function openPersonal(
  { vault }: Pick<Ctx, 'vault'>,
  { personal, personalHash }: { personal?: Uint8Array; personalHash?: Uint8Array },
): Record<string, string> {
  if (!personal || !personalHash) return {};
  const salted = vault.open(place(personalHash), personal);
  if (Buffer.compare(sha256(salted), personalHash) !== 0) throw new Error('it is not what was recorded');
  return JSON.parse(Buffer.from(salted.subarray(saltSize)).toString());
}
