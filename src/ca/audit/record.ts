import type { Ctx } from '../../ctx.ts';
import { type AuditEvent, outcomeOf } from '../../model/audit.ts';
import { hex } from '../../model/encoding.ts';
import { sha256 } from '../../model/sha256.ts';
import { insertAudit } from '../../store/audit.ts';
import type { Db } from '../../store/open.ts';
import { commitTo } from './leaf.ts';

/** Records acts; always in the transaction of what they tell. */
export async function record(ctx: Pick<Ctx, 'vault' | 'random'>, trx: Db, at: number, ...events: AuditEvent[]): Promise<void> {
  await insertAudit(
    trx,
    ...events.map(event => {
      const { action, actor, subject, detail } = event;
      const written = {
        ...{ at, action, outcome: outcomeOf(action), who: actor.who, door: actor.door, subject: JSON.stringify(subject) },
        ...(detail && { detail: JSON.stringify(detail) }),
        ...sealPersonal(ctx, event),
      };
      return { ...written, commitment: commitTo(written, ctx.random) };
    }),
  );
}

const place = (personalHash: Uint8Array) => ({ in: 'audit.personal' as const, row: hex(personalHash) });

/** What is personal in a record is kept apart: the log knows its salted hash, so that it can be erased without a trace in the log. */
function sealPersonal({ vault, random }: Pick<Ctx, 'vault' | 'random'>, { actor, personal }: AuditEvent) {
  const facts = { ...personal, ...(actor.address !== undefined && { address: actor.address }) };
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
