import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority } from './ca.ts';
import type { Dns } from './dns.ts';
import type { MailServer } from './mail.ts';
import { cleanEnv, type Output, type RunOptions, run } from './process.ts';

/** What all cases share. */
export interface Lab {
  folder: string;
  ca: Authority;
  dns: Dns;
  mail: MailServer;
}

export interface Case {
  name: string;
  run(trial: Trial): Promise<void>;
}

/** One run of one case: its own folder, address and domain, and what is to be stopped at its end. */
export class Trial {
  readonly name: string;
  readonly folder: string;
  readonly ca: Authority;
  readonly dns: Dns;
  readonly mail: MailServer;
  /** Where this case's client may listen. */
  readonly address: string;
  /** Where nobody listens. */
  readonly silent: string;
  readonly domain: string;
  /** The domain and a component of it. */
  readonly names: string[];
  /** Files whose end is shown where the case fails. */
  readonly logs: string[] = [];
  readonly #deferred: (() => Promise<void> | void)[] = [];

  constructor(lab: Lab, name: string, number: number) {
    const slug = name
      .toLowerCase()
      .match(/[a-z0-9]+/g)!
      .join('-');
    this.name = name;
    this.ca = lab.ca;
    this.dns = lab.dns;
    this.mail = lab.mail;
    this.folder = join(lab.folder, slug);
    mkdirSync(this.folder, { mode: 0o755 });
    this.address = `127.9.${number}.1`;
    this.silent = `127.9.${number}.2`;
    this.domain = `${slug}.test`;
    this.names = [this.domain, `conference.${this.domain}`];
  }

  /** Points names (default: the case's own) at the client's address, so that it can answer challenges. */
  answerHere(names = this.names): void {
    for (const name of names) this.dns.host(name, this.address);
  }

  /** Points them where nobody listens: no challenge could be answered. */
  answerNowhere(names = this.names): void {
    for (const name of names) this.dns.host(name, this.silent);
  }

  /** A member that has proved the case's domain, whose names nobody answers at. */
  async provedMember(domain = this.domain): Promise<string> {
    const member = await this.ca.member(this.name);
    await this.ca.proveDomain(member, domain);
    this.answerNowhere();
    return member;
  }

  /** Runs a program in the case's folder with an environment that has only what is given here. */
  run(command: string[], env: Record<string, string> = {}, options: RunOptions = {}): Promise<Output> {
    return run(command, { env: cleanEnv(this.folder, env), cwd: this.folder, ...options });
  }

  /** Writes a file into the case's folder; the result is its path. */
  file(name: string, text: string, mode = 0o644): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode });
    return path;
  }

  /** Says in the error which step failed. */
  async step<T>(label: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new Error(`${label}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** For the end of the case, last first. */
  defer(end: () => Promise<void> | void): void {
    this.#deferred.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#deferred.reverse()) await end();
  }
}
