import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Dns } from './dns.ts';
import { cleanEnv, Daemon, readText, run } from './process.ts';
import { until } from './wait.ts';

export interface Mail {
  recipient: string;
  headers: string;
  body: string;
}

/**
 * Debian's exim as a submission server (STARTTLS and a password required, DKIM verified): one maildir for everybody, and
 * a domain whose postmaster it refuses. Not opensmtpd: Debian 12's cannot do TLS (OpenSMTPD issue 1171).
 */
export class MailServer {
  static readonly refused = 'postmaster@mailbox-refused.test';
  readonly transport = 'smtp://certmaster:secret@localhost:587';
  readonly trust: string;
  readonly dkimKey: string;
  readonly log: string;
  readonly #maildir: string;
  readonly #folder: string;
  #daemon: Daemon | undefined;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.#maildir = join(folder, 'mail');
    this.trust = join(folder, 'cert.pem');
    this.dkimKey = join(folder, 'dkim.pem');
    this.log = join(folder, 'log', 'mainlog');
  }

  async start(dns: Dns): Promise<void> {
    const folder = this.#folder;
    const env = cleanEnv(folder);
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    await run(
      ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', 'key.pem', '-out', 'cert.pem'],
      { env, cwd: folder },
    );
    await run(['openssl', 'genrsa', '-out', this.dkimKey, '2048'], { env });
    const der = await run(['sh', '-c', 'openssl pkey -in "$0" -pubout -outform DER | base64 -w0', this.dkimKey], { env });
    dns.txt('conformance._domainkey.ca.test', `v=DKIM1; k=rsa; p=${der.stdout.trim()}`);
    dns.host('mail.test', '127.0.0.1');
    for (const name of ['log', 'spool', 'mail']) mkdirSync(join(folder, name));
    await run(['chown', 'Debian-exim:Debian-exim', 'key.pem', 'log', 'spool', 'mail'], { cwd: folder });
    const conf = join(folder, 'exim.conf');
    writeFileSync(conf, configuration(folder));
    this.#daemon = new Daemon('exim', ['exim4', '-C', conf, '-bdf', '-q1m'], join(folder, 'exim.out'), { env });
    await this.#daemon.ready(() => listens(587));
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
  }

  /** Everything delivered so far, oldest first. */
  delivered(): Mail[] {
    const folder = join(this.#maildir, 'new');
    const files = readText(this.log) === '' ? [] : safeList(folder).sort();
    return files.map(file => parse(readFileSync(join(folder, file), 'utf8')));
  }

  /** The newest code that was delivered to a mailbox: 32 characters of base32 on a line of their own. */
  async code(mailbox: string): Promise<string> {
    return until(`a code in the mailbox ${mailbox}`, () => {
      const codes = this.delivered()
        .filter(mail => mail.recipient === mailbox)
        .map(mail => /^\s*([a-z2-7]{32})\s*$/m.exec(mail.body)?.[1]);
      return codes.filter(code => code !== undefined).at(-1);
    });
  }
}

function configuration(folder: string): string {
  return `primary_hostname = localhost
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%slog
exim_user = Debian-exim
exim_group = Debian-exim
pid_file_path = ${folder}/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = 587
keep_environment =
tls_advertise_hosts = *
tls_certificate = ${folder}/cert.pem
tls_privatekey = ${folder}/key.pem
auth_advertise_hosts = \${if eq{$tls_in_cipher}{}{}{*}}
log_selector = +dkim_verbose
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  require authenticated = *
  deny recipients = ${MailServer.refused}
       message = 5.1.1 <img src=x> there is no such mailbox here
  accept
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{certmaster}}{eq{$auth3}{secret}}}}
  server_set_id = $auth2
begin routers
everybody:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  maildir_format
  directory = ${folder}/mail
  envelope_to_add
  user = Debian-exim
`;
}

function parse(text: string): Mail {
  const [head = '', ...rest] = text.replaceAll('\r\n', '\n').split('\n\n');
  const headers = head.replace(/\n[ \t]+/g, ' ');
  const header = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'im').exec(headers)?.[1]?.trim() ?? '';
  const raw = rest.join('\n\n');
  const encoding = header('Content-Transfer-Encoding').toLowerCase();
  const body =
    encoding === 'base64' ? Buffer.from(raw, 'base64').toString() : encoding === 'quoted-printable' ? fromQuotedPrintable(raw) : raw;
  return { recipient: header('Envelope-to'), headers, body };
}

function fromQuotedPrintable(text: string): string {
  const bytes = text.replace(/=\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

function safeList(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}
