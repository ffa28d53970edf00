import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Issued } from './openssl.ts';
import { Daemon, type Output, readText } from './process.ts';
import type { Trial } from './trial.ts';

/** One ejabberd of Debian's package, run as its own user by its own `ejabberdctl`. */
export class Ejabberd {
  readonly log: string;
  /** The key of its ACME account, once it has one. */
  readonly accountKey: string;
  readonly #t: Trial;
  readonly #folder: string;
  readonly #command: string[];
  #daemon: Daemon | undefined;

  /** `number` sets the nodes of one machine apart. */
  static async prepare(t: Trial, number: number): Promise<Ejabberd> {
    const ejabberd = new Ejabberd(t, number);
    await t.run(['chown', '-R', 'ejabberd:ejabberd', ejabberd.#folder]);
    t.logs.push(ejabberd.log);
    t.defer(() => ejabberd.stop());
    return ejabberd;
  }

  private constructor(t: Trial, number: number) {
    const folder = join(t.folder, 'ejabberd');
    const [conf, log, spool] = ['conf', 'log', 'spool'].map(name => join(folder, name)) as [string, string, string];
    for (const path of [conf, log, spool]) mkdirSync(path, { recursive: true });
    // A distribution port of its own: then no epmd is started, and nodes do not clash.
    writeFileSync(join(conf, 'ejabberdctl.cfg'), `ERL_DIST_PORT=${18000 + number}\nINET_DIST_INTERFACE=127.0.0.1\n`);
    copyFileSync('/etc/ejabberd/inetrc', join(conf, 'inetrc'));
    const options = ['--config-dir', conf, '--config', join(conf, 'ejabberd.yml'), '--ctl-config', join(conf, 'ejabberdctl.cfg')];
    this.#command = ['ejabberdctl', '--node', `conformance${number}@localhost`, ...options, '--logs', log, '--spool', spool];
    this.#t = t;
    this.#folder = folder;
    this.log = join(log, 'ejabberd.log');
    this.accountKey = join(spool, 'acme', 'account.key');
  }

  /** Starts it with an ejabberd.yml, or again with another one. */
  async start(yaml: string): Promise<void> {
    await this.stop();
    writeFileSync(join(this.#folder, 'conf', 'ejabberd.yml'), yaml);
    const from = readText(this.log).length;
    this.#daemon = new Daemon('ejabberd', [...this.#command, 'foreground'], join(this.#folder, 'out'));
    await this.#daemon.ready(() => /ejabberd \S+ is started in the node/.test(this.logged(from)), 120);
  }

  /** Puts a certificate where ejabberd can read it, chain and key in one file; the result is for `certfiles`. */
  certfile(issued: Issued): string {
    const file = join(this.#folder, 'conf', 'certificate.pem');
    writeFileSync(file, readText(issued.chain) + readText(issued.key));
    return file;
  }

  /** What it has logged, from a position on. */
  logged(from = 0): string {
    return readText(this.log).slice(from);
  }

  ctl(...words: string[]): Promise<Output> {
    return this.#ctl(words);
  }

  /** As `ctl`, but a command that fails is no error. */
  tryCtl(...words: string[]): Promise<Output> {
    return this.#ctl(words, [0, 1]);
  }

  #ctl(words: string[], accept = [0]): Promise<Output> {
    return this.#t.run([...this.#command, '--no-timeout', ...words], {}, { accept });
  }

  /** The files that its ACME client has stored, with their PEM text: chain and key. A new certificate for the same names replaces the file of the last one. */
  stored(): Map<string, string> {
    const live = join(this.#folder, 'spool', 'acme', 'live');
    const files = existsSync(live) ? readdirSync(live).map(name => join(live, name)) : [];
    return new Map(files.map(file => [file, readText(file)]));
  }

  async stop(): Promise<void> {
    if (this.#daemon === undefined) return;
    await this.ctl('stop').catch(() => {});
    await this.#daemon.stop();
    this.#daemon = undefined;
  }
}
