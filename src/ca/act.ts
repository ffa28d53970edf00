import type { Ctx } from '../ctx.ts';
import type { Account } from '../model/account.ts';
import type { Actor } from '../model/audit.ts';
import type { Member } from '../model/member.ts';
import type { Trx } from '../store/open.ts';

/** One act of the authority: what it works with, the transaction that holds all that it writes, who acts, and when. */
export interface Act<C = Ctx> {
  ctx: C;
  trx: Trx;
  actor: Actor;
  /** Epoch seconds. */
  now: number;
}

/** Does one act in a transaction of its own: what it changes, the records of it and the messages about it are written together or not at all. */
export function transact<C extends Pick<Ctx, 'db' | 'now'>, T>(ctx: C, actor: Actor, work: (act: Act<C>) => Promise<T>): Promise<T> {
  return ctx.db.transaction(trx => work({ ctx, trx, actor, now: ctx.now() }));
}

/** An account that asks for something, with the member it belongs to. */
export interface Applicant {
  account: Account;
  /** Undefined where the policy admits accounts of no member. */
  member: Member | undefined;
  actor: Actor;
}
