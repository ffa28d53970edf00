import { readFileSync } from 'node:fs';
import { steps } from './issuance.ts';
import type { Load } from './load.ts';
import type { Outcome } from './load-process.ts';
import { pause } from './process.ts';
import type { Server } from './target.ts';

export interface Measurement extends Outcome {
  name: string;
  clients: number;
  /** CPU milliseconds for each certificate that was issued. */
  cpu: Cpu;
  /** The same of the round that cost least: on a machine that others use too, the figure that moves least. */
  best: Cpu;
  /** Datagrams that this machine has dropped meanwhile, most likely DNS queries: each cost a validation the resolver's patience. */
  lost: number;
  /** When it ran: microseconds of the monotonic clock. */
  window: { from: number; to: number };
}

interface Cpu {
  server: number;
  database?: number;
}

const rounds = 5;

/** Issues and accounts for it, with what the server does in the background of it (mail). The server has been warmed up. */
export async function measure(
  name: string,
  server: Server,
  load: Load,
  clients: number,
  total: number,
  mostFailures?: number,
): Promise<Measurement> {
  const outcomes: Outcome[] = [];
  const used: Cpu[] = [];
  await quiet(server);
  const lost = droppedDatagrams();
  const from = monotonic();
  for (const share of shares(total, clients)) {
    const before = server.cpu();
    outcomes.push(await load.issue(share, mostFailures));
    await quiet(server);
    used.push(difference(server.cpu(), before));
    if (outcomes.flatMap(o => o.failures).length >= (mostFailures ?? total)) break;
  }
  const to = monotonic();
  const each = used.map((cpu, i) => divide(cpu, outcomes[i]?.latencies.length ?? 0));
  const [best = each[0]] = each.toSorted((a, b) => whole(a) - whole(b));
  const outcome = join(outcomes);
  const cpu = divide(used.reduce(sum), outcome.latencies.length);
  return { name, clients, ...outcome, cpu, best: best ?? cpu, lost: droppedDatagrams() - lost, window: { from, to } };
}

/** Rounds of about the same size, none of them smaller than ten issuances a client. */
function shares(total: number, clients: number): number[] {
  const count = Math.max(1, Math.min(rounds, Math.floor(total / (10 * clients))));
  return Array.from({ length: count }, (_, i) => Math.floor((total * (i + 1)) / count) - Math.floor((total * i) / count));
}

function join(outcomes: readonly Outcome[]): Outcome {
  const ascending = (a: number, b: number) => a - b;
  const seconds = outcomes.reduce((all, o) => all + o.seconds, 0);
  const parts = steps.flatMap(step => {
    const all = outcomes.flatMap(o => o.steps[step] ?? []).sort(ascending);
    return all.length ? [[step, all]] : [];
  });
  return {
    latencies: outcomes.flatMap(o => o.latencies).sort(ascending),
    steps: Object.fromEntries(parts),
    failures: outcomes.flatMap(o => o.failures),
    seconds,
    clientBusy: outcomes.reduce((all, o) => all + o.clientBusy * o.seconds, 0) / seconds,
  };
}

const whole = ({ server, database = 0 }: Cpu): number => server + database;

function map(a: Cpu, b: Cpu, how: (a: number, b: number) => number): Cpu {
  const database = a.database === undefined ? undefined : how(a.database, b.database ?? 0);
  return { server: how(a.server, b.server), ...(database !== undefined && { database }) };
}

const difference = (a: Cpu, b: Cpu): Cpu => map(a, b, (x, y) => x - y);
const sum = (a: Cpu, b: Cpu): Cpu => map(a, b, (x, y) => x + y);
const divide = (cpu: Cpu, by: number): Cpu => map(cpu, cpu, x => x / Math.max(by, 1));

const monotonic = () => Number(process.hrtime.bigint() / 1000n);

/** RcvbufErrors of /proc/net/snmp: a socket's buffer was full. */
function droppedDatagrams(): number {
  const [names, values] = readFileSync('/proc/net/snmp', 'latin1')
    .split('\n')
    .filter(line => line.startsWith('Udp:'))
    .map(line => line.split(' '));
  return Number(values?.[names?.indexOf('RcvbufErrors') ?? 0] ?? 0);
}

/** Waits until the server has next to nothing to do. */
async function quiet(server: Server): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    const before = server.cpu().server;
    await pause(300);
    if (server.cpu().server - before <= 20) return;
  }
}
