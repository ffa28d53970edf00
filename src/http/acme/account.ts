import { transact } from '../../ca/act.ts';
import { record } from '../../ca/audit/record.ts';
import { accountSubject } from '../../ca/audit/subjects.ts';
import { deactivateAccount } from '../../ca/members/deactivate-account.ts';
import { type Entry, enroll } from '../../ca/members/enroll.ts';
import { openContact, sealContact } from '../../ca/sealed/personal-data.ts';
import type { Account } from '../../model/account.ts';
import { isObject } from '../../model/json.ts';
import { type Order, orderStatus } from '../../model/order.ts';
import { Problem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import { findAccountByKey, updateContact } from '../../store/accounts.ts';
import { findAuthorizations } from '../../store/authorizations.ts';
import { isBlockedKey } from '../../store/blocked-keys.ts';
import { lockMember } from '../../store/members.ts';
import { isDuplicate, type Trx } from '../../store/open.ts';
import { findOrders, listOrderIds } from '../../store/orders.ts';
import type { Reply } from '../reply.ts';
import { memberDirectoryOf } from './directory.ts';
import { readBinding } from './external-account.ts';
import type { AccountKey } from './jws.ts';
import { presentAccount } from './present.ts';
import { type Acme, type ByAccount, type ByKey, isPostAsGet, objectOf, refusePayload } from './request.ts';

/** RFC 8555 §7.3; through a member's directory it needs no binding. */
export async function newAccount(acme: Acme, request: ByKey): Promise<Reply> {
  const { ctx, urls } = acme;
  const payload = objectOf(request);
  const existing = await findAccountByKey(ctx.db, request.key.thumbprint);
  if (existing) return presentExisting(acme, existing);
  if (payload['onlyReturnExisting'] === true) throw new Problem('accountDoesNotExist', 'This key has no account here.');

  await refuseBlocked(acme, request.key);
  const contact = readContact(payload['contact']) ?? [];
  const terms = ctx.config.policy.termsOfService;
  if (terms !== null && payload['termsOfServiceAgreed'] !== true)
    throw new Problem('userActionRequired', `Agree to the terms of service, ${terms}, with "termsOfServiceAgreed": true.`, {
      instance: terms,
      links: [`<${terms}>;rel="terms-of-service"`],
    });
  const entry = await entryOf(acme, request, payload);
  const { jwk, thumbprint } = request.key;
  try {
    const account = await enroll(ctx, {
      jwk,
      thumbprint,
      contact,
      entry,
      actor: request.actor,
      ...(terms !== null && { termsAgreed: terms }),
    });
    return { status: 201, headers: { Location: urls.account(account.id) }, body: presentAccount(account, contact, urls) };
  } catch (error) {
    // Two requests at once: the other made it.
    const made = isDuplicate(error) ? await findAccountByKey(ctx.db, thumbprint) : undefined;
    if (!made) throw error;
    return presentExisting(acme, made);
  }
}

/** A key that was reported as compromised is good for nothing any more. @throws Problem badPublicKey */
export async function refuseBlocked({ ctx }: Acme, { key }: AccountKey): Promise<void> {
  const blocked = await isBlockedKey(ctx.db, sha256(key.export({ format: 'der', type: 'spki' })));
  if (blocked) throw new Problem('badPublicKey', 'This key was reported as compromised and is blocked for ever; make a new key.');
}

/** §7.3.1. A deactivated account stays deactivated (§7.3.6). */
function presentExisting({ ctx, urls }: Acme, account: Account): Reply {
  if (account.status !== 'valid') throw new Problem('unauthorized', `The account of this key is ${account.status}.`, { status: 401 });
  return { status: 200, headers: { Location: urls.account(account.id) }, body: presentAccount(account, openContact(ctx, account), urls) };
}

async function entryOf(acme: Acme, request: ByKey, payload: Record<string, unknown>): Promise<Entry> {
  const { secret } = request.params;
  if (secret !== undefined) return { door: 'directory', directory: await memberDirectoryOf(acme.ctx.db, secret, acme.ctx.now()) };
  const binding = payload['externalAccountBinding'];
  if (binding === undefined) return { door: 'none' };
  if (!isObject(binding)) throw new Problem('malformed', '"externalAccountBinding" is a JWS object (RFC 8555 §7.3.4).');
  return readBinding(acme, binding, request);
}

/** RFC 8555 §7.3: mailto URLs with one address and no header fields (RFC 6068). @throws Problem */
function readContact(contact: unknown): string[] | undefined {
  if (contact === undefined) return undefined;
  if (!Array.isArray(contact) || contact.some(c => typeof c !== 'string')) throw new Problem('malformed', '"contact" is an array of URLs.');
  if (contact.length > 10) throw new Problem('invalidContact', 'Ten contacts are enough.');
  for (const url of contact as string[]) {
    if (!/^mailto:/i.test(url)) throw new Problem('unsupportedContact', 'Contacts are mailto URLs only.');
    const address = url.slice('mailto:'.length);
    if (
      !/^[A-Za-z0-9!#$%&'*+/=^_`{|}~.-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}$/.test(address) ||
      address.length > 254
    )
      throw new Problem('invalidContact', 'A contact is one plain mail address, without header fields: mailto:admin@example.org.');
  }
  return contact as string[];
}

/** §7.3.2, §7.3.6, and POST-as-GET. Everything but `contact` and a `status` of "deactivated" is ignored, `termsOfServiceAgreed` too. */
export async function account(acme: Acme, request: ByAccount): Promise<Reply> {
  const { ctx, urls } = acme;
  refuseOther(request);
  if (isPostAsGet(request)) return { status: 200, body: presentAccount(request.account, openContact(ctx, request.account), urls) };
  const payload = objectOf(request);
  if (payload['status'] === 'deactivated') return deactivate(acme, request);
  const contact = readContact(payload['contact']);
  if (contact) {
    await transact(ctx, request.actor, async act => {
      const { id, memberId } = request.account;
      if (contact.length && memberId !== undefined) await refuseLeft(act.trx, memberId);
      await updateContact(act.trx, id, contact.length ? sealContact(ctx, id, contact) : undefined);
      await record(act, { action: 'account.updated', subject: accountSubject(request.account) });
    });
  }
  return { status: 200, body: presentAccount(request.account, contact ?? openContact(ctx, request.account), urls) };
}

/** What was erased of a member that has left does not come back. @throws Problem */
async function refuseLeft(trx: Trx, memberId: string): Promise<void> {
  if ((await lockMember(trx, memberId))?.status === 'left')
    throw new Problem('unauthorized', 'The member of this account has left the federation; no contacts are stored for it any more.');
}

async function deactivate({ ctx, urls }: Acme, { account, actor }: ByAccount): Promise<Reply> {
  const moved = await transact(ctx, actor, act => deactivateAccount(act, account));
  if (!moved) throw new Problem('unauthorized', 'The account was deactivated already.', { status: 401 });
  return { status: 200, body: presentAccount({ ...account, status: 'deactivated' }, openContact(ctx, account), urls) };
}

function refuseOther({ params, account }: ByAccount): void {
  if (params['id'] !== account.id) throw new Problem('unauthorized', 'This is the URL of another account.');
}

const pageSize = 50;

/** §7.1.2.1, newest first; the next page by `Link: rel="next"`. */
export async function orders(acme: Acme, request: ByAccount): Promise<Reply> {
  const { ctx, urls } = acme;
  refuseOther(request);
  refusePayload(request);
  const page = await listOrderIds(ctx.db, request.account.id, ctx.now(), pageSize + 1, readCursor(request.query.get('cursor')));
  const last = page.slice(0, pageSize).at(-1);
  const more = page.length > pageSize && last;
  return {
    status: 200,
    ...(more && { headers: { Link: `<${urls.orders(request.account.id, `${last.createdAt}-${last.id}`)}>;rel="next"` } }),
    body: { orders: (await withoutInvalid(ctx, page.slice(0, pageSize))).map(urls.order) },
  };
}

/** Some are invalid by their authorizations alone. */
async function withoutInvalid({ db, now }: Acme['ctx'], page: { id: string }[]): Promise<string[]> {
  const orders = await findOrders(
    db,
    page.map(o => o.id),
  );
  const open = orders.filter(o => o.state === 'open').flatMap(o => o.authorizationIds);
  const authorizations = new Map((await findAuthorizations(db, [...new Set(open)])).map(a => [a.id, a]));
  const statusOf = (order: Order) =>
    orderStatus(
      order,
      order.authorizationIds.flatMap(id => authorizations.get(id) ?? []),
      now(),
    );
  return orders.filter(o => statusOf(o) !== 'invalid').map(o => o.id);
}

function readCursor(cursor: string | null): { createdAt: number; id: string } | undefined {
  if (cursor === null) return undefined;
  const match = /^(\d{1,12})-([a-z2-7]{1,32})$/.exec(cursor);
  if (!match) throw new Problem('malformed', 'This cursor is not one that the server gave.');
  return { createdAt: Number(match[1]), id: match[2] ?? '' };
}
