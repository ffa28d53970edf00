import type { Applicant } from '../../ca/act.ts';
import { recordAlone } from '../../ca/audit/record.ts';
import { accountSubject } from '../../ca/audit/subjects.ts';
import type { Ctx } from '../../ctx.ts';
import type { Account, Jwk } from '../../model/account.ts';
import type { Actor } from '../../model/audit.ts';
import type { Member } from '../../model/member.ts';
import { notFound, Problem } from '../../model/problem.ts';
import { findAccountAndMember } from '../../store/accounts.ts';
import type { Nonces } from '../../store/nonces.ts';
import type { Reply } from '../reply.ts';
import {
  type AccountKey,
  checkAlgorithm,
  checkSignature,
  type ParsedJws,
  parseJws,
  payloadObject,
  readAccountKey,
  readCertificateKey,
} from './jws.ts';
import type { Urls } from './urls.ts';

/** What every ACME handler works with. */
export interface Acme {
  ctx: Ctx;
  nonces: Nonces;
  urls: Urls;
}

/** A request as the router hands it on. */
export interface Incoming {
  method: string;
  params: Record<string, string>;
  query: URLSearchParams;
  /** The URL as it was handed out, from publicUrl whatever Host says: what the JWS must name (RFC 8555 §6.4). */
  url: string;
  /** publicUrl with the path as it was sent. */
  requested: string;
  contentType: string | undefined;
  body: Uint8Array;
  address: string;
}

/** A verified request (RFC 8555 §6.2). */
export interface Signed extends Incoming {
  jws: ParsedJws;
  actor: Actor;
  payload: Uint8Array;
}

/** Signed by the key in its own header. */
export interface ByKey extends Signed {
  key: AccountKey;
}

/** Signed by an account. */
export interface ByAccount extends Signed, Applicant {}

/** Who may call a route; each stack verifies before its handler sees anything. */
export type Route = { refusalsAreRecorded?: true } & (
  | { method: 'get' | 'post'; path: string; stack: 'open'; handler: (acme: Acme, request: Incoming) => Promise<Reply> | Reply }
  | { method: 'post'; path: string; stack: 'jwk'; handler: (acme: Acme, request: ByKey) => Promise<Reply> }
  | { method: 'post'; path: string; stack: 'kid'; handler: (acme: Acme, request: ByAccount) => Promise<Reply> }
  | { method: 'post'; path: string; stack: 'either'; handler: (acme: Acme, request: ByKey | ByAccount) => Promise<Reply> }
);

/** Verifies and calls the handler. @throws Problem */
export async function dispatch(acme: Acme, route: Route, incoming: Incoming): Promise<Reply> {
  switch (route.stack) {
    case 'open':
      return route.handler(acme, incoming);
    case 'jwk': {
      const request = await verify(acme, incoming);
      if (!('key' in request))
        throw new Problem('malformed', 'This request is signed with the key in its own header: send "jwk", not "kid".');
      return route.handler(acme, request);
    }
    case 'kid': {
      const request = await verify(acme, incoming);
      if (!('account' in request)) throw new Problem('malformed', 'This request is signed by an account: send "kid", not "jwk".');
      return recordingRefusal(acme, route, request, () => route.handler(acme, request));
    }
    case 'either': {
      const request = await verify(acme, incoming, true);
      return recordingRefusal(acme, route, request, () => route.handler(acme, request));
    }
  }
}

/** What an account was refused is on record. Strangers could fill the log with that: they are counted by the metrics. */
async function recordingRefusal(
  { ctx }: Acme,
  { path, refusalsAreRecorded }: Route,
  request: ByKey | ByAccount,
  handle: () => Promise<Reply>,
): Promise<Reply> {
  try {
    return await handle();
  } catch (error) {
    if (refusalsAreRecorded && 'account' in request && error instanceof Problem && error.type !== 'serverInternal') {
      const { account, actor } = request;
      // Without its words, which repeat what was sent.
      const detail = { path, type: error.type };
      await recordAlone(ctx, actor, { action: 'request.refused', subject: accountSubject(account), detail });
    }
    throw error;
  }
}

/** RFC 8555 §6.2 to §6.5, in one place. The nonce is looked at last: a request that fails before has used nothing up. */
async function verify(acme: Acme, incoming: Incoming, isCertificateKey = false): Promise<ByKey | ByAccount> {
  if (incoming.contentType !== 'application/jose+json')
    throw new Problem('malformed', 'The Content-Type of a request is application/jose+json.', { status: 415 });
  const jws = parseJws(incoming.body);
  checkAlgorithm(jws.alg);
  if (jws.url !== incoming.url || incoming.requested !== incoming.url)
    throw new Problem('unauthorized', `The "url" of the protected header and the URL of the request are not both ${incoming.url}.`);
  if (jws.nonce === undefined) throw new Problem('badNonce', 'The protected header has no "nonce".');
  const signed = { ...incoming, jws, payload: jws.payload };
  if (jws.jwk) {
    const key = isCertificateKey ? readCertificateKey(jws.jwk) : readAccountKey(jws.jwk, acme.ctx.weakKeys);
    checkSignature(jws, key.key);
    await checkNonce(acme, jws.nonce);
    return { ...signed, key, actor: { who: `key:${key.thumbprint}`, door: 'acme', address: incoming.address } };
  }
  const { account, member } = await accountOf(acme, jws.kid ?? '');
  checkSignature(jws, readAccountKey(account.jwk as Jwk, acme.ctx.weakKeys).key);
  if (account.status !== 'valid') throw new Problem('unauthorized', `The account is ${account.status}.`, { status: 401 });
  await checkNonce(acme, jws.nonce);
  return { ...signed, account, member, actor: { who: `account:${account.id}`, door: 'acme', address: incoming.address } };
}

async function checkNonce({ nonces }: Acme, nonce: string): Promise<void> {
  if (!(await nonces.use(nonce)))
    throw new Problem('badNonce', 'The nonce was used before, is too old, or is not one of this server; take the one of this answer.');
}

async function accountOf({ ctx, urls }: Acme, kid: string): Promise<{ account: Account; member?: Member }> {
  const id = urls.accountId(kid);
  const found = id === undefined ? undefined : await findAccountAndMember(ctx.db, id);
  if (!found) throw new Problem('accountDoesNotExist', '"kid" is not the URL of an account of this server.');
  return found;
}

/** RFC 8555 §6.3. @throws Problem malformed */
export function refusePayload({ payload }: Signed): void {
  if (payload.length > 0) throw new Problem('malformed', 'This resource is read by POST-as-GET: the payload is the empty string.');
}

export const isPostAsGet = ({ payload }: Signed): boolean => payload.length === 0;

export const objectOf = ({ payload }: Signed): Record<string, unknown> => payloadObject(payload);

/** A resource of another account is none of this account's business. @throws Problem */
export function ownedBy<T extends { accountId?: string }>(account: Account, resource: T | undefined, what: string): T {
  if (!resource) throw notFound(what);
  if (resource.accountId !== account.id) throw new Problem('unauthorized', `The ${what} belongs to another account.`);
  return resource;
}
