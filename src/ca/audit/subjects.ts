import type { Account } from '../../model/account.ts';
import type { Certificate } from '../../model/certificate.ts';

/*
 * Whom a record concerns, by ids. A record about an account names its member too, so that it is found by either.
 */

export const accountSubject = ({ id, memberId }: Pick<Account, 'id' | 'memberId'>): Record<string, string> => ({
  account: id,
  ...(memberId !== undefined && { member: memberId }),
});

type Named = Pick<Certificate, 'serial' | 'orderId' | 'accountId' | 'memberId'>;

export const certificateSubject = ({ serial, orderId, accountId, memberId }: Named): Record<string, string> => ({
  serial,
  ...(orderId !== undefined && { order: orderId }),
  ...(accountId !== undefined && { account: accountId }),
  ...(memberId !== undefined && { member: memberId }),
});
