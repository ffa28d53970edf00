#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import type { z } from 'zod';
import { createLog, openCtx, startApp } from './app.ts';
import { firstTokenFile } from './ca/admin-token.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { operator } from './model/audit.ts';
import { Problem } from './model/problem.ts';
import type { Operation } from './operations/operation.ts';
import { operations } from './operations/table.ts';
import { fromWords, typesOf } from './operations/words.ts';
import { withoutPassword } from './store/open.ts';

/** Wrong usage: exit status 2. */
class UsageError extends Error {}

interface Globals {
  config?: string;
  json?: boolean;
}

function buildProgram(): Command {
  const { version } = JSON.parse(readFileSync(findPackage(), 'utf8')) as { version: string };
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

/** package.json lies beside `src` and above `dist/src`. */
function findPackage(): URL {
  return new URL(import.meta.url.includes('/dist/') ? '../../package.json' : '../package.json', import.meta.url);
}

/** Before or after a command's own words. */
function withGlobals(command: Command): Command {
  return command.option('--config <file>', 'configuration file').option('--json', 'one JSON value on stdout');
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`);

/** Words and options from the operation's input schema. */
function addOperation(parent: Command, verb: string, operation: Operation): void {
  const command = withGlobals(parent.command(verb).description(operation.summary));
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
  command.action((...args: unknown[]) => {
    const options = command.optsWithGlobals<Globals & Record<string, unknown>>();
    const input: Record<string, unknown> = {};
    for (const [i, name] of positional.entries()) if (args[i] !== undefined) input[name] = args[i];
    for (const name of Object.keys(operation.input.shape))
      if (options[name] !== undefined && !positional.includes(name)) input[name] = options[name];
    return runOperation(operation, input, options);
  });
}

async function runOperation(operation: Operation, words: Record<string, unknown>, globals: Globals): Promise<void> {
  const input = operation.input.safeParse(fromWords(operation.input, words));
  if (!input.success)
    throw new UsageError(input.error.issues.map(i => `${optionName(operation, String(i.path[0]))}: ${i.message}`).join('; '));
  const config = readConfig(globals.config, process.env);
  const ctx = await openCtx(config, { log: createLog(config.log === 'info' ? 'warn' : config.log) });
  try {
    const output = operation.output.parse(await operation.run(ctx, input.data, operator));
    // What the command has queued goes out before it ends.
    await ctx.background.settled();
    const remark = await operation.remark?.(ctx, input.data, output);
    print(output, globals);
    if (remark !== undefined) process.stderr.write(`xmpp-ca: ${remark}\n`);
  } finally {
    await ctx.close();
  }
}

const optionName = (operation: Operation, name: string): string => (operation.positional?.includes(name) ? name : `--${kebab(name)}`);

function print(value: unknown, { json }: Globals): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : forPeople(value));
}

/** A list as blocks, an object as lines. */
function forPeople(value: unknown): string {
  if (Array.isArray(value)) return value.length ? value.map(forPeople).join('\n') : 'none\n';
  const lines = Object.entries(value as object).map(([name, v]) => {
    const text = typeof v === 'string' ? v.trimEnd() : Array.isArray(v) ? v.join(', ') : JSON.stringify(v);
    return text.includes('\n') ? `${name}:\n${text}\n` : `${`${name}:`.padEnd(12)} ${text}\n`;
  });
  return lines.join('');
}

/** What a newcomer needs to know, from the configuration. */
function describe(config: Config): Record<string, string> {
  return {
    directory: `${config.publicUrl}/acme/directory`,
    root: `${config.dataDir}/root.pem`,
    issuing: `${config.dataDir}/issuing.pem`,
    ...(existsSync(firstTokenFile(config)) && { adminToken: firstTokenFile(config) }),
    mail: config.mail.transport.replace(/^(smtps?:\/\/)[^@/]*@/, '$1…@'),
    database: withoutPassword(config.database),
  };
}

async function init(globals: Globals): Promise<void> {
  const config = readConfig(globals.config, process.env);
  const ctx = await openCtx(config, { log: createLog('warn') });
  await ctx.close();
  print(describe(config), globals);
}

async function serve(globals: Globals): Promise<void> {
  const config = readConfig(globals.config, process.env);
  const log = createLog(config.log);
  // Asked to end while it starts: the start is finished first, then undone.
  let end: () => void = () => {};
  const asked = new Promise<void>(resolve => {
    end = resolve;
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  const app = await startApp(config, { log });
  const facts = { ...describe(config), ...app.addresses };
  if (globals.json) print(facts, globals);
  else process.stdout.write(welcome(facts, globals));
  await asked;
  await app.close();
  // A connection to a mail server that does not answer would hold the process.
  process.exit();
}

function welcome(facts: Record<string, string>, { config }: Globals): string {
  const option = config === undefined ? '' : ` --config ${config}`;
  const { directory, root, mail, database } = facts;
  return `ACME directory:   ${directory}
Root certificate: ${root}
Mail goes to:     ${mail}
Database:         ${database}

Next, in another terminal:
  npx xmpp-ca member add --name "Example Club" --email admin@example.org${option}
  npx xmpp-ca eab create --member ID${option}
  npx xmpp-ca domain prove --member ID --domain example.org${option}

ready public=${facts['public']} status=${facts['status']} admin=${facts['admin']}
`;
}

/** Why, without a stack; one line, but for several mistakes in a configuration. */
function explain(error: unknown): string {
  if (error instanceof Problem) return [error.detail, ...(error.extras.subproblems ?? []).map(p => p.detail)].join('\n');
  if (error instanceof ConfigError)
    return error.message
      .split('\n')
      .map(line => `configuration: ${line}`)
      .join('\n');
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}

try {
  await buildProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`xmpp-ca: ${explain(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
