import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** Clients of plain HTTP/1.1 on kept connections, in a process of their own. They write prepared bytes, so that they cost less than any server. */

export interface HttpPlan {
  port: number;
  /** Whole requests, in base64; each client takes the next one of them. */
  requests: string[];
  clients: number;
  total: number;
}

export interface HttpOutcome {
  seconds: number;
  /** Milliseconds, ascending. */
  latencies: number[];
  failures: string[];
  /** Between 0 and 1: nearer to 1 it is the client that is measured. */
  clientBusy: number;
}

/** Milliseconds of a run, and of a single answer. */
const deadline = 60_000;
const patience = 5000;

/** OCSPResponseStatus successful, behind the first SEQUENCE. */
const successful = Buffer.of(0x0a, 1, 0);

class Client {
  readonly #port: number;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #settle: ((error?: Error) => void) | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws where the answer is no successful OCSP response */
  ask(request: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = error => {
        this.#settle = undefined;
        if (error) reject(error);
        else resolve();
      };
      this.#received = Buffer.alloc(0);
      this.#socket ??= this.#open();
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect(this.#port, '127.0.0.1');
    socket.setNoDelay(true).setTimeout(patience, () => socket.destroy(new Error('no answer')));
    socket.on('data', chunk => this.#hear(chunk));
    const end = (error?: Error) => {
      // What was given up already may end when it likes.
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#settle?.(error ?? new Error('the connection was closed'));
    };
    socket.on('error', end).on('close', () => end());
    return socket;
  }

  #hear(chunk: Buffer): void {
    this.#received = this.#received.length ? Buffer.concat([this.#received, chunk]) : chunk;
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#received.toString('latin1', 0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined || this.#received.length < end + 4 + Number(length)) return;
    if (/^HTTP\/1\.0|\r\nconnection: *close/i.test(head)) {
      this.#socket?.destroy();
      this.#socket = undefined;
    }
    this.#settle?.(this.#fault());
  }

  #fault(): Error | undefined {
    const text = this.#received.toString('latin1', 0, 12);
    const body = this.#received.subarray(this.#received.indexOf('\r\n\r\n') + 4);
    if (!text.endsWith(' 200')) return new Error(`answered ${text}`);
    return body.subarray(0, 8).includes(successful) ? undefined : new Error(`answered ${body.toString('hex', 0, 8)}`);
  }
}

async function run({ port, requests, clients, total }: HttpPlan): Promise<HttpOutcome> {
  const prepared = requests.map(r => Buffer.from(r, 'base64'));
  const latencies: number[] = [];
  const failures: string[] = [];
  let begun = 0;
  const busy = performance.eventLoopUtilization();
  const started = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = new Client(port);
      for (let at = begun++; at < total && failures.length < 100 && performance.now() - started < deadline; at = begun++) {
        const from = performance.now();
        try {
          await client.ask(prepared[at % prepared.length] ?? Buffer.alloc(0));
          latencies.push(performance.now() - from);
        } catch (error) {
          failures.push(error instanceof Error ? error.message : String(error));
        }
      }
      client.close();
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  return { seconds, latencies, failures, clientBusy: performance.eventLoopUtilization(busy).utilization };
}

process.on('message', async (plan: HttpPlan) => {
  const outcome = await run(plan);
  process.send?.(outcome, undefined, undefined, () => process.exit());
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
