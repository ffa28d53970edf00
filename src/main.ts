#!/usr/bin/env node
import { CommanderError } from 'commander';
import { UsageError } from './cli/globals.ts';
import { explain } from './cli/print.ts';
import { buildProgram } from './cli/program.ts';

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
