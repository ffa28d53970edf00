import { ConfigError } from '../config.ts';
import { Problem } from '../model/problem.ts';
import type { Globals } from './globals.ts';
import type { Terminal } from './terminal.ts';

export function print(terminal: Terminal, value: unknown, { json }: Pick<Globals, 'json'>): void {
  terminal.out(json ? `${JSON.stringify(value)}\n` : forPeople(value));
}

/** Says a line that is no part of the output. */
export const remark = (terminal: Terminal, line: string): void => terminal.err(`xmpp-ca: ${line}\n`);

/** A list as blocks, an object as lines. */
function forPeople(value: unknown): string {
  if (Array.isArray(value)) return value.length ? value.map(forPeople).join('\n') : 'none\n';
  const lines = Object.entries(value as object).map(([name, v]) => {
    const text = typeof v === 'string' ? v.trimEnd() : Array.isArray(v) ? listed(v) : JSON.stringify(v);
    return text.includes('\n') ? `${name}:\n${text}\n` : `${`${name}:`.padEnd(12)} ${text}\n`;
  });
  return lines.join('');
}

/** Words on a line, things on a line each. */
const listed = (list: unknown[]): string =>
  list.some(item => typeof item === 'object') ? list.map(item => `${JSON.stringify(item)}\n`).join('') : list.join(', ');

/** Why, without a stack; one line, but for several mistakes in a configuration. */
export function explain(error: unknown): string {
  if (error instanceof Problem) return [error.detail, ...(error.extras.subproblems ?? []).map(p => p.detail)].join('\n');
  if (error instanceof ConfigError)
    return error.message
      .split('\n')
      .map(line => `configuration: ${line}`)
      .join('\n');
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}
