import { transact } from '../../ca/act.ts';
import { record } from '../../ca/audit/record.ts';
import { accountSubject } from '../../ca/audit/subjects.ts';
import { openContact } from '../../ca/sealed/personal-data.ts';
import { Problem } from '../../model/problem.ts';
import { changeKey, findAccountByKey, isRetired } from '../../store/accounts.ts';
import { isDuplicate } from '../../store/open.ts';
import type { Reply } from '../reply.ts';
import { refuseBlocked } from './account.ts';
import { checkAlgorithm, checkInner, parseJws, payloadObject, readAccountKey, sameKey } from './jws.ts';
import { presentAccount } from './present.ts';
import { type Acme, type ByAccount, objectOf } from './request.ts';

/** RFC 8555 §7.3.5: the outer JWS by the old key, the inner one by the new. */
export async function keyChange(acme: Acme, request: ByAccount): Promise<Reply> {
  const { ctx, urls } = acme;
  const inner = parseJws(objectOf(request));
  checkAlgorithm(inner.alg);
  if (!inner.jwk) throw new Problem('malformed', 'The inner JWS carries the new key as "jwk".');
  if (inner.nonce !== undefined) throw new Problem('malformed', 'The inner JWS has no "nonce".');
  if (inner.url !== request.jws.url) throw new Problem('malformed', 'Inner and outer JWS have the same "url".');
  const key = readAccountKey(inner.jwk, ctx.weakKeys);
  await checkInner(inner, key.key);
  const { account, oldKey } = payloadObject(inner.payload);
  if (account !== request.jws.kid) throw new Problem('malformed', '"account" of the inner payload is the "kid" of the outer JWS.');
  if (!sameKey(oldKey, request.account.jwk)) throw new Problem('malformed', '"oldKey" of the inner payload is the account\'s present key.');
  if (key.thumbprint === request.account.thumbprint)
    throw new Problem('malformed', 'The new key is the present one.', { status: 409, location: urls.account(request.account.id) });

  await refuseTaken(acme, key.thumbprint);
  await refuseBlocked(acme, key);
  const changed = await transact(ctx, request.actor, async act => {
    const moved = await changeKey(act.trx, request.account, key.jwk, key.thumbprint, act.now);
    // After the update, which may have waited for another change to commit.
    if (await isRetired(act.trx, key.thumbprint))
      throw new Problem('badPublicKey', 'This key was replaced or deactivated before; take a new one.');
    const detail = { from: request.account.thumbprint, to: key.thumbprint };
    if (moved) await record(act, { action: 'account.key-changed', subject: accountSubject(request.account), detail });
    return moved;
  }).catch(async error => {
    if (isDuplicate(error)) await refuseTaken(acme, key.thumbprint);
    throw error;
  });
  if (!changed) throw new Problem('malformed', 'The key was changed by another request meanwhile.');
  return { status: 200, body: presentAccount({ ...request.account, jwk: key.jwk }, openContact(ctx, request.account), urls) };
}

/** 409 with the account that has the key. */
async function refuseTaken({ ctx, urls }: Acme, thumbprint: string): Promise<void> {
  const taken = await findAccountByKey(ctx.db, thumbprint);
  if (taken) throw new Problem('malformed', 'Another account has this key.', { status: 409, location: urls.account(taken.id) });
}
