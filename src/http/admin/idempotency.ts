import { createHash } from 'node:crypto';
import { openAnswer, sealAnswer } from '../../ca/kept-answer.ts';
import type { Ctx } from '../../ctx.ts';
import { asProblem, Problem } from '../../model/problem.ts';
import { claimAnswer, type KnownAnswer, keepAnswer, type NamedRequest, releaseAnswer } from '../../store/idempotency.ts';
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
  const hash = createHash('sha256');
  for (const part of name.request) hash.update(part).update('\0');
  // Whatever a caller calls it, a name or an address: only whether it is the same matters.
  const request = { tokenId, key: createHash('sha256').update(key).digest('base64url'), requestHash: hash.digest() };
  const known = await claimAnswer(ctx.db, request, ctx.now());
  if (known) return replay(ctx, request, known);
  try {
    const reply = await work();
    await keepAnswer(ctx.db, request, sealAnswer(ctx, request, JSON.stringify(reply)));
    return reply;
  } catch (error) {
    // After an internal error nobody knows what was done: the name stays taken, so that it is not done twice.
    if (asProblem(error).type !== 'serverInternal') await releaseAnswer(ctx.db, request);
    throw error;
  }
}

function replay(ctx: Ctx, request: NamedRequest, known: KnownAnswer): Reply {
  if (!Buffer.from(known.requestHash).equals(request.requestHash))
    throw new Problem('malformed', 'This Idempotency-Key was used for another request; take a new one.', { status: 422 });
  if (!known.answer)
    throw new Problem(
      'malformed',
      'The request with this Idempotency-Key is being worked on, or was broken off: ask again, and if this stays, look whether it was done.',
      { status: 409, retryAfter: 1 },
    );
  return JSON.parse(openAnswer(ctx, request, known.answer));
}
