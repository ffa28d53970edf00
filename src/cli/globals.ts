import type { Command } from 'commander';

/** Wrong usage: exit status 2. */
export class UsageError extends Error {}

/** Before or after a command's own words. */
export interface Globals {
  config?: string;
  json?: boolean;
}

export function withGlobals(command: Command): Command {
  return command.option('--config <file>', 'configuration file').option('--json', 'one JSON value on stdout');
}
