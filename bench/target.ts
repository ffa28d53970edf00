import type { Eab } from '../test/kit/acme-client.ts';

/** An ACME server as its clients see it. */
export interface Target {
  directory: string;
  /** What it believes to be its origin; the host is the name in its certificate. */
  publicUrl: string;
  /** Where it really listens. */
  address: string;
  /** PEM. */
  trust: string;
  eab?: Eab;
}

/** A server that runs. */
export interface Server {
  target: Target;
  /** CPU milliseconds so far: its own, and those of a database server beside it. */
  cpu(): { server: number; database?: number };
  stop(): Promise<void>;
}
