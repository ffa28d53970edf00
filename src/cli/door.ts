import { createLog, openCtx } from '../app.ts';
import { readConfig } from '../config.ts';
import { operator } from '../model/audit.ts';
import type { Operation } from '../operations/operation.ts';
import { perform, performPage } from '../operations/perform.ts';
import { remark } from './print.ts';
import type { Terminal } from './terminal.ts';

/** Where commands are carried out. Input has been looked at by then; it is given as words, and as the values that they stand for. */
export interface Door {
  run(operation: Operation, input: Input): Promise<unknown>;
  /** One page of a list after another, until there is none; `limit` rows are asked for at a time. */
  pages(operation: Operation, input: Input, limit: number): AsyncIterable<unknown[]>;
  close(): Promise<void>;
}

export interface Input {
  /** As JSON has them. */
  json: Record<string, unknown>;
  /** As the operation takes them. */
  values: Record<string, unknown>;
}

/** Directly on the database, beside a running server or before any has run. */
export async function openHere(terminal: Terminal, file: string | undefined): Promise<Door> {
  const config = readConfig(file, terminal.env, terminal.cwd);
  const ctx = await openCtx(config, { log: createLog(config.log === 'info' ? 'warn' : config.log, { write: terminal.err }) });
  return {
    async run(operation, { values }) {
      const output = await perform(ctx, { operation, values, actor: operator }, line => remark(terminal, line));
      // What the command has queued goes out before it ends.
      await ctx.background.settled();
      return output;
    },
    async *pages(operation, { values }, limit) {
      for (let after: Parameters<NonNullable<Operation['page']>>[2]['after']; ; ) {
        const page = await performPage(ctx, { operation, values, actor: operator }, { limit, after });
        yield page.items;
        after = page.next;
        if (!after) return;
      }
    },
    close: ctx.close,
  };
}
