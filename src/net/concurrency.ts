/** Lets so many works through at once; the others wait in order. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>;

export function createLimiter(width: number): Limiter {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async work => {
    if (inside >= width) await new Promise<void>(resolve => waiting.push(resolve));
    else inside++;
    try {
      return await work();
    } finally {
      // The place goes to the next one, or is given back.
      const next = waiting.shift();
      if (next) next();
      else inside--;
    }
  };
}
