import { transact } from '../../ca/act.ts';
import { record } from '../../ca/audit/record.ts';
import { accountSubject } from '../../ca/audit/subjects.ts';
import {
  type Authorized,
  alreadyAuthorized,
  buildAuthorizations,
  gatherOffers,
  refuseOutside,
  refuseSuspended,
} from '../../ca/domains/authorize.ts';
import { newId } from '../../ca/ids.ts';
import { finalize as finalizeOrder } from '../../ca/issuance/finalize.ts';
import { refuseDuplicates } from '../../ca/issuance/limit-duplicates.ts';
import { namePolicy } from '../../config.ts';
import { backdate, type ProfileName, profileNames } from '../../model/certificate.ts';
import { fromBase64url, fromRfc3339 } from '../../model/encoding.ts';
import { type DnsName, identifierValue, parseIdentifier } from '../../model/identifier.ts';
import { type Order, orderLifetime, orderStatus } from '../../model/order.ts';
import { plural } from '../../model/plural.ts';
import { about, asProblem, compound, Problem } from '../../model/problem.ts';
import { suggestedWindow } from '../../model/renewal.ts';
import { seconds } from '../../model/seconds.ts';
import { profiles } from '../../pki/profiles/table.ts';
import { findAuthorizations, insertAuthorizations } from '../../store/authorizations.ts';
import { findOrder, insertOrder } from '../../store/orders.ts';
import type { Reply } from '../reply.ts';
import { isProfile } from './directory.ts';
import { presentOrder } from './present.ts';
import { readReplaces, refuseReplaced } from './replaces.ts';
import { type Acme, type ByAccount, objectOf, ownedBy, refusePayload } from './request.ts';
import { requireTerms } from './terms.tsx';

/** RFC 8555 §7.4, with `replaces` of RFC 9773 §5. */
export async function newOrder(acme: Acme, request: ByAccount): Promise<Reply> {
  const { ctx, urls } = acme;
  const { account, member, actor } = request;
  refuseSuspended(member);
  requireTerms(acme, account);
  const payload = objectOf(request);
  const profile = chooseProfile(payload['profile'], request.params['profile']);
  const names = readIdentifiers(acme, payload['identifiers']);
  await refuseOutside(ctx, account, names);
  const asked = readDates(payload, profile, ctx.now());
  const values = names.map(identifierValue);
  const certId = payload['replaces'];
  const replaced = certId === undefined ? undefined : await readReplaces(ctx, account, values, certId);
  // RFC 9773 §5: who renews when told to is not limited.
  if (!replaced || ctx.now() < suggestedWindow(replaced, ctx.now()).start) await refuseDuplicates(ctx, ctx.db, account, values);

  // The network is asked before the transaction begins; what is authorized already is looked at once more within it.
  const before = await alreadyAuthorized(ctx, ctx.db, account, names);
  const offers = await gatherOffers(
    ctx,
    names.filter(n => !before.has(identifierValue(n))),
  );
  const now = ctx.now();
  const { order, authorized } = await transact(ctx, actor, async act => {
    const { trx } = act;
    if (replaced) await refuseReplaced(ctx, trx, replaced);
    const already = before.size ? await alreadyAuthorized(ctx, trx, account, names) : before;
    if (names.some(n => before.has(identifierValue(n)) && !already.has(identifierValue(n))))
      throw new Problem('serverInternal', 'A proof ended while the order was made; send it again.');
    const authorized = buildAuthorizations(ctx, account, names, { already, offers });
    const order: Order = {
      id: newId(ctx),
      accountId: account.id,
      profile,
      names: values,
      authorizationIds: authorized.map(a => a.authorization.id),
      state: 'open',
      ...asked,
      expiresAt: Math.min(now + orderLifetime, ...authorized.map(a => a.authorization.expiresAt)),
      createdAt: now,
      ...(replaced && { replaces: { serial: replaced.serial, certId: certId as string } }),
    };
    await write(trx, authorized);
    await insertOrder(trx, order);
    const detail = { names: order.names, profile, ...(replaced && { replaces: replaced.serial }) };
    await record(act, { action: 'order.created', subject: { ...accountSubject(account), order: order.id }, detail });
    return { order, authorized };
  });
  const status = orderStatus(
    order,
    authorized.map(a => a.authorization),
    now,
  );
  return { status: 201, headers: { Location: urls.order(order.id) }, body: presentOrder(order, status, urls) };
}

async function write(trx: Parameters<typeof insertAuthorizations>[0], authorized: Authorized[]): Promise<void> {
  const fresh = authorized.filter(a => a.isNew);
  await insertAuthorizations(
    trx,
    fresh.map(a => a.authorization),
    fresh.flatMap(a => a.challenges),
  );
}

/** By the order, else by the directory, else the default. @throws Problem invalidProfile */
function chooseProfile(asked: unknown, fixed: string | undefined): ProfileName {
  const name = asked ?? fixed ?? profileNames[0];
  if (typeof name !== 'string' || !isProfile(name))
    throw new Problem('invalidProfile', `There is no such profile; the profiles are ${profileNames.join(', ')}.`);
  if (fixed !== undefined && name !== fixed) throw new Problem('invalidProfile', `This directory issues the profile "${fixed}" only.`);
  return name;
}

/** Each name judged for itself: one problem with a subproblem for each bad one (§6.7.1). */
function readIdentifiers({ ctx }: Acme, identifiers: unknown): DnsName[] {
  const { maxNames } = ctx.config.policy;
  if (!Array.isArray(identifiers) || identifiers.length === 0)
    throw new Problem('malformed', '"identifiers" is an array of at least one identifier.');
  if (identifiers.length > maxNames)
    throw new Problem('malformed', `An order has ${plural(maxNames, 'identifier')} at most; this one has ${identifiers.length}.`);
  const names = new Map<string, DnsName>();
  const problems: Problem[] = [];
  for (const identifier of identifiers) {
    try {
      const name = parseIdentifier(identifier, namePolicy(ctx.config));
      names.set(identifierValue(name), name);
    } catch (error) {
      const { value } = (identifier ?? {}) as { value?: unknown };
      problems.push(typeof value === 'string' ? about(value, asProblem(error)) : asProblem(error));
    }
  }
  if (problems.length) throw compound(problems, `${problems.length} of the identifiers are not accepted.`);
  return [...names.values()];
}

/** Within policy: not before an hour ago, not later than in 30 days, no longer than the profile. @throws Problem malformed */
function readDates(payload: Record<string, unknown>, profile: ProfileName, now: number): { notBefore?: number; notAfter?: number } {
  const read = (member: string) => {
    const value = payload[member];
    if (value === undefined) return undefined;
    const seconds = fromRfc3339(value);
    if (seconds === undefined) throw new Problem('malformed', `"${member}" is a time of RFC 3339, such as 2027-01-31T12:00:00Z.`);
    return seconds;
  };
  const notBefore = read('notBefore');
  const notAfter = read('notAfter');
  if (notBefore !== undefined && (notBefore < now - backdate || notBefore > now + 30 * seconds.day))
    throw new Problem('malformed', '"notBefore" lies between an hour ago and 30 days from now.');
  const from = notBefore ?? now - backdate;
  if (notAfter !== undefined && (notAfter <= Math.max(from, now) || notAfter > from + profiles[profile].lifetime - 1))
    throw new Problem(
      'malformed',
      `"notAfter" lies in the future and at most ${profiles[profile].lifetime / seconds.day} days after "notBefore" in the profile ${profile}.`,
    );
  return { ...(notBefore !== undefined && { notBefore }), ...(notAfter !== undefined && { notAfter }) };
}

/** POST-as-GET. */
export async function order(acme: Acme, request: ByAccount): Promise<Reply> {
  refusePayload(request);
  return present(acme, ownedBy(request.account, await findOrder(acme.ctx.db, request.params['id'] ?? ''), 'order'));
}

async function present({ ctx, urls }: Acme, order: Order, headers: Record<string, string> = {}): Promise<Reply> {
  const authorizations = order.state === 'open' ? await findAuthorizations(ctx.db, order.authorizationIds) : [];
  const status = orderStatus(order, authorizations, ctx.now());
  return {
    status: 200,
    headers: { ...headers, ...(status === 'processing' && { 'Retry-After': '1' }) },
    body: presentOrder(order, status, urls),
  };
}

/** §7.4: answered with the outcome itself; `Location`, since clients that went straight here know no other way back. */
export async function finalize(acme: Acme, request: ByAccount): Promise<Reply> {
  const { ctx, urls } = acme;
  const id = request.params['id'] ?? '';
  const csr = fromBase64url(objectOf(request)['csr']);
  if (!csr) throw new Problem('malformed', '"csr" is the DER of a PKCS #10 request in base64url without padding.');
  const found = ownedBy(request.account, await findOrder(ctx.db, id), 'order');
  const order = await finalizeOrder(ctx, request, found, csr);
  return present(acme, order, { Location: urls.order(id) });
}
