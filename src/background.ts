import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import type { Background } from './ctx.ts';

/** At most `width` works at once; the others wait in order. */
export function createBackground(log: Logger, width = 64): Background {
  const abort = new AbortController();
  // Every work listens to it.
  setMaxListeners(0, abort.signal);
  const waiting: (() => void)[] = [];
  const running = new Set<Promise<void>>();

  const start = (name: string, work: (signal: AbortSignal) => Promise<void>): void => {
    const done = work(abort.signal)
      .catch(error => {
        if (!abort.signal.aborted) log.error({ err: error, work: name }, 'background work failed');
      })
      .finally(() => {
        running.delete(done);
        waiting.shift()?.();
      });
    running.add(done);
  };

  const settled = async (): Promise<void> => {
    while (running.size > 0) await Promise.all(running);
  };

  return {
    run(name, work) {
      if (abort.signal.aborted) return;
      if (running.size < width) start(name, work);
      else waiting.push(() => start(name, work));
    },
    ending: abort.signal,
    settled,
    close: async () => {
      abort.abort(new Error('the process ends'));
      waiting.length = 0;
      await settled();
    },
  };
}
