import type { Ctx } from '../../ctx.ts';
import type { Account } from '../../model/account.ts';
import type { Certificate } from '../../model/certificate.ts';
import { orderStatus } from '../../model/order.ts';
import { Problem } from '../../model/problem.ts';
import { findAuthorizations } from '../../store/authorizations.ts';
import { lock, type Trx } from '../../store/open.ts';
import { ordersReplacing } from '../../store/orders.ts';
import { certificateOfId } from './renewal-info.ts';

/** The certificate that an order says it replaces (RFC 9773 §5): of the same account, with a name in common. @throws Problem malformed, unauthorized */
export async function readReplaces(ctx: Ctx, account: Account, names: string[], certId: unknown): Promise<Certificate> {
  const certificate = await certificateOfId(ctx, certId);
  if (!certificate) throw new Problem('malformed', '"replaces" names a certificate that was not issued here; leave it out.');
  if (certificate.accountId !== account.id)
    throw new Problem(
      'unauthorized',
      '"replaces" names a certificate of another account; leave it out, or order by the account that got it.',
    );
  if (!names.some(n => certificate.names.includes(n)))
    throw new Problem(
      'malformed',
      `"replaces" names a certificate that has none of the order's names, but ${certificate.names.join(', ')}; leave it out.`,
    );
  return certificate;
}

/** One order at a time replaces a certificate; one that is invalid does not count. In the transaction that writes the order. @throws Problem alreadyReplaced */
export async function refuseReplaced(ctx: Ctx, trx: Trx, { serial }: Certificate): Promise<void> {
  await lock(trx, `replaces ${serial}`);
  for (const order of await ordersReplacing(trx, serial)) {
    const authorizations = order.state === 'open' ? await findAuthorizations(trx, order.authorizationIds) : [];
    const status = orderStatus(order, authorizations, ctx.now());
    if (status !== 'invalid')
      throw new Problem(
        'alreadyReplaced',
        `The order ${order.id}, which is ${status}, replaces this certificate already; go on with that one, or leave "replaces" out.`,
      );
  }
}
