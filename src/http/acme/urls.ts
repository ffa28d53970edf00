import { accountUrl } from '../../ca/ids.ts';

/** Every URL that we hand out, from `publicUrl`. */
export interface Urls {
  publicUrl: string;
  directory: string;
  account(id: string): string;
  /** The id in an account URL; undefined where it is none of ours. */
  accountId(url: string): string | undefined;
  orders(accountId: string, cursor?: string): string;
  order(id: string): string;
  finalize(id: string): string;
  authorization(id: string): string;
  challenge(id: string): string;
  certificate(serial: string, alternate?: number): string;
  terms(accountId: string, token: string): string;
}

export function createUrls(publicUrl: string): Urls {
  const base = `${publicUrl}/acme`;
  const accounts = accountUrl(publicUrl, '');
  return {
    publicUrl,
    directory: `${base}/directory`,
    account: id => accounts + id,
    accountId: url => (url.startsWith(accounts) && /^[a-z2-7]+$/.test(url.slice(accounts.length)) ? url.slice(accounts.length) : undefined),
    orders: (accountId, cursor) => `${accounts}${accountId}/orders${cursor === undefined ? '' : `?cursor=${cursor}`}`,
    order: id => `${base}/order/${id}`,
    finalize: id => `${base}/order/${id}/finalize`,
    authorization: id => `${base}/authorization/${id}`,
    challenge: id => `${base}/challenge/${id}`,
    certificate: (serial, alternate) => `${base}/certificate/${serial}${alternate === undefined ? '' : `/${alternate}`}`,
    terms: (accountId, token) => `${base}/terms/${accountId}/${token}`,
  };
}
