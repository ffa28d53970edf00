import { transact } from '../../ca/act.ts';
import { record } from '../../ca/audit/record.ts';
import { accountSubject } from '../../ca/audit/subjects.ts';
import { alreadyAuthorized, buildAuthorizations, gatherOffers, refuseOutside, refuseSuspended } from '../../ca/domains/authorize.ts';
import { validationOf } from '../../ca/domains/validate.ts';
import { namePolicy } from '../../config.ts';
import type { Ctx } from '../../ctx.ts';
import type { Account } from '../../model/account.ts';
import { type Authorization, authorizationStatus } from '../../model/authorization.ts';
import { identifierValue, parseIdentifier } from '../../model/identifier.ts';
import { Problem } from '../../model/problem.ts';
import { findAuthorization, insertAuthorizations, listChallenges, moveAuthorization } from '../../store/authorizations.ts';
import type { Reply } from '../reply.ts';
import { presentAuthorization } from './present.ts';
import { type Acme, type ByAccount, isPostAsGet, objectOf, ownedBy } from './request.ts';
import { requireTerms } from './terms.tsx';

/** RFC 8555 §7.4.1: pre-authorization. One that is valid already serves again. */
export async function newAuthz(acme: Acme, request: ByAccount): Promise<Reply> {
  const { ctx, urls } = acme;
  const { account, member, actor } = request;
  refuseSuspended(member);
  requireTerms(acme, account);
  const { identifier } = objectOf(request);
  const { name, already, offers } = await judge(ctx, account, identifier).catch(forbid);
  const [built] = buildAuthorizations(ctx, account, [name], { already, offers });
  if (!built) throw new Error('no authorization was built');
  const { authorization, challenges, isNew } = built;
  if (isNew) {
    await transact(ctx, actor, async act => {
      await insertAuthorizations(act.trx, [authorization], challenges);
      const subject = { ...accountSubject(account), authorization: authorization.id };
      await record(act, { action: 'authorization.created', subject, detail: { name: identifierValue(name) } });
    });
  }
  const shown = isNew ? challenges : await listChallenges(ctx.db, authorization.id);
  return {
    status: isNew ? 201 : 200,
    headers: { Location: urls.authorization(authorization.id) },
    body: presentAuthorization(authorization, shown, ctx.now(), urls),
  };
}

/** Whether the authority is willing to issue for a name, and how it can be proved. @throws Problem */
async function judge(ctx: Ctx, account: Account, identifier: unknown) {
  const name = parseIdentifier(identifier, namePolicy(ctx.config));
  if (name.wildcard) throw new Problem('malformed', 'A wildcard cannot be pre-authorized (RFC 8555 §7.4.1).');
  await refuseOutside(ctx, account, [name]);
  const already = await alreadyAuthorized(ctx, ctx.db, account, [name]);
  return { name, already, offers: already.size ? new Map() : await gatherOffers(ctx, [name]) };
}

/** §7.4.1: 403 where the authority is not willing. */
function forbid(error: unknown): never {
  if (error instanceof Problem && (error.type === 'rejectedIdentifier' || error.type === 'unsupportedIdentifier'))
    throw new Problem(error.type, error.detail, { ...error.extras, status: 403 });
  throw error;
}

/** §7.5 by POST-as-GET, §7.5.2 with `{"status": "deactivated"}`. */
export async function authorization(acme: Acme, request: ByAccount): Promise<Reply> {
  const { ctx } = acme;
  const id = request.params['id'] ?? '';
  // A client that reads while this process validates is answered when that has ended, or in a second: it need not ask again and again.
  if (isPostAsGet(request)) await ctx.background.wait(validationOf(id), 1000);
  const found = ownedBy(request.account, await findAuthorization(ctx.db, id), 'authorization');
  if (isPostAsGet(request)) return present(acme, found);
  if (objectOf(request)['status'] !== 'deactivated')
    throw new Problem('malformed', 'An authorization can only be set to {"status": "deactivated"}.');
  const status = authorizationStatus(found, ctx.now());
  if (status !== 'pending' && status !== 'valid') throw new Problem('malformed', `The authorization is ${status} already.`);
  await transact(ctx, request.actor, async act => {
    if (!(await moveAuthorization(act.trx, found.id, status, 'deactivated')))
      throw new Problem('malformed', 'The authorization changed meanwhile; read it again.');
    await record(act, { action: 'authorization.deactivated', subject: { ...accountSubject(request.account), authorization: found.id } });
  });
  return present(acme, { ...found, status: 'deactivated' });
}

async function present({ ctx, urls }: Acme, found: Authorization): Promise<Reply> {
  const challenges = await listChallenges(ctx.db, found.id);
  const busy = challenges.some(c => c.status === 'processing');
  return { status: 200, ...(busy && { headers: { 'Retry-After': '1' } }), body: presentAuthorization(found, challenges, ctx.now(), urls) };
}
