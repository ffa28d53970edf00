export interface InFlight {
  track(handling: Promise<void>): Promise<void>;
  /** Resolves when no handler runs: one may outlive the connection that it was to answer. */
  idle(): Promise<void>;
}

export function createInFlight(): InFlight {
  const running = new Set<Promise<void>>();
  return {
    track(handling) {
      const done = handling.finally(() => running.delete(done));
      running.add(done);
      return done;
    },
    async idle() {
      while (running.size) await Promise.all(running);
    },
  };
}
