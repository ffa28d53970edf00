import type { Command } from 'commander';

/** Before or after a command's own words. */
export interface Globals {
  config?: string;
  json?: boolean;
  server?: string;
  token?: string;
  tokenFile?: string;
  ca?: string;
}

export function withGlobals(command: Command): Command {
  return command
    .option('--config <file>', 'configuration file')
    .option('--json', 'one JSON value on stdout')
    .option('--server <url>', 'act at this server, by its admin API, and not on the database')
    .option('--token <token>', 'token for --server; better in XMPP_CA_TOKEN or a file')
    .option('--token-file <file>', 'file that holds the token')
    .option('--ca <file>', 'root certificate to trust for --server');
}
