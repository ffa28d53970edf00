import { createSecretKey } from 'node:crypto';
import { isId } from '../../ca/ids.ts';
import type { Entry } from '../../ca/members/enroll.ts';
import { Problem } from '../../model/problem.ts';
import { findEabKey } from '../../store/doors.ts';
import { isInner, parseJws, payloadObject, sameKey } from './jws.ts';
import type { Acme, ByKey } from './request.ts';

const algorithms = ['HS256', 'HS384', 'HS512'];

/** RFC 8555 §7.3.4: the inner JWS, by the MAC key, over the account's public key. @throws Problem */
export async function readBinding({ ctx }: Acme, binding: Record<string, unknown>, request: ByKey): Promise<Entry> {
  const inner = parseJws(binding);
  if (!algorithms.includes(inner.alg))
    throw new Problem('malformed', `The external account binding is signed with one of ${algorithms.join(', ')}.`);
  if (inner.kid === undefined) throw new Problem('malformed', 'The external account binding names its key by "kid".');
  if (inner.nonce !== undefined) throw new Problem('malformed', 'The external account binding has no "nonce".');
  if (inner.url !== request.jws.url)
    throw new Problem('malformed', 'The "url" of the external account binding is that of the request around it.');
  if (!sameKey(payloadObject(inner.payload), request.key.jwk))
    throw new Problem('malformed', 'The payload of the external account binding is the public key of the account.');
  // Text of a stranger: what is no identifier of ours never reaches the database.
  const key = isId(inner.kid) ? await findEabKey(ctx.db, inner.kid) : undefined;
  const secret = key && createSecretKey(ctx.vault.open({ in: 'eab_keys.secret', row: key.kid }, key.secret));
  const verified = secret && (await isInner(inner, secret));
  // One answer for an unknown kid and a wrong MAC: nobody learns which kids exist.
  if (!key || !verified)
    throw new Problem('unauthorized', 'The external account binding does not verify: its "kid" is unknown or its MAC key is another.');
  return { door: 'eab', kid: key.kid, memberId: key.memberId, binding };
}
