import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Operation, Outside } from '../operations/operation.ts';
import { fromWords } from '../operations/schema-words.ts';
import { UsageError } from '../operations/usage-error.ts';
import { type Door, type Input, openHere } from './door.ts';
import type { Globals } from './globals.ts';
import { print, remark } from './print.ts';
import { openThere } from './remote.ts';
import { pathOf, type Terminal } from './terminal.ts';

export const kebab = (name: string): string => name.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`);

const mostListed = z.object({ limit: z.number().int().min(1).max(100_000) });

/** In which form what is told is told, and where. */
interface Form {
  format?: string;
  output?: string;
}

/** A command as it was asked for. */
interface Call {
  terminal: Terminal;
  door: Door;
  operation: Operation;
  input: Input;
  globals: Globals & Form;
}

export async function runOperation(
  terminal: Terminal,
  operation: Operation,
  words: Record<string, unknown>,
  globals: Globals & { limit?: string } & Form,
): Promise<void> {
  if (globals.json && globals.format !== undefined && globals.format !== 'json')
    throw new UsageError(`--json and --format ${globals.format}: leave one of them out`);
  const { positional } = operation;
  const input = { json: fromWords(operation.input, words), values: values(operation.input, words, positional) };
  const { limit } = operation.page ? values(mostListed, { limit: globals.limit }) : { limit: 0 };
  const { server } = globals;
  const door = server === undefined ? await openHere(terminal, globals.config) : openThere(terminal, { ...globals, server });
  const call = { terminal, door, operation, input, globals };
  try {
    if (operation.page) await list(call, limit);
    else await once(call);
  } finally {
    await door.close();
  }
}

/** The same from outside: no database is opened, and no server asked. */
export async function runOutside(terminal: Terminal, outside: Outside, words: Record<string, unknown>, globals: Globals): Promise<void> {
  const input = values(outside.input, words);
  const output = await outside.run(input, { path: file => pathOf(terminal, file), progress: line => remark(terminal, line) });
  for (const part of globals.json ? [output] : outside.forPeople(output, input)) print(terminal, part, globals);
}

async function once({ terminal, door, operation, input, globals }: Call): Promise<void> {
  const { json, format = json ? 'json' : 'text', output: name } = globals;
  // Before anything is done: what could not be kept is not asked for.
  const file = name === undefined ? undefined : openNew(name, pathOf(terminal, name));
  const output = await door.run(operation, input).catch(error => {
    file?.undo();
    throw error;
  });
  const form = operation.formats?.[format];
  if (file) {
    file.write(form ? form.write(output) : `${JSON.stringify(output)}\n`);
    print(terminal, { file: name }, globals);
  } else if (form) terminal.out(form.write(output));
  else print(terminal, output, { json: format === 'json' });
  const line = operation.remark?.(input.values, output);
  if (line !== undefined) remark(terminal, line);
}

/** For its owner alone; never in the place of another. */
function openNew(name: string, path: string): { write(text: string): void; undo(): void } {
  let opened: number;
  try {
    opened = openSync(path, 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`--output: ${name} ${code === 'EEXIST' ? 'exists already: name a new file' : `cannot be written (${code})`}`);
  }
  const undo = () => {
    closeSync(opened);
    unlinkSync(path);
  };
  const write = (text: string) => {
    writeFileSync(opened, text);
    closeSync(opened);
  };
  return { write, undo };
}

function values<I extends z.ZodObject>(schema: I, words: Record<string, unknown>, positional: readonly string[] = []): z.output<I> {
  const input = schema.safeParse(fromWords(schema, words));
  if (input.success) return input.data;
  const issues = input.error.issues.map(({ path: [name], message }) =>
    name === undefined ? message : `${positional.includes(String(name)) ? '' : '--'}${kebab(String(name))}: ${message}`,
  );
  throw new UsageError(issues.join('; '));
}

/** One array, of `limit` at most. */
async function list({ terminal, door, operation, input, globals }: Call, limit: number): Promise<void> {
  const items: unknown[] = [];
  // One more than wanted tells whether there are more.
  for await (const page of door.pages(operation, input, Math.min(limit + 1, pageSize))) {
    items.push(...page);
    if (items.length > limit) break;
  }
  print(terminal, items.slice(0, limit), globals);
  if (items.length > limit) remark(terminal, `there are more than these ${limit}; --limit shows more`);
}

/** Rows that are asked for at a time. */
const pageSize = 1000;
