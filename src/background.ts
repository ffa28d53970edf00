import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import type { Background } from './ctx.ts';

interface Lane {
  busy: number;
  waiting: (() => void)[];
}

/** Of each name at most `width` works at once, the others wait in order: mail that hangs holds no validation up. */
export function createBackground(log: Logger, width = 64): Background {
  const abort = new AbortController();
  // Every work listens to it.
  setMaxListeners(0, abort.signal);
  const lanes = new Map<string, Lane>();
  const running = new Set<Promise<void>>();

  const laneOf = (name: string): Lane => {
    const lane = lanes.get(name) ?? { busy: 0, waiting: [] };
    lanes.set(name, lane);
    return lane;
  };

  const start = (name: string, work: (signal: AbortSignal) => Promise<void>): void => {
    const lane = laneOf(name);
    lane.busy++;
    const done = work(abort.signal)
      .catch(error => {
        if (!abort.signal.aborted) log.error({ err: error, work: name }, 'background work failed');
      })
      .finally(() => {
        running.delete(done);
        lane.busy--;
        lane.waiting.shift()?.();
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
      if (abort.signal.aborted || (topic !== undefined && topics.has(topic))) return;
      const named = topic === undefined ? work : withTopic(topic, work);
      const lane = laneOf(name);
      if (lane.busy < width) start(name, named);
      else lane.waiting.push(() => start(name, named));
    },
    async wait(topic, ms) {
      const work = topics.get(topic);
      if (!work) return false;
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, ms);
        void work.then(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      return true;
    },
    ending: abort.signal,
    settled,
    close: async () => {
      abort.abort(new Error('the process ends'));
      for (const lane of lanes.values()) lane.waiting.length = 0;
      await settled();
    },
  };
}
