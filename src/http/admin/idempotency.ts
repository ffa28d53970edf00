import { openAnswer, sealAnswer } from '../../ca/sealed/kept-answer.ts';
import type { Ctx } from '../../ctx.ts';
import { base64url } from '../../model/encoding.ts';
import { asProblem, Problem } from '../../model/problem.ts';
import { claimAnswer, type KnownAnswer, keepAnswer, releaseAnswer } from '../../store/idempotency.ts';
import type { Reply } from '../reply.ts';

/** The request's own answer, however often it is sent. @throws Problem 400, 409, 422, and what the work throws */
export async function once(
  ctx: Ctx,
  name: { tokenId: string; key: string | undefined; request: (string | Uint8Array)[] },
  work: () => Promise<Reply>,
): Promise<Reply> {
  const { tokenId, key } = name;
  if (key === undefined) return work();
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new Problem('malformed', 'An Idempotency-Key is 1 to 255 visible ASCII characters.', {
      errors: [{ detail: 'is 1 to 255 visible ASCII characters', header: 'Idempotency-Key' }],
    });
  // Whatever a caller calls it, a name or an address: only whether it is the same matters, and nobody who has the database alone can try.
  const { vault } = ctx;
  const [newest = '', ...older] = vault.macs('idempotency key', key).map(base64url);
  const request = { tokenId, keys: [newest, ...older] as const, requestHash: vault.mac(requestPurpose, ...name.request) };
  const known = await claimAnswer(ctx.db, request, ctx.now());
  if (known) return replay(ctx, tokenId, name.request, known);
  const claimed = { tokenId, key: newest };
  try {
    const reply = await work();
    await keepAnswer(ctx.db, claimed, sealAnswer(ctx, claimed, JSON.stringify(reply)));
    return reply;
  } catch (error) {
    // After an internal error nobody knows what was done: the name stays taken, so that it is not done twice.
    if (asProblem(error).type !== 'serverInternal') await releaseAnswer(ctx.db, claimed);
    throw error;
  }
}

const requestPurpose = 'idempotent request';

function replay(ctx: Ctx, tokenId: string, request: readonly (string | Uint8Array)[], { key, requestHash, answer }: KnownAnswer): Reply {
  if (!ctx.vault.isMac(requestHash, requestPurpose, ...request))
    throw new Problem('malformed', 'This Idempotency-Key was used for another request; take a new one.', { status: 422 });
  if (!answer)
    throw new Problem(
      'malformed',
      'The request with this Idempotency-Key is being worked on, or was broken off: ask again, and if this stays, look whether it was done.',
      { status: 409, retryAfter: 1 },
    );
  return JSON.parse(openAnswer(ctx, { tokenId, key }, answer));
}
