import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { until } from './wait.ts';

export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}
export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  input?: string | Uint8Array;
  /** Seconds, after which the whole process group is killed. */
  timeout?: number;
  /** Exit codes that are no failure; default 0 alone. */
  accept?: number[];
}

/** What a program is given instead of the caller's environment. */
export function cleanEnv(home: string, extra: Record<string, string> = {}): Record<string, string> {
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: home, LANG: 'C.UTF-8', ...extra };
}

/**
 * Runs a program to its end.
 * @throws Error with the command, the exit code and the end of what it printed, where the code is not an accepted one
 */
export async function run(command: string[], options: RunOptions = {}): Promise<Output> {
  const child = spawn(command[0]!, command.slice(1), {
    env: options.env ?? cleanEnv('/'),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    detached: true,
    stdio: 'pipe',
  });
  const seconds = options.timeout ?? 120;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    killGroup(child);
  }, seconds * 1000);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => err.push(bytes));
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  try {
    const code = await new Promise<number>((done, fail) => {
      child.once('error', fail);
      child.once('close', (status, signal) => done(status ?? (signal ? 128 : 1)));
    });
    const output = { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
    if (!late && (options.accept ?? [0]).includes(code)) return output;
    const why = late ? `was still running after ${seconds} s` : `ended with ${code}`;
    throw new Error(`${command.join(' ')}\n${why}\n${tail(output.stdout + output.stderr, 25)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** A program that runs until it is stopped; all it prints goes to a file. */
export class Daemon {
  readonly log: string;
  readonly #name: string;
  readonly #child: ChildProcess;
  #ended = false;
  #code: number | null = null;

  constructor(name: string, command: string[], log: string, options: { env?: Record<string, string>; cwd?: string } = {}) {
    const file = openSync(log, 'a');
    this.log = log;
    this.#name = name;
    this.#child = spawn(command[0]!, command.slice(1), {
      env: options.env ?? cleanEnv('/'),
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      detached: true,
      stdio: ['ignore', file, file],
    });
    closeSync(file);
    this.#child.once('error', () => {
      this.#ended = true;
    });
    this.#child.once('exit', code => {
      this.#ended = true;
      this.#code = code;
    });
  }

  /** Waits until `probe` succeeds; gives up at once where the program has ended. */
  async ready(probe: () => Promise<boolean> | boolean, seconds = 60): Promise<void> {
    const ended = await until(`${this.#name} to start`, async () => (this.#ended ? 'ended' : (await probe()) && 'ready'), seconds);
    if (ended === 'ended') throw new Error(`${this.#name} ended by itself:\n${tail(readText(this.log), 15)}`);
  }

  /** SIGTERM, and SIGKILL for the whole group where that is not enough; the result is the exit code, null after a signal. */
  async stop(seconds = 20): Promise<number | null> {
    if (!this.#ended) {
      this.#child.kill('SIGTERM');
      await until(`${this.#name} to end`, () => this.#ended, seconds).catch(() => {});
    }
    killGroup(this.#child);
    await until(`${this.#name} to be killed`, () => this.#ended);
    return this.#code;
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

export function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

export function tail(text: string, lines: number): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
