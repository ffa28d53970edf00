import { answerChallenge } from '../../ca/domains/answer-challenge.ts';
import { refuseSuspended } from '../../ca/domains/authorize.ts';
import type { Ctx } from '../../ctx.ts';
import type { Authorization } from '../../model/authorization.ts';
import type { Challenge } from '../../model/challenge.ts';
import { notFound } from '../../model/problem.ts';
import { findChallengeAndAuthorization } from '../../store/authorizations.ts';
import type { Reply } from '../reply.ts';
import { presentChallenge } from './present.ts';
import { type Acme, type ByAccount, isPostAsGet, objectOf, ownedBy } from './request.ts';

/** RFC 8555 §7.5.1: a payload answers it, POST-as-GET reads it. */
export async function challenge(acme: Acme, request: ByAccount): Promise<Reply> {
  const { ctx, urls } = acme;
  const id = request.params['id'] ?? '';
  const found = await findChallengeAndAuthorization(ctx.db, id);
  if (!found) throw notFound('challenge');
  ownedBy(request.account, found.authorization, 'challenge');
  const now = isPostAsGet(request) ? found.challenge : await answer(ctx, request, found);
  const open = now.status === 'pending' || now.status === 'processing';
  // Clients poll at their own pace unless told; a code needs a person.
  const pause = now.mailbox && now.status === 'pending' ? '60' : '1';
  return {
    status: 200,
    headers: { Link: `<${urls.authorization(found.authorization.id)}>;rel="up"`, ...(open && { 'Retry-After': pause }) },
    body: presentChallenge(now, urls),
  };
}

function answer(ctx: Ctx, request: ByAccount, found: { challenge: Challenge; authorization: Authorization }): Promise<Challenge> {
  refuseSuspended(request.member);
  return answerChallenge(ctx, request, found, objectOf(request));
}
