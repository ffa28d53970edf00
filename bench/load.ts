import { type ChildProcess, fork } from 'node:child_process';
import type { Call, Outcome, Return } from './load-process.ts';
import type { Target } from './target.ts';

/** The process with the clients, from outside. */
export interface Load {
  /** Where http-01 is answered. */
  httpPort: number;
  /** Makes the clients, each with an account; those of before are gone. @throws */
  open(target: Target, clients: number): Promise<void>;
  /** @param mostFailures after which it gives up */
  issue(total: number, mostFailures?: number): Promise<Outcome>;
  close(): Promise<void>;
  stop(): void;
}

const ended = 'the process with the clients has ended';

export async function startLoad(): Promise<Load> {
  const child = fork(new URL('./load-process.ts', import.meta.url), { stdio: 'inherit' });
  const ask = async (call: Call) => {
    if (!child.connected) throw new Error(ended);
    const answer = next(child);
    child.send(call, () => {});
    return answer;
  };
  return {
    httpPort: (await next(child)) as number,
    open: async (target, clients) => void (await ask({ call: 'open', target, clients })),
    issue: async (total, mostFailures = 1e9) => (await ask({ call: 'issue', total, mostFailures })) as Outcome,
    close: async () => void (await ask({ call: 'close' })),
    stop: () => void child.kill('SIGKILL'),
  };
}

/** The next message; one call is under way at a time. */
function next(child: ChildProcess): Promise<Outcome | number> {
  return new Promise((resolve, reject) => {
    const forget = () => {
      child.off('message', hear);
      child.off('exit', die);
    };
    const hear = (message: Return) => {
      forget();
      if ('done' in message) resolve(message.done);
      else reject(new Error(message.failed));
    };
    const die = () => {
      forget();
      reject(new Error(ended));
    };
    child.on('message', hear).on('exit', die);
  });
}
