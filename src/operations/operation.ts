import { z } from 'zod';
import type { Ctx } from '../ctx.ts';
import type { Actor } from '../model/audit.ts';
import { Problem } from '../model/problem.ts';
import type { Scope } from '../model/token.ts';

/** What an operator does: from this one form the command line and, later, the admin API are derived. */
export interface Operation<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** Noun and verb, as typed: `member add`. */
  name: string;
  summary: string;
  /** What a token of the admin API needs for it. */
  scope: Scope;
  /** Members of the input that are words without an option, in order. */
  positional?: readonly string[];
  input: I;
  output: O;
  run(ctx: Ctx, input: z.output<I>, actor: Actor): Promise<z.input<O>>;
  /** A line about the output that is no part of it: on the command line it goes to stderr. */
  remark?(ctx: Ctx, input: z.output<I>, output: z.output<O>): Promise<string | undefined>;
}

/** Keeps input and output types together where an operation is written. */
export function operation<I extends z.ZodObject, O extends z.ZodType>(o: Operation<I, O>): Operation {
  return o as unknown as Operation;
}

/** RFC 3339 in UTC. */
export const time = z.iso.datetime();

export const memberId = z.string().regex(/^[a-z2-7]+$/, 'is the id of a member, as "member list" shows it');

/** A positive number, or `any` for no limit. */
export const numberOrAny = z.union([z.literal('any'), z.number().int().min(1)], 'is a number from 1, or any');

const someDays = 'is a number of days from 1 to 3650';
export const days = z.number(someDays).int(someDays).min(1, someDays).max(3650, someDays);

/** @throws Problem 404 */
export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Problem('malformed', `There is no ${what}.`, { status: 404 });
  return value;
}
