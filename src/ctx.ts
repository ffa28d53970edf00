import type { EventEmitter } from 'node:events';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import type { Metrics } from './metrics.ts';
import type { ChannelName } from './model/message.ts';
import type { Network } from './net/network.ts';
import type { Channel } from './notify/channel.ts';
import type { IssuerFacts } from './pki/issue.ts';
import type { Signer } from './pki/keys.ts';
import type { Db } from './store/open.ts';
import type { Vault } from './vault/vault.ts';

/** A CA certificate of ours. */
export interface Issuer extends IssuerFacts {
  certificate: Uint8Array;
  /** Absent for the root, whose key the server never loads. */
  signer?: Signer;
}

export interface SigningIssuer extends Issuer {
  signer: Signer;
}

export interface Authority {
  root: Issuer;
  /** Signs what is issued now. */
  active: SigningIssuer;
  /** Every CA certificate, the root included, by id. */
  issuers: ReadonlyMap<string, Issuer>;
  /** Of the issuers in the database, when they were read. */
  version: string;
}

/** Work that goes on after its request was answered. */
export interface Background {
  /** Errors are logged; a topic can be waited for, and is not begun again while it is under way. `signal` aborts when the process is asked to end. */
  run(name: string, work: (signal: AbortSignal) => Promise<void>, topic?: string): void;
  /** Waits for the work on a topic, where this process has one under way, so many milliseconds at most. @returns whether there was any */
  wait(topic: string, ms: number): Promise<boolean>;
  /** Aborts when the process is asked to end. */
  ending: AbortSignal;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  /** Aborts what is under way and waits for its end. */
  close(): Promise<void>;
}

/** Everything that the authority's acts need from outside themselves. */
export interface Ctx {
  config: Config;
  db: Db;
  /** Epoch seconds. */
  now(): number;
  random(size: number): Uint8Array;
  net: Network;
  /** Secrets at rest, and MACs under keys outside the database. */
  vault: Vault;
  authority: Authority;
  channels: Record<ChannelName, Channel>;
  /** Fingerprints of RSA keys that are known to be weak. */
  weakKeys: ReadonlySet<string>;
  log: Logger;
  metrics: Metrics;
  background: Background;
  /** Tells of each revocation that this process has committed, by its issuer; those of others are learnt from the database. */
  revocations: EventEmitter<{ committed: [issuerId: string] }>;
  /** Names this process where processes compete. */
  processId: string;
}
