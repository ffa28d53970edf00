import type { Account } from '../../model/account.ts';
import { type Authorization, authorizationStatus } from '../../model/authorization.ts';
import type { Challenge } from '../../model/challenge.ts';
import { rfc3339 } from '../../model/encoding.ts';
import type { Order, OrderStatus } from '../../model/order.ts';
import type { Urls } from './urls.ts';

/** Domain types to wire JSON: here alone. Members without a value are left out; strict clients fail on `null` and `""`. */

/** RFC 8555 §7.1.2. */
export function presentAccount(account: Account, contact: readonly string[], urls: Urls): object {
  return {
    status: account.status,
    ...(contact.length && { contact }),
    ...(account.termsAgreed !== undefined && { termsOfServiceAgreed: true }),
    ...(account.externalAccountBinding && { externalAccountBinding: account.externalAccountBinding }),
    orders: urls.orders(account.id),
  };
}

/** RFC 8555 §7.1.3. */
export function presentOrder(order: Order, status: OrderStatus, urls: Urls): object {
  return {
    status,
    expires: rfc3339(order.expiresAt),
    identifiers: order.names.map(value => ({ type: 'dns', value })),
    profile: order.profile,
    ...(order.notBefore !== undefined && { notBefore: rfc3339(order.notBefore) }),
    ...(order.notAfter !== undefined && { notAfter: rfc3339(order.notAfter) }),
    ...(order.replaces && { replaces: order.replaces.certId }),
    ...(order.error && { error: order.error }),
    authorizations: order.authorizationIds.map(urls.authorization),
    finalize: urls.finalize(order.id),
    ...(status === 'valid' && order.serial !== undefined && { certificate: urls.certificate(order.serial) }),
  };
}

/** RFC 8555 §7.1.4. Which challenges are shown depends on the status: open ones, the valid one, or those that were tried. */
export function presentAuthorization(authorization: Authorization, challenges: Challenge[], now: number, urls: Urls): object {
  const status = authorizationStatus(authorization, now);
  const shown = status === 'pending' ? challenges.filter(c => c.status !== 'valid') : tried(challenges);
  return {
    identifier: { type: 'dns', value: authorization.name },
    status,
    expires: rfc3339(authorization.expiresAt),
    challenges: shown.map(c => presentChallenge(c, urls)),
    ...(authorization.wildcard && { wildcard: true }),
  };
}

function tried(challenges: Challenge[]): Challenge[] {
  const ended = challenges.filter(c => c.status === 'valid' || c.status === 'invalid');
  return ended.length ? ended : challenges;
}

/** RFC 8555 §8; flat, always with a token. */
export function presentChallenge(challenge: Challenge, urls: Urls): object {
  const { type, id, status, token, validatedAt, error, mailbox } = challenge;
  const sentTo = mailbox?.sentTo.at(-1)?.mailbox;
  return {
    type,
    url: urls.challenge(id),
    status,
    token,
    ...(validatedAt !== undefined && { validated: rfc3339(validatedAt) }),
    ...(mailbox && { mailboxes: mailbox.mailboxes, from: mailbox.from }),
    ...(sentTo !== undefined && { sentTo }),
    ...(error && { error }),
  };
}
