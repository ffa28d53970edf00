import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import { type ParsedMail, simpleParser } from 'mailparser';
import type { Logger } from 'pino';
import { type App, createLog, startApp } from '../../src/app.ts';
import { deliverDue } from '../../src/ca/mail/deliver.ts';
import { parseConfig } from '../../src/config.ts';
import type { Ctx } from '../../src/ctx.ts';
import { operator } from '../../src/model/audit.ts';
import { pem } from '../../src/model/encoding.ts';
import { perform } from '../../src/operations/perform.ts';
import { fromWords } from '../../src/operations/schema-words.ts';
import { operations } from '../../src/operations/table.ts';
import { AcmeClient, type Eab, type Json } from './acme-client.ts';
import { type FakeNetwork, fakeNetwork } from './fake-network.ts';
import { afterFirstStart } from './first-start.ts';
import { readMails } from './mails.ts';

export const engines = ['sqlite', 'postgres'] as const;
export type Engine = (typeof engines)[number];

export interface TestCa {
  app: App;
  ctx: Ctx;
  net: FakeNetwork;
  publicUrl: string;
  statusUrl: string;
  adminUrl: string;
  /** PEM. */
  root: string;
  folder: string;
  /** Epoch seconds that the server believes in. */
  clock: { now: number };
  /** Moves the clock, and lets the clients forget their nonces, which grow old. */
  later(seconds: number): void;
  /** A client; closed with the CA. */
  client(): AcmeClient;
  /** Runs an operation, as the command line does. */
  run(name: string, input?: object): Promise<Json>;
  /** A member with a client whose account is bound to it. */
  member(name?: string): Promise<{ id: string; client: AcmeClient; eab: Eab }>;
  /** Proves a domain for a member by operator and mail. */
  prove(memberId: string, domain: string): Promise<void>;
  mails(): Promise<ParsedMail[]>;
  /** Waits until nothing is under way in the background. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface CaOptions {
  engine?: Engine;
  /** Instead of a fresh one. */
  database?: string;
  folder?: string;
  /** Merged over the defaults, one level deep. */
  config?: Record<string, unknown>;
  net?: FakeNetwork;
  now?: number;
  log?: Logger;
}

/** Epoch seconds: when the hierarchies were made that tests without a clock of their own share. */
const processStart = Math.floor(Date.now() / 1000);

/** A whole CA: the real server on loopback, a fake network, mail in a folder. */
export async function startCa(options: CaOptions = {}): Promise<TestCa> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'xmpp-ca-test-')));
  const file = join(folder, 'ca.db');
  const { validation, policy, ...rest } = (options.config ?? {}) as Record<string, object>;
  const settings = parseConfig(
    {
      publicUrl: 'https://localhost:14000',
      listen: '127.0.0.1:0',
      status: { listen: '127.0.0.1:0', publicUrl: 'http://localhost:14080' },
      admin: { listen: '127.0.0.1:0', requestsPerMinute: 1_000_000 },
      dataDir: join(folder, 'data'),
      database: options.database ?? `sqlite:${file}`,
      log: 'error',
      ...rest,
      validation: { allowPrivateAddresses: true, ...validation },
      policy: { ...policy },
    },
    folder,
  );
  // A folder or a database of the test's own may have been used before.
  const isFresh = options.database === undefined && options.folder === undefined;
  const database = isFresh && (await afterFirstStart(options.engine ?? 'sqlite', settings, file, options.now ?? processStart));
  const config = { ...settings, ...(database && { database }) };
  const net = options.net ?? fakeNetwork();
  const clock = { now: options.now ?? Math.floor(Date.now() / 1000) };
  const app = await startApp(config, { net, now: () => clock.now, log: options.log ?? createLog(config.log) });
  const { ctx } = app;
  const root = pem('CERTIFICATE', ctx.authority.root.certificate);
  const clients: AcmeClient[] = [];
  const mailFolder = join(folder, 'data', 'mail');

  const client = () => {
    const made = new AcmeClient(config.publicUrl, app.addresses.public, root);
    clients.push(made);
    return made;
  };
  const run = async (name: string, input: object = {}): Promise<Json> => {
    const operation = operations.find(o => o.name === name);
    if (!operation) throw new Error(`there is no operation "${name}"`);
    const output = await perform(ctx, {
      operation,
      values: operation.input.parse(fromWords(operation.input, { ...input })),
      actor: operator,
    });
    await settled();
    return output;
  };
  const settled = async () => {
    await ctx.background.settled();
    await deliverDue(ctx);
    // A message that the clock's own job has taken up is under way too.
    const due = () => ctx.db('outbox').where({ state: 'queued' }).where('next_at', '<=', clock.now).first('id');
    while (await due()) await new Promise(resolve => setTimeout(resolve, 5));
  };
  const mails = async () => Promise.all((await readMails(mailFolder)).map(text => simpleParser(text)));

  return {
    app,
    ctx,
    net,
    publicUrl: config.publicUrl,
    statusUrl: app.addresses.status,
    adminUrl: app.addresses.admin,
    root,
    folder,
    clock,
    later(seconds) {
      clock.now += seconds;
      for (const made of clients) made.nonce = undefined;
    },
    client,
    run,
    async member(name = 'Example Club') {
      const { id } = await run('member add', { name, email: 'admin@club.test' });
      const eab = await run('eab create', { member: id });
      const bound = await client().open();
      const answer = await bound.register({ eab });
      if (answer.status !== 201) throw new Error(`the account was refused: ${answer.body}`);
      return { id, client: bound, eab };
    },
    async prove(memberId, domain) {
      net.dns.mx.set(domain, [{ exchange: `mail.${domain}`, preference: 10 }]);
      const { mailbox } = await run('domain prove', { member: memberId, domain });
      const mail = (await mails()).filter(m => addressOf(m) === mailbox).at(-1);
      await run('domain confirm', { member: memberId, domain, code: codeIn(mail) });
    },
    mails,
    settled,
    async close() {
      for (const made of clients) made.close();
      await app.close();
      if (!options.folder) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As it was sent: mailparser shows U-labels. */
export function addressOf(mail: ParsedMail | undefined): string | undefined {
  const [local, domain] = [mail?.to].flat()[0]?.value[0]?.address?.split('@') ?? [];
  return domain === undefined ? undefined : `${local}@${domainToASCII(domain)}`;
}

/** The code stands on a line of its own. */
export function codeIn(mail: { text?: string | undefined } | undefined): string {
  const code = /^[a-z2-7]{32}$/m.exec(mail?.text ?? '')?.[0];
  if (!code) throw new Error('the mail holds no code');
  return code;
}
