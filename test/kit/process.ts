import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runProgram } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

const top = fileURLToPath(new URL('../..', import.meta.url));

/** Every source has a build that is not older. */
function isBuilt(): boolean {
  const sources = readdirSync(join(top, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    f => /\.tsx?$/.test(f) && !f.endsWith('.d.ts'),
  );
  return sources.every(file => {
    const built = join(top, 'dist/src', file.replace(/\.tsx?$/, '.js'));
    return existsSync(built) && statSync(built).mtimeMs >= statSync(join(top, 'src', file)).mtimeMs;
  });
}

interface Program {
  node: string[];
  main: string;
  /** What takes long to load. */
  app: string;
}

/** The compiled program where it is up to date, for it starts faster; else the sources. */
function findProgram(): Program {
  if (isBuilt()) return { node: ['--enable-source-maps'], main: join(top, 'dist/src/main.js'), app: join(top, 'dist/src/app.js') };
  return {
    node: ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href],
    main: join(top, 'src/main.ts'),
    app: join(top, 'src/app.ts'),
  };
}

let program: Program | undefined;

export interface RunOptions {
  cwd: string;
  env?: Record<string, string>;
}

export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

function start(before: string[], args: string[], { cwd, env }: RunOptions): { child: ChildProcess; output: Ran; ended: Promise<Ran> } {
  program ??= findProgram();
  const child = spawn(process.execPath, [...program.node, ...before, program.main, ...args], {
    cwd,
    // From another folder tsx does not find by itself how the pages are compiled.
    env: { ...surroundings(env), TSX_TSCONFIG_PATH: join(top, 'tsconfig.json') },
    stdio: 'pipe',
  });
  const output: Ran = { code: null, signal: null, stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', text => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', text => {
    output.stderr += text;
  });
  child.stdin?.on('error', () => {});
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(Object.assign(output, { code, signal })));
  });
  return { child, output, ended };
}

/** Nothing of the tests' own configuration reaches a command. */
function surroundings(env: RunOptions['env']): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => name !== 'DATABASE_URL' && !name.startsWith('XMPP_CA_'));
  return { ...Object.fromEntries(inherited), ...env };
}

/** The command line as a process of its own, to its end: for what is about the process. */
export async function runProcess(args: string[], options: RunOptions): Promise<Ran> {
  const { child, ended } = start([], args, options);
  child.stdin?.end();
  return ended;
}

/** The command line in this process, to its end: a process takes most of a second to start. */
export async function runCommand(args: string[], { cwd, env }: RunOptions): Promise<Ran> {
  const ran: Ran = { code: null, signal: null, stdout: '', stderr: '' };
  const terminal: Terminal = {
    out: text => {
      ran.stdout += text;
    },
    err: text => {
      ran.stderr += text;
    },
    env: surroundings(env),
    cwd,
  };
  ran.code = await runProgram(args, terminal);
  return ran;
}

export interface ServerProcess {
  /** Where it listens; set when it is ready. */
  address: string;
  status: string;
  admin: string;
  output: Ran;
  /** Resolves when it is ready. @throws with its stderr where it ends before */
  ready: Promise<void>;
  ended: Promise<Ran>;
  /** Lets one begin that was started on hold. */
  begin(): void;
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Ran>;
}

/** A server as a process. On hold it loads everything and waits for `begin`, so that one takes another's place quickly. */
export function startServer(options: RunOptions & { args?: string[]; onHold?: boolean }): ServerProcess {
  program ??= findProgram();
  const app = JSON.stringify(pathToFileURL(program.app).href);
  const hold = `await import(${app}); await new Promise(go => process.stdin.once("data", go)); process.stdin.destroy();`;
  const { child, output, ended } = start(
    options.onHold ? ['--import', `data:text/javascript,${encodeURIComponent(hold)}`] : [],
    ['serve', ...(options.args ?? [])],
    options,
  );
  const server: ServerProcess = {
    address: '',
    status: '',
    admin: '',
    output,
    ready: new Promise((resolve, reject) => {
      child.stdout?.on('data', () => {
        const match = /^ready public=(\S+) status=(\S+) admin=(\S+)$/m.exec(output.stdout);
        if (!match?.[1] || !match[2] || !match[3] || server.address) return;
        server.address = match[1];
        server.status = match[2];
        server.admin = match[3];
        resolve();
      });
      ended.then(
        ({ code, signal, stderr }) => reject(new Error(`the server ended (${signal ?? code}) before it was ready: ${stderr}`)),
        reject,
      );
    }),
    ended,
    begin: () => void child.stdin?.write('go\n'),
    end: signal => {
      child.kill(signal ?? 'SIGTERM');
      return ended;
    },
  };
  server.ready.catch(() => {});
  return server;
}

/** A folder with a configuration that listens on free ports, and everything in it. */
export interface Site {
  folder: string;
  publicUrl: string;
  database: string;
  run(...args: string[]): Promise<Ran>;
  /** Runs with `--json`. @throws where it does not succeed */
  // biome-ignore lint/suspicious/noExplicitAny: wire JSON, whose shape is what the tests look at
  json(...args: string[]): Promise<any>;
  serve(onHold?: boolean): ServerProcess;
  /** Ends what still runs, and removes the folder. */
  close(): Promise<void>;
}

export async function makeSite(config: Record<string, unknown> = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-site-'));
  const settings = {
    publicUrl: 'https://localhost:14000',
    listen: '127.0.0.1:0',
    status: { listen: '127.0.0.1:0', publicUrl: 'http://localhost:14080' },
    admin: { listen: '127.0.0.1:0' },
    database: `sqlite:${join(folder, 'data/ca.db')}`,
    log: 'warn',
    ...config,
  };
  await writeFile(join(folder, 'config.yaml'), JSON.stringify(settings));
  const servers = new Set<ServerProcess>();
  const run = (...args: string[]) => runCommand(args, { cwd: folder });
  return {
    folder,
    publicUrl: settings.publicUrl,
    database: String(settings.database),
    run,
    async json(...args) {
      const { code, stdout, stderr } = await run(...args, '--json');
      if (code !== 0) throw new Error(`${args.join(' ')}: ${code} ${stderr}`);
      return JSON.parse(stdout);
    },
    serve(onHold = false) {
      const server = startServer({ cwd: folder, onHold });
      servers.add(server);
      server.ended.finally(() => servers.delete(server)).catch(() => {});
      return server;
    },
    async close() {
      await Promise.all([...servers].map(s => s.end('SIGKILL')));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Asks again and again until the answer is there: the test's own timeout is the limit. */
export async function until<T>(ask: () => Promise<T | undefined | false>, every = 50): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    await pause(every);
  }
}
