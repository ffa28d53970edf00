import { existsSync } from 'node:fs';
import { createLog, openCtx, startApp } from '../app.ts';
import { firstTokenFile } from '../ca/members/admin-token.ts';
import { type Config, readConfig } from '../config.ts';
import { UsageError } from '../operations/usage-error.ts';
import { withoutPassword } from '../store/open.ts';
import type { Globals } from './globals.ts';
import { print } from './print.ts';
import type { Terminal } from './terminal.ts';

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

export async function init(terminal: Terminal, globals: Globals): Promise<void> {
  refuseServer(globals);
  const config = readConfig(globals.config, terminal.env, terminal.cwd);
  const ctx = await openCtx(config, { log: createLog('warn', { write: terminal.err }) });
  await ctx.close();
  print(terminal, describe(config), globals);
}

export async function serve(terminal: Terminal, globals: Globals): Promise<void> {
  refuseServer(globals);
  const config = readConfig(globals.config, terminal.env, terminal.cwd);
  const log = createLog(config.log);
  // Asked to end while it starts: the start is finished first, then undone.
  let end: () => void = () => {};
  const asked = new Promise<void>(resolve => {
    end = resolve;
  });
  const signals = ['SIGTERM', 'SIGINT'] as const;
  for (const signal of signals) process.once(signal, end);
  const app = await startApp(config, { log }).catch(error => {
    for (const signal of signals) process.off(signal, end);
    throw error;
  });
  const facts = { ...describe(config), ...app.addresses };
  if (globals.json) print(terminal, facts, globals);
  else terminal.out(welcome(facts, globals));
  await asked;
  await app.close();
  // A connection to a mail server that does not answer would hold the process.
  process.exit();
}

function refuseServer({ server }: Globals): void {
  if (server !== undefined) throw new UsageError('--server: a server is set up and started where it runs; leave it out');
}

function welcome(facts: Record<string, string>, { config }: Globals): string {
  const option = config === undefined ? '' : ` --config ${config}`;
  const { directory, root, mail, database, adminToken } = facts;
  return `ACME directory:   ${directory}
Root certificate: ${root}
Mail goes to:     ${mail}
Database:         ${database}
${adminToken === undefined ? '' : `Admin token:      ${adminToken}\n`}
Next, in another terminal:
  npx xmpp-ca member add --name "Example Club" --email admin@example.org${option}
  npx xmpp-ca eab create --member ID${option}
  npx xmpp-ca domain prove --member ID --domain example.org${option}

ready public=${facts['public']} status=${facts['status']} admin=${facts['admin']}
`;
}
