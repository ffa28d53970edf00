import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type Observe, type Step, Subscriber } from './issuance.ts';
import type { Target } from './target.ts';

/** The clients and the http-01 responder, in a process of their own: what they cost is nobody else's. */

export type Call =
  | { call: 'open'; target: Target; clients: number }
  | { call: 'issue'; total: number; mostFailures: number }
  | { call: 'close' };

export interface Outcome {
  /** Of whole issuances, milliseconds. */
  latencies: number[];
  /** Of single requests, milliseconds. */
  steps: Partial<Record<Step, number[]>>;
  failures: string[];
  seconds: number;
  /** Between 0 and 1: nearer to 1 it is the client that is measured. */
  clientBusy: number;
}

export type Return = { done: Outcome | number } | { failed: string };

const pages = new Map<string, string>();
let subscribers: Subscriber[] = [];

const responder = createServer((req, res) => {
  const page = pages.get(req.url?.replace('/.well-known/acme-challenge/', '') ?? '');
  res.statusCode = page === undefined ? 404 : 200;
  res.end(page);
});

/** @returns the number of clients */
async function open(target: Target, clients: number): Promise<number> {
  close();
  subscribers = Array.from({ length: clients }, () => new Subscriber(target, pages));
  const waiting = [...subscribers];
  const registrar = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) await next.register(target);
  };
  await Promise.all([registrar(), registrar(), registrar(), registrar()]);
  return subscribers.length;
}

function close(): number {
  for (const subscriber of subscribers.splice(0)) subscriber.close();
  return 0;
}

/** All clients at it, each one issuance after the other, until `total` have been begun, or too many have failed. */
async function issue(total: number, mostFailures: number): Promise<Outcome> {
  const latencies: number[] = [];
  const steps: Partial<Record<Step, number[]>> = {};
  const failures: string[] = [];
  const observe: Observe = (step, ms) => {
    steps[step] ??= [];
    steps[step].push(ms);
  };
  let begun = 0;
  const busy = performance.eventLoopUtilization();
  const started = performance.now();
  await Promise.all(
    subscribers.map(async subscriber => {
      while (begun++ < total && failures.length < mostFailures) {
        const from = performance.now();
        try {
          await subscriber.issue(observe);
          latencies.push(performance.now() - from);
        } catch (error) {
          failures.push(error instanceof Error ? error.message : String(error));
        }
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  return { latencies, steps, failures, seconds, clientBusy: performance.eventLoopUtilization(busy).utilization };
}

function act(message: Call): Promise<Outcome | number> | number {
  switch (message.call) {
    case 'open':
      return open(message.target, message.clients);
    case 'issue':
      return issue(message.total, message.mostFailures);
    case 'close':
      return close();
  }
}

/** Nobody may be there to hear it: see "disconnect" below. */
const say = (message: Return) => process.send?.(message, undefined, undefined, () => {});

process.on('message', async (message: Call) => {
  try {
    say({ done: await act(message) });
  } catch (error) {
    say({ failed: error instanceof Error ? error.message : String(error) });
  }
});
// However the bench ends, this ends with it; a signal from the terminal is the bench's to answer.
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
responder.listen(0, '127.0.0.1', () => say({ done: (responder.address() as AddressInfo).port }));
