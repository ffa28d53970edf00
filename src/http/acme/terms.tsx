import type { VNode } from 'preact';
import { transact } from '../../ca/act.ts';
import { record } from '../../ca/audit/record.ts';
import { accountSubject } from '../../ca/audit/subjects.ts';
import { isId } from '../../ca/ids.ts';
import type { Account } from '../../model/account.ts';
import { base64url, fromBase64url } from '../../model/encoding.ts';
import { notFound, Problem } from '../../model/problem.ts';
import { findAccount, updateTerms } from '../../store/accounts.ts';
import type { Reply } from '../reply.ts';
import { page } from '../views.tsx';
import type { Acme, Incoming } from './request.ts';

/** RFC 8555 §7.3.3: the terms have changed since the account agreed; a person agrees to the new ones on a page. @throws Problem */
export function requireTerms(acme: Acme, account: Account): void {
  const terms = acme.ctx.config.policy.termsOfService;
  if (terms === null || account.termsAgreed === terms) return;
  throw new Problem('userActionRequired', `The terms of service have changed; visit the page in "instance" to agree to ${terms}.`, {
    instance: acme.urls.terms(account.id, termsToken(acme, account.id, terms)),
    links: [`<${terms}>;rel="terms-of-service"`],
  });
}

/** Only who can sign as the account has been told the page's URL. */
function termsToken({ ctx }: Acme, accountId: string, terms: string): string {
  return base64url(ctx.vault.mac(purpose, accountId, terms));
}

const purpose = 'terms page';

/** The page; a form posts back to it. */
export async function termsPage(acme: Acme, request: Incoming): Promise<Reply> {
  const { terms, account } = await read(acme, request);
  return page('Terms of service', <TermsPage terms={terms} hasAgreed={account.termsAgreed === terms} />);
}

/** @param terms the URL of a page */
export const TermsPage = ({ terms, hasAgreed }: { terms: string; hasAgreed: boolean }): VNode => (
  <>
    <p>
      The terms of service of this certificate authority: <a href={terms}>{terms}</a>.
    </p>
    {hasAgreed ? (
      <p>Your account has agreed to them.</p>
    ) : (
      <form method="post">
        <button type="submit">I have read them and agree</button>
      </form>
    )}
  </>
);

export async function agreeToTerms(acme: Acme, request: Incoming): Promise<Reply> {
  const { ctx } = acme;
  const { terms, account } = await read(acme, request);
  const actor = { who: `account:${account.id}`, door: 'acme', address: request.address } as const;
  await transact(ctx, actor, async act => {
    await updateTerms(act.trx, account.id, terms);
    await record(act, { action: 'account.terms-agreed', subject: accountSubject(account), detail: { terms } });
  });
  return page('Terms of service', <p>Thank you. Your client can go on.</p>);
}

async function read(acme: Acme, { params }: Incoming): Promise<{ terms: string; account: Account }> {
  const terms = acme.ctx.config.policy.termsOfService;
  const given = fromBase64url(params['token']);
  const id = params['id'] ?? '';
  const account = isId(id) ? await findAccount(acme.ctx.db, id) : undefined;
  if (terms === null || !given || account?.status !== 'valid' || !acme.ctx.vault.isMac(given, purpose, account.id, terms))
    throw notFound('page');
  return { terms, account };
}
