import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
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

  /** What is under way or waits its turn, by topic. */
  const topics = new Map<string, Promise<void>>();

  const withTopic = (topic: string, work: (signal: AbortSignal) => Promise<void>) => {
    let resolve = () => {};
    const promise = new Promise<void>(done => {
      resolve = done;
    });
    topics.set(topic, promise);
    return (signal: AbortSignal) =>
      work(signal).finally(() => {
        if (topics.get(topic) === promise) topics.delete(topic);
        resolve();
      });
  };

  return {
    run(name, work, topic) {
      if (abort.signal.aborted) return;
      const named = topic === undefined ? work : withTopic(topic, work);
      if (running.size < width) start(name, named);
      else waiting.push(() => start(name, named));
    },
    async wait(topic, ms) {
      const work = topics.get(topic);
      if (!work) return false;
      const end = new AbortController();
      await Promise.race([work, setTimeout(ms, undefined, { signal: end.signal, ref: false }).catch(() => {})]);
      end.abort();
      return true;
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
