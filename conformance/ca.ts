import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Dns } from './dns.ts';
import type { MailServer } from './mail.ts';
import { cleanEnv, Daemon, readText, run } from './process.ts';

const main = resolve(import.meta.dirname, '../dist/src/main.js');

export interface Eab {
  kid: string;
  hmacKey: string;
  directory: string;
}
export interface Revoked {
  serial: string;
  status: string;
}

/** The server under test, run as an operator runs it, and its command line. */
export class Authority {
  readonly url = 'https://localhost:8443';
  readonly status = 'http://localhost:8080';
  /** The root certificate as every member has it: a file that all users can read. */
  readonly root: string;
  readonly log: string;
  /** Its `dataDir`. */
  readonly data: string;
  readonly #config: string;
  readonly #env: Record<string, string>;
  readonly #dns: Dns;
  readonly #mail: MailServer;
  #daemon: Daemon | undefined;

  constructor(folder: string, dns: Dns, mail: MailServer) {
    mkdirSync(folder, { recursive: true });
    this.root = join(folder, 'root.pem');
    this.data = join(folder, 'data');
    this.log = join(folder, 'ca.log');
    this.#config = join(folder, 'config.yaml');
    this.#env = cleanEnv(folder, { NODE_EXTRA_CA_CERTS: mail.trust, NODE_OPTIONS: '--trace-warnings --enable-source-maps' });
    this.#dns = dns;
    this.#mail = mail;
    writeFileSync(
      this.#config,
      `publicUrl: ${this.url}
listen: 127.0.0.1:8443
status: { listen: 127.0.0.1:8080, publicUrl: ${this.status} }
admin: { listen: 127.0.0.1:8444 }
dataDir: ./data
validation: { resolvers: ['${dns.address}:53'], allowPrivateAddresses: true }
mail:
  transport: ${mail.transport}
  from: certmaster@ca.test
  dkim: { domain: ca.test, selector: conformance, keyFile: ${mail.dkimKey} }
`,
    );
  }

  async start(): Promise<void> {
    this.#daemon = new Daemon('xmpp-ca serve', [process.execPath, main, 'serve', '--config', this.#config], this.log, { env: this.#env });
    await this.#daemon.ready(() => /^ready/m.test(readText(this.log)));
    copyFileSync(join(this.data, 'root.pem'), this.root);
  }

  /** The result is the exit code, null where SIGTERM was not enough. */
  async stop(): Promise<number | null> {
    return (await this.#daemon?.stop()) ?? null;
  }

  /** One command of the command line; the JSON value that it prints is taken to be a T. */
  async cli<T>(...words: string[]): Promise<T> {
    const { stdout } = await run([process.execPath, main, ...words, '--config', this.#config, '--json'], { env: this.#env });
    return JSON.parse(stdout) as T;
  }

  async member(name: string): Promise<string> {
    return (await this.cli<{ id: string }>('member', 'add', '--name', name, '--email', `${name.replace(/\W+/g, '-')}@members.test`)).id;
  }

  async eab(member: string): Promise<Eab> {
    return this.cli<Eab>('eab', 'create', '--member', member);
  }

  async memberDirectory(member: string, ...options: string[]): Promise<string> {
    return (await this.cli<{ directory: string }>('directory', 'create', '--member', member, ...options)).directory;
  }

  /** As an operator does it: the code goes to a mailbox of the domain, is read there, and confirmed. */
  async proveDomain(member: string, domain: string): Promise<void> {
    this.#dns.mx(domain, 'mail.test');
    const { mailbox } = await this.cli<{ mailbox: string }>('domain', 'prove', '--member', member, '--domain', domain);
    const code = await this.#mail.code(mailbox);
    const { status } = await this.cli<{ status: string }>('domain', 'confirm', '--member', member, '--domain', domain, '--code', code);
    if (status !== 'valid') throw new Error(`domain confirm says ${status}`);
  }
}
