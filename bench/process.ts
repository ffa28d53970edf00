import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** What a server is given instead of our own environment: no DATABASE_URL, no NODE_OPTIONS. */
export function cleanEnv(extra: Record<string, string> = {}): Record<string, string> {
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/', LANG: 'C.UTF-8', ...extra };
}

/** What a program prints. @throws with the end of what it said where it fails */
export async function run(file: string, args: string[], env = cleanEnv(), cwd = '/'): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(file, args, { env, cwd, timeout: 600_000, maxBuffer: 1 << 24 });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string };
    throw new Error(`${[file, ...args].join(' ')}\n${tail(stdout + stderr) || message}`, { cause: error });
  }
}

/** A program that runs until it is stopped; all that it prints goes to a file. */
export class Daemon {
  readonly #name: string;
  readonly #log: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #running = true;

  constructor(name: string, command: [string, ...string[]], log: string, env: Record<string, string>) {
    const file = openSync(log, 'a');
    this.#name = name;
    this.#log = log;
    this.#child = spawn(command[0], command.slice(1), { env, stdio: ['ignore', file, file] });
    closeSync(file);
    this.#ended = new Promise(resolve => {
      const end = () => {
        this.#running = false;
        resolve();
      };
      this.#child.once('error', end).once('exit', end);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until `probe` gives something. @throws where the program ends first, or takes longer than a minute */
  async ready<T>(probe: (log: string) => Promise<T | undefined> | T | undefined): Promise<T> {
    for (const end = Date.now() + 60_000; Date.now() < end; await pause(50)) {
      const found = await probe(readFileSync(this.#log, 'utf8'));
      if (found !== undefined) return found;
      if (!this.#running) break;
    }
    throw new Error(`${this.#name} did not start:\n${tail(readFileSync(this.#log, 'utf8'))}`);
  }

  /** SIGTERM; SIGKILL where that is not enough. */
  async stop(seconds = 30): Promise<void> {
    if (this.#running) this.#child.kill('SIGTERM');
    const patience = setTimeout(() => {
      process.stderr.write(`${this.#name} did not end within ${seconds} s and is killed\n`);
      this.#child.kill('SIGKILL');
    }, seconds * 1000);
    await this.#ended;
    clearTimeout(patience);
  }
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

export function tail(text: string, lines = 15): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
