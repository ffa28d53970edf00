import { existsSync } from 'node:fs';
import { createLog, openCtx, startApp } from '../app.ts';
import { firstTokenFile } from '../ca/members/admin-token.ts';
import { type Config, readConfig } from '../config.ts';
import { withoutPassword } from '../store/open.ts';
import { type Globals, UsageError } from './globals.ts';
import { print } from './print.ts';

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

export async function init(globals: Globals): Promise<void> {
  refuseServer(globals);
  const config = readConfig(globals.config, process.env);
  const ctx = await openCtx(config, { log: createLog('warn') });
  await ctx.close();
  print(describe(config), globals);
}

export async function serve(globals: Globals): Promise<void> {
  refuseServer(globals);
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
