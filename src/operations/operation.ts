import { z } from 'zod';
import type { Ctx } from '../ctx.ts';
import type { Actor } from '../model/audit.ts';
import { fromRfc3339 } from '../model/encoding.ts';
import { Problem } from '../model/problem.ts';
import type { Scope } from '../model/token.ts';
import type { Page, Position } from '../store/pages.ts';

/** One page of a list: where the next begins, if there is one. */
export interface Listed<T = unknown> {
  items: T[];
  next?: Position;
}

/** Below `/admin/v1`; `{id}` is the member `id` of the input. */
export interface Place {
  method: 'get' | 'post';
  path: `/${string}`;
  /** It answers 201. */
  creates?: true;
}

/** A form of what an operation gives, besides JSON. */
export interface Format<O = unknown> {
  /** Media type. */
  type: string;
  write(output: O): string;
}

/** What a command finds around it. */
export interface Surroundings {
  /** The absolute path of a file that was named. */
  path(file: string): string;
  progress(line: string): void;
}

/** A form of an operation for people who have no database: the command line alone offers it. */
export interface Outside<I extends z.ZodObject = z.ZodObject> {
  input: I;
  run(input: z.output<I>, around: Surroundings): Promise<object>;
  /** What of the output is printed, one after the other, where JSON was not asked for. */
  forPeople(output: object, input: z.output<I>): unknown[];
}

/** What an operator does: from this one form the command line, the admin API and its description are derived. */
export interface Operation<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** Noun and verb, as typed: `member add`. */
  name: string;
  summary: string;
  /** It is meant where its noun is followed by no verb: `report 2026-Q4`. */
  isDefault?: true;
  /** What a token of the admin API needs for it. */
  scope: Scope;
  /** What it needs besides, by what is asked of it. */
  alsoNeeds?(input: z.output<I>): Scope | undefined;
  /** What can be done of it without the database: where one of these inputs is given, the command line does that instead. */
  outside?: Outside;
  /** Its place in the admin API; `never`: it needs a file of the operator's own, which is for the command line alone. */
  http: Place | 'never';
  /** Members of the input that are words without an option, in order. */
  positional?: readonly string[];
  input: I;
  output: O;
  /** By the name that `--format` has for each; `text` is what people get on a terminal. */
  formats?: Record<string, Format<z.output<O>>>;
  /** Its answer shows names, addresses or requests of people: each reading is recorded. */
  showsPersonal?: true;
  /** Its answer is made to be kept: the command line takes a file for it. */
  makesFile?: true;
  /** It may take long, and says now and then how far it is. */
  tellsProgress?: true;
  /** `progress` takes a line; nobody need listen. */
  run(ctx: Ctx, input: z.output<I>, actor: Actor, progress?: (line: string) => void): Promise<z.input<O>>;
  /** A line about the output that is no part of it: on the command line it goes to stderr. */
  remark?(input: z.output<I>, output: z.output<O>): string | undefined;
  /** The same without an end to a page, an item a line, for whoever takes all there is. */
  rows?(ctx: Ctx, input: z.output<I>): AsyncIterable<object[]>;
  /** The members of these items, where they are one table: then they come as CSV too. */
  columns?: string[];
  /** A list's: the same in pieces. */
  page?(ctx: Ctx, input: z.output<I>, page: Page): Promise<Listed>;
}

/** Keeps input and output types together where an operation is written. */
export function operation<I extends z.ZodObject, O extends z.ZodType>(o: Operation<I, O>): Operation {
  return o as unknown as Operation;
}

/** RFC 3339 in UTC. */
export const time = z.iso.datetime();

/** RFC 3339, as epoch seconds. */
export const moment = z.iso
  .datetime({ offset: true, error: 'is a time of RFC 3339, such as 2026-12-31T23:59:59Z' })
  .transform(text => fromRfc3339(text) ?? 0);

export const memberId = z.string().regex(/^[a-z2-7]+$/, 'is the id of a member, as "member list" shows it');

/** A positive number, or `any` for no limit. */
export const numberOrAny = z.union([z.literal('any'), z.number().int().min(1).max(1_000_000)], 'is a number from 1 to 1000000, or any');

const someDays = 'is a number of days from 1 to 3650';
export const days = z.number(someDays).int(someDays).min(1, someDays).max(3650, someDays);

/** @throws Problem 404 */
export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Problem('malformed', `There is no ${what}.`, { status: 404 });
  return value;
}
