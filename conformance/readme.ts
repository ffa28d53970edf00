import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { issue } from './certificates.ts';
import { facts } from './openssl.ts';
import { type Output, run } from './process.ts';
import type { Case, Trial } from './trial.ts';
import { until } from './wait.ts';

const readme = readFileSync(resolve(import.meta.dirname, '../README.md'), 'utf8');

/** The block of code that begins with `start`. */
export function block(start: RegExp): string {
  const blocks = [...readme.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, text = '']) => text);
  const found = blocks.find(text => start.test(text));
  if (found === undefined) throw new Error(`the README has no block ${start}`);
  return found;
}

const [define, ...calls] = block(/^api\(\)/)
  .trim()
  .split('\n') as [string, ...string[]];

/** The lines that ask the admin API by curl, after the one that defines `api`. */
export const curlLines: string[] = calls;

/** What the README prints, run as it is printed; only what stands for something else is put in. */
export const readmeCases: Case[] = [
  {
    name: "the README's lines for curl",
    async run(t) {
      const issued = await issue(t, [t.domain]);
      const put: Record<string, string> = { SERIAL: (await facts(issued.chain)).serial };
      symlinkSync(t.ca.data, join(t.folder, 'data'));
      for (const call of curlLines) {
        const line = Object.entries(put).reduce((text, [word, value]) => text.replaceAll(word, value), call);
        const { stdout, stderr } = await t.run(['sh', '-c', `${define}\n${line}`]);
        if (stderr !== '' || /acme:error/.test(stdout)) throw new Error(`${line}\n${stderr}${stdout}`);
        put['ID'] ??= (JSON.parse(stdout) as { id: string }).id;
        const etag = /^ETag: (\S+)/im.exec(stdout)?.[1];
        if (etag !== undefined) put['ETAG'] = etag;
      }
      const list = readFileSync(join(t.folder, 'certificates.csv'), 'utf8');
      if (!new RegExp(`^${put['SERIAL']},`, 'm').test(list)) throw new Error(`${put['SERIAL']} is not in the list:\n${list}`);
      const { status } = await t.ca.cli<{ status: string }>('cert', 'show', put['SERIAL']!);
      if (status !== 'revoked') throw new Error(`the certificate is ${status}`);
    },
  },
  {
    name: "the README's lines for auditors",
    async run(t) {
      const { serial } = await facts((await issue(t, [t.domain])).chain);
      await until('a proof of the certificate', async () => (await fetch(`${t.ca.status}/log/proof/${serial}`)).ok);
      const { key } = await t.ca.cli<{ key: string }>('audit', 'key');
      const lines = block(/^KEY=/)
        .replaceAll(/^KEY='.*'/g, `KEY='${key}'`)
        .replaceAll('http://localhost:18080', t.ca.status)
        .replaceAll('example.org', t.domain)
        .replaceAll(/proof\/[0-9a-f]{32}/g, `proof/${serial}`);
      const { stdout } = await runLines(t, lines);
      const told = [/^entries: +\d+$/m, new RegExp(`^serial: +${serial}$`, 'm'), /^entry: +\{"type":"certificate"/m, /^unsealed: +\d+$/m];
      for (const each of told) if (!each.test(stdout)) throw new Error(`the lines do not tell ${each}:\n${stdout}`);
    },
  },
];

/** Runs lines as a shell does, with the `npx xmpp-ca` of this checkout, until one fails. */
export function runLines(t: Trial, lines: string): Promise<Output> {
  const npx = `npx() { shift; '${process.execPath}' '${resolve(import.meta.dirname, '../dist/src/main.js')}' "$@"; }`;
  return t.run(['sh', '-ec', `${npx}\n${lines}`], { XMPP_CA_CONFIG: join(t.ca.data, '..', 'config.yaml') });
}

/** A relying server's folder of roots and CRLs, and the cron job that fills it. */
export class CronJob {
  /** In place of `/etc/ssl/federation`. */
  readonly folder: string;
  readonly #t: Trial;
  readonly #pidFile: string;

  /** @param pidFile in place of Prosody's own */
  constructor(t: Trial, pidFile: string) {
    this.folder = join(t.folder, 'federation');
    this.#t = t;
    this.#pidFile = pidFile;
    mkdirSync(this.folder);
    mkdirSync(join(t.folder, 'cron.hourly'));
    copyFileSync(t.ca.root, join(this.folder, 'root.pem'));
  }

  /** The URLs that the README says to put in. */
  async urls(): Promise<string[]> {
    return (await this.#t.ca.cli<{ url: string }[]>('crl', 'list')).map(({ url }) => url);
  }

  /** Runs it as cron does. */
  async run(urls: string[], accept = [0]): Promise<Output> {
    const job = block(/^#!\/bin\/sh\nset -eu\ncd \/etc\/ssl\/federation/).replace(
      /^for url in .*; do$/m,
      `for url in ${urls.join(' ')}; do`,
    );
    const hourly = join(this.#t.folder, 'cron.hourly');
    this.#t.file('cron.hourly/federation-crls', job, 0o755);
    const places = `set -e
mount -t tmpfs none /etc/ssl
mkdir /etc/ssl/federation
mount --bind "$0" /etc/ssl/federation
mount -t tmpfs none /run
mkdir /run/prosody
cp "$1" /run/prosody/prosody.pid
exec run-parts --report "$2"`;
    const command = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', places, this.folder, this.#pidFile, hourly];
    return run(command, { env: { PATH: '/usr/bin:/bin', HOME: '/root', SHELL: '/bin/sh' }, cwd: '/', accept });
  }

  /** What the README has Prosody's configuration say. */
  prosody(key: string, certificate: string): string {
    return block(/^s2s_ssl = /)
      .replaceAll('/etc/ssl/federation', this.folder)
      .replaceAll('/etc/prosody/certs/key.pem', key)
      .replaceAll('/etc/prosody/certs/chain.pem', certificate);
  }

  /** The line that checks a certificate against the file. */
  verify(chain: string, accept = [0]): Promise<Output> {
    const line = /`(openssl verify -crl_check_all -CAfile root-and-crls\.pem [^`]*)`/.exec(readme)?.[1];
    if (line === undefined) throw new Error('the README has no line that verifies against the file');
    copyFileSync(chain, join(this.folder, 'chain.pem'));
    return this.#t.run(['sh', '-c', line], {}, { cwd: this.folder, accept });
  }
}
