import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Operation } from '../operations/operation.ts';
import { fromWords } from '../operations/schema-words.ts';
import { type Door, type Input, openHere } from './door.ts';
import { type Globals, UsageError } from './globals.ts';
import { print, remark } from './print.ts';
import { openThere } from './remote.ts';

export const kebab = (name: string): string => name.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`);

const mostListed = z.object({ limit: z.number().int().min(1).max(100_000) });

export async function runOperation(
  operation: Operation,
  words: Record<string, unknown>,
  globals: Globals & { limit?: string } & Form,
): Promise<void> {
  if (globals.json && globals.format !== undefined && globals.format !== 'json')
    throw new UsageError(`--json and --format ${globals.format}: leave one of them out`);
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

/** In which form what is told is told, and where. */
interface Form {
  format?: string;
  output?: string;
}

async function once(door: Door, operation: Operation, input: Input, globals: Globals & Form): Promise<void> {
  const { json, format = json ? 'json' : 'text', output: name } = globals;
  // Before anything is done: what could not be kept is not asked for.
  const file = name === undefined ? undefined : openNew(name);
  const output = await door.run(operation, input).catch(error => {
    file?.undo();
    throw error;
  });
  const form = operation.formats?.[format];
  if (file) {
    file.write(form ? form.write(output) : `${JSON.stringify(output)}\n`);
    print({ file: name }, globals);
  } else if (form) process.stdout.write(form.write(output));
  else print(output, { json: format === 'json' });
  const line = operation.remark?.(input.values, output);
  if (line !== undefined) remark(line);
}

/** For its owner alone; never in the place of another. */
function openNew(file: string): { write(text: string): void; undo(): void } {
  let opened: number;
  try {
    opened = openSync(file, 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`--output: ${file} ${code === 'EEXIST' ? 'exists already: name a new file' : `cannot be written (${code})`}`);
  }
  const undo = () => {
    closeSync(opened);
    unlinkSync(file);
  };
  const write = (text: string) => {
    writeFileSync(opened, text);
    closeSync(opened);
  };
  return { write, undo };
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
