import { Command, Option } from 'commander';
import type { z } from 'zod';
import type { Operation } from '../operations/operation.ts';
import { typesOf } from '../operations/schema-words.ts';
import { operations } from '../operations/table.ts';
import { version } from '../shipped.ts';
import { type Globals, withGlobals } from './globals.ts';
import { kebab, runOperation } from './run-operation.ts';
import { init, serve } from './serve.ts';
import { outside } from './verify-from-outside.ts';

export function buildProgram(): Command {
  const program = withGlobals(new Command('xmpp-ca'))
    .description('An ACME certificate authority for the federation of XMPP servers')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(--help shows the usage)');
  withGlobals(program.command('serve').description('start the server; make database, keys and hierarchy on the first start')).action(
    (_, command: Command) => serve(command.optsWithGlobals<Globals>()),
  );
  withGlobals(program.command('init').description('make database, keys and hierarchy, and end')).action((_, command: Command) =>
    init(command.optsWithGlobals<Globals>()),
  );
  const nouns = new Map<string, Command>();
  for (const operation of operations) {
    const [noun = '', verb = ''] = operation.name.split(' ');
    const parent = nouns.get(noun) ?? withGlobals(program.command(noun).description(`see "xmpp-ca ${noun} --help"`));
    nouns.set(noun, parent);
    addOperation(parent, verb, operation);
  }
  for (const command of [program, ...nouns.values()]) for (const sub of [command, ...command.commands]) sub.exitOverride();
  return program;
}

/** Words and options from the operation's input schema. */
function addOperation(parent: Command, verb: string, operation: Operation): void {
  const command = withGlobals(parent.command(verb, { isDefault: operation.isDefault === true }).description(operation.summary));
  const positional = operation.positional ?? [];
  const isOptional = (name: string) => operation.input.shape[name]?.safeParse(undefined).success;
  for (const name of positional) command.argument(isOptional(name) ? `[${name}]` : `<${name}>`);
  for (const [name, schema] of Object.entries(operation.input.shape) as [string, z.ZodType][]) {
    if (positional.includes(name)) continue;
    const isFlag = typesOf(schema).has('boolean');
    const option = new Option(`--${kebab(name)}${isFlag ? '' : ` <${name}>`}`, schema.description ?? '');
    if (!schema.safeParse(undefined).success) option.makeOptionMandatory();
    command.addOption(option);
  }
  const other = operation.name === 'audit verify' ? outside : undefined;
  other?.addOptions(command);
  const formats = Object.keys(operation.formats ?? {});
  if (formats.length) command.addOption(new Option('--format <format>', 'the form of what it tells').choices(['json', ...formats]));
  if (formats.length || operation.makesFile) command.option('--output <file>', 'write it to this new file, and not to stdout');
  if (operation.page) command.option('--limit <limit>', 'at most so many', '1000');
  command.action((...args: unknown[]) => {
    const options = command.optsWithGlobals<Globals & Record<string, unknown>>();
    if (other?.isMeant(options)) return other.run(options);
    const input: Record<string, unknown> = {};
    for (const [i, name] of positional.entries()) if (args[i] !== undefined) input[name] = args[i];
    for (const name of Object.keys(operation.input.shape))
      if (options[name] !== undefined && !positional.includes(name)) input[name] = options[name];
    return runOperation(operation, input, options);
  });
}
