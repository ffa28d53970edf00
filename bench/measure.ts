import type { Load } from './load.ts';
import type { Outcome } from './load-process.ts';
import { pause } from './process.ts';
import type { Server } from './target.ts';

export interface Measurement extends Outcome {
  name: string;
  clients: number;
  /** CPU milliseconds for each certificate that was issued. */
  cpu: { server: number; database?: number };
  /** When it ran: microseconds of the monotonic clock. */
  window: { from: number; to: number };
}

/** Issues and accounts for it, with what the server does in the background of it (mail). The server has been warmed up. */
export async function measure(name: string, server: Server, load: Load, clients: number, total: number): Promise<Measurement> {
  await quiet(server);
  const before = server.cpu();
  const from = monotonic();
  const outcome = await load.issue(total);
  await quiet(server);
  const to = monotonic();
  const after = server.cpu();
  const each = (ms: number) => ms / Math.max(outcome.latencies.length, 1);
  const database = after.database === undefined ? undefined : each(after.database - (before.database ?? 0));
  const cpu = { server: each(after.server - before.server), ...(database !== undefined && { database }) };
  return { name, clients, ...outcome, cpu, window: { from, to } };
}

const monotonic = () => Number(process.hrtime.bigint() / 1000n);

/** Waits until the server has next to nothing to do. */
async function quiet(server: Server): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    const before = server.cpu().server;
    await pause(300);
    if (server.cpu().server - before <= 20) return;
  }
}
