import { fork } from 'node:child_process';
import { cpuOf } from './cpu.ts';
import type { HttpOutcome, HttpPlan } from './http-load-process.ts';

/** One run of clients in a process of their own. */
export function loadHttp(plan: HttpPlan): Promise<HttpOutcome> {
  const child = fork(new URL('./http-load-process.ts', import.meta.url), { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('message', outcome => resolve(outcome as HttpOutcome));
    child.on('error', reject);
    child.on('exit', () => reject(new Error('the process with the clients has ended')));
    child.send(plan);
  });
}

export interface HttpMeasurement extends HttpOutcome {
  name: string;
  /** Server CPU for each answer. */
  microseconds: number;
  perSecond: number;
}

/** Warms up with a tenth, then measures; the server's CPU is that of a process with all that descends from it. */
export async function measureHttp(name: string, pid: number, plan: HttpPlan): Promise<HttpMeasurement> {
  const warm = await loadHttp({ ...plan, total: Math.ceil(plan.total / 10) });
  if (warm.failures.length) return { ...warm, name, microseconds: Number.NaN, perSecond: Number.NaN };
  const before = cpuOf(pid);
  const outcome = await loadHttp(plan);
  const answered = Math.max(outcome.latencies.length, 1);
  return { ...outcome, name, microseconds: ((cpuOf(pid) - before) * 1000) / answered, perSecond: answered / outcome.seconds };
}
