import { z } from 'zod';
import type { Ctx } from '../ctx.ts';
import type { Actor } from '../model/audit.ts';
import { Problem } from '../model/problem.ts';

/** Who may call it through the admin API. */
export type Scope = 'read' | 'members' | 'revoke' | 'admin';

/** What an operator does: from this one form the command line and, later, the admin API are derived. */
export interface Operation<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** Noun and verb, as typed: `member add`. */
  name: string;
  summary: string;
  scope: Scope;
  /** Members of the input that are words without an option, in order. */
  positional?: readonly string[];
  input: I;
  output: O;
  /** `progress` takes a line now and then from what takes long; nobody need listen. */
  run(ctx: Ctx, input: z.output<I>, actor: Actor, progress?: (line: string) => void): Promise<z.input<O>>;
  /** A line about the output that is no part of it: on the command line it goes to stderr. */
  remark?(ctx: Ctx, input: z.output<I>, output: z.output<O>): Promise<string | undefined>;
}

/** Keeps input and output types together where an operation is written. */
export function operation<I extends z.ZodObject, O extends z.ZodType>(o: Operation<I, O>): Operation {
  return o as unknown as Operation;
}

/** RFC 3339 in UTC. */
export const time = z.string();

export const memberId = z.string().regex(/^[a-z2-7]+$/, 'is the id of a member, as "member list" shows it');

/** A positive number, or `any` for no limit. */
export const numberOrAny = z.union([z.literal('any'), z.coerce.number().int().min(1)], 'is a number from 1, or any');

const someDays = 'is a number of days from 1 to 3650';
export const days = z.coerce.number(someDays).int(someDays).min(1, someDays).max(3650, someDays);

/** `a,b` or several. */
export const list = z.preprocess(
  value => (typeof value === 'string' ? value.split(',').map(part => part.trim()) : value),
  z.array(z.string().min(1)).min(1),
);

/** @throws Problem 404 */
export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Problem('malformed', `There is no ${what}.`, { status: 404 });
  return value;
}
