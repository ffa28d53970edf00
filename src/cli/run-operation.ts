import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Operation } from '../operations/operation.ts';
import { fromWords } from '../operations/words.ts';
import { type Door, type Input, openHere } from './door.ts';
import { type Globals, UsageError } from './globals.ts';
import { print, remark } from './print.ts';
import { openThere } from './remote.ts';

export const kebab = (name: string): string => name.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`);

const mostListed = z.object({ limit: z.number().int().min(1).max(100_000) });

export async function runOperation(
  operation: Operation,
  words: Record<string, unknown>,
  globals: Globals & { limit?: string; output?: string },
): Promise<void> {
  const input = readInput(operation, words);
  const { limit } = operation.page ? values(operation, mostListed, { limit: globals.limit }) : { limit: 0 };
  const { server } = globals;
  const door = server === undefined ? await openHere(globals.config) : openThere({ ...globals, server }, process.env);
  try {
    if (operation.page) await list(door, operation, input, limit, globals);
    else await once(door, operation, input, globals);
  } finally {
    await door.close();
  }
}

async function once(door: Door, operation: Operation, input: Input, globals: Globals & { output?: string }): Promise<void> {
  const file = operation.makesFile && globals.output;
  // Before anything is done: what could not be kept is not asked for.
  const written = file ? openSync(file, 'wx', 0o600) : undefined;
  const output = await door.run(operation, input).catch(error => {
    if (written !== undefined) closeSync(written);
    if (file) unlinkSync(file);
    throw error;
  });
  if (written === undefined) print(output, globals);
  else {
    writeFileSync(written, `${JSON.stringify(output, undefined, 2)}\n`);
    closeSync(written);
    print({ file }, globals);
  }
  const line = operation.remark?.(input.values, output);
  if (line !== undefined) remark(line);
}

function readInput(operation: Operation, words: Record<string, unknown>): Input {
  return { json: fromWords(operation.input, words), values: values(operation, operation.input, words) };
}

function values<I extends z.ZodObject>(operation: Operation, schema: I, words: Record<string, unknown>): z.output<I> {
  const input = schema.safeParse(fromWords(schema, words));
  if (input.success) return input.data;
  throw new UsageError(input.error.issues.map(i => `${optionName(operation, String(i.path[0]))}: ${i.message}`).join('; '));
}

const optionName = (operation: Operation, name: string): string => (operation.positional?.includes(name) ? name : `--${kebab(name)}`);

/** One array, of `limit` at most. */
async function list(door: Door, operation: Operation, input: Input, limit: number, globals: Globals): Promise<void> {
  const items: unknown[] = [];
  // One more than wanted tells whether there are more.
  for await (const page of door.pages(operation, input, Math.min(limit + 1, pageSize))) {
    items.push(...page);
    if (items.length > limit) break;
  }
  print(items.slice(0, limit), globals);
  if (items.length > limit) remark(`there are more than these ${limit}; --limit shows more`);
}

/** Rows that are asked for at a time. */
const pageSize = 1000;
