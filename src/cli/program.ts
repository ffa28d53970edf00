import { Command, CommanderError, Option } from 'commander';
import type { z } from 'zod';
import type { Operation } from '../operations/operation.ts';
import { typesOf } from '../operations/schema-words.ts';
import { operations } from '../operations/table.ts';
import { UsageError } from '../operations/usage-error.ts';
import { version } from '../shipped.ts';
import { type Globals, withGlobals } from './globals.ts';
import { explain, remark } from './print.ts';
import { kebab, runOperation, runOutside } from './run-operation.ts';
import { init, serve } from './serve.ts';
import type { Terminal } from './terminal.ts';

/** Runs the command that the words name. @returns the exit status: 0 done, 1 refused or failed with one line that says why, 2 wrong usage */
export async function runProgram(words: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await buildProgram(terminal).parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has said itself what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    remark(terminal, explain(error));
    return error instanceof UsageError ? 2 : 1;
  }
}

function buildProgram(terminal: Terminal): Command {
  const program = withGlobals(new Command('xmpp-ca'))
    .description('An ACME certificate authority for the federation of XMPP servers')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError('(--help shows the usage)');
  withGlobals(program.command('serve').description('start the server; make database, keys and hierarchy on the first start')).action(
    (_, command: Command) => serve(terminal, command.optsWithGlobals<Globals>()),
  );
  withGlobals(program.command('init').description('make database, keys and hierarchy, and end')).action((_, command: Command) =>
    init(terminal, command.optsWithGlobals<Globals>()),
  );
  const nouns = new Map<string, Command>();
  for (const operation of operations) {
    const [noun = '', verb = ''] = operation.name.split(' ');
    const parent = nouns.get(noun) ?? withGlobals(program.command(noun).description(`see "xmpp-ca ${noun} --help"`));
    nouns.set(noun, parent);
    addOperation(terminal, parent, verb, operation);
  }
  return program;
}

/** Words and options from the operation's input schema. */
function addOperation(terminal: Terminal, parent: Command, verb: string, operation: Operation): void {
  const command = withGlobals(parent.command(verb, { isDefault: operation.isDefault === true }).description(operation.summary));
  const positional = operation.positional ?? [];
  const isOptional = (name: string) => operation.input.shape[name]?.safeParse(undefined).success;
  for (const name of positional) command.argument(isOptional(name) ? `[${name}]` : `<${name}>`);
  const { outside } = operation;
  for (const [name, schema] of Object.entries({ ...operation.input.shape, ...outside?.input.shape }) as [string, z.ZodType][])
    if (!positional.includes(name)) command.addOption(optionOf(name, schema));
  const formats = Object.keys(operation.formats ?? {});
  if (formats.length) command.addOption(new Option('--format <format>', 'the form of what it tells').choices(['json', ...formats]));
  if (formats.length || operation.makesFile) command.option('--output <file>', 'write it to this new file, and not to stdout');
  if (operation.page) command.option('--limit <limit>', 'at most so many', '1000');
  command.action((...args: unknown[]) => {
    const options = command.optsWithGlobals<Globals & Record<string, unknown>>();
    const given = (shape: object) =>
      Object.fromEntries(Object.keys(shape).flatMap(n => (options[n] === undefined ? [] : [[n, options[n]]])));
    const words = Object.fromEntries(positional.flatMap((name, i) => (args[i] === undefined ? [] : [[name, args[i]]])));
    const input = { ...given(operation.input.shape), ...words };
    const fromOutside = given(outside?.input.shape ?? {});
    if (outside && Object.keys(fromOutside).length) return runOutside(terminal, outside, fromOutside, options);
    return runOperation(terminal, operation, input, options);
  });
}

function optionOf(name: string, schema: z.ZodType): Option {
  const isFlag = typesOf(schema).has('boolean');
  const option = new Option(`--${kebab(name)}${isFlag ? '' : ` <${name}>`}`, schema.description ?? '');
  if (!schema.safeParse(undefined).success) option.makeOptionMandatory();
  return option;
}
