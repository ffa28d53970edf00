import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { profileNames } from './model/certificate.ts';
import type { ChallengeTypeName } from './model/challenge.ts';
import type { ErrorType } from './model/problem.ts';

/** What this process does, counted where it is done. No label names a member, an account, a domain or a certificate. */
export interface Metrics {
  issued(profile: string): void;
  /** A committed certificate was given up. */
  abandoned(): void;
  /** `route` is the pattern: a path may be a secret. */
  requested(route: string, status: number): void;
  /** The same at the admin listener; `none` where it came to no route, or was refused before. */
  administered(route: string, method: string, status: number): void;
  /** `route` is absent where no resource was asked for. */
  refused(type: ErrorType, route?: string): void;
  /** @returns to be called with the outcome */
  beginValidation(method: ChallengeTypeName): (outcome: 'valid' | ErrorType) => void;
  /** `outcome` of the answer, and whether it carries the nonce that was asked with. */
  answeredOcsp(outcome: string, nonce: boolean): void;
  /** `lag`: seconds by which it is late. @returns to be called with the outcome */
  beginJob(job: string, lag: number): (outcome: 'done' | 'failed') => void;
  /** All of it and `levels`, those of the database, where it answers: text in Prometheus' format, with its media type. */
  read(levels: Levels | undefined): Promise<{ type: string; text: string }>;
}

/** What the database tells, the same in every process. */
export interface Levels {
  outbox: Record<'queued' | 'dead', number>;
  webhooks: Record<'well' | 'failing' | 'disabled', number>;
  deliveries: Record<'queued' | 'dead', number>;
  crls: CrlLevels[];
  /** Audit records without a place in the log. */
  unsealed: number;
}

export interface CrlLevels {
  issuerId: string;
  /** 0: the CRL of all shards. */
  shard: number;
  thisUpdate: number;
  nextUpdate: number;
  /** So far, and those of them that came after the CRL. */
  revocations: number;
  unpublished: number;
}

/** Heap, event loop, file handles: of the process, whatever it serves; watched from the first scrape on, so that no command pays for it. */
let ofProcess: Registry | undefined;

function processRegistry(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

const name = (rest: string): string => `xmpp_ca_${rest}`;

/** @param now epoch seconds */
export function createMetrics(now: () => number): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(rest: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: name(rest), help, labelNames, registers });
  const gauge = <L extends string>(rest: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: name(rest), help, labelNames, registers });
  const histogram = <L extends string>(rest: string, help: string, buckets: number[], ...labelNames: L[]) =>
    new Histogram({ name: name(rest), help, buckets, labelNames, registers });

  const issued = counter('certificates_issued_total', 'Certificates issued', 'profile');
  // A rate needs a first value.
  for (const profile of profileNames) issued.inc({ profile }, 0);
  const abandoned = counter('certificates_abandoned_total', 'Certificates that were committed and given up before they were issued');
  const requests = counter('acme_requests_total', 'Requests that reached an ACME resource', 'route', 'status');
  const adminRequests = counter('admin_requests_total', 'Requests to the admin API', 'route', 'method', 'status');
  const problems = counter('acme_problems_total', 'Problem documents of the public listener', 'route', 'type');
  const validations = histogram(
    'validation_seconds',
    'Validations of challenges, valid or with the type of their problem',
    [0.05, 0.25, 1, 5, 20],
    'method',
    'outcome',
  );
  const ocsp = counter('ocsp_requests_total', 'OCSP requests by what the answer says', 'outcome', 'nonce');
  // Not `job`: Prometheus calls what it scrapes so.
  const jobs = histogram('job_seconds', 'Runs of jobs', [0.01, 0.1, 1, 10, 60], 'name', 'outcome');
  const begun = new Set<string>();
  const lags = gauge('job_lag_seconds', 'How late the last run began', 'name');
  const successes = gauge('job_last_success_timestamp_seconds', 'When a run last ended well', 'name');

  const database = gauge('database_up', 'Whether the database answers; without it what follows from it is absent');
  const outbox = gauge('outbox_messages', 'Messages that wait or were given up', 'state');
  const unsealed = gauge('audit_unsealed', 'Audit records that have no place in the log yet');
  const webhooks = gauge('webhooks', 'Webhooks by how they fare', 'status');
  const deliveries = gauge('webhook_deliveries', 'Events that wait for a webhook or were given up', 'state');
  const crl = {
    age: gauge('crl_age_seconds', 'Seconds since thisUpdate', 'issuer', 'shard'),
    remaining: gauge('crl_remaining_seconds', 'Seconds until nextUpdate', 'issuer', 'shard'),
    revocations: gauge('crl_revocations', 'Revocations so far, expired certificates included', 'issuer', 'shard'),
    unpublished: gauge('crl_unpublished_revocations', 'Revocations that came after the newest CRL', 'issuer', 'shard'),
  };

  const show = (levels: Levels | undefined): void => {
    for (const level of [outbox, unsealed, webhooks, deliveries, ...Object.values(crl)]) level.reset();
    database.set(levels ? 1 : 0);
    for (const [state, count] of Object.entries(levels?.outbox ?? {})) outbox.set({ state }, count);
    for (const [status, count] of Object.entries(levels?.webhooks ?? {})) webhooks.set({ status }, count);
    for (const [state, count] of Object.entries(levels?.deliveries ?? {})) deliveries.set({ state }, count);
    if (levels) unsealed.set(levels.unsealed);
    for (const { issuerId: issuer, shard, thisUpdate, nextUpdate, revocations, unpublished } of levels?.crls ?? []) {
      crl.age.set({ issuer, shard }, now() - thisUpdate);
      crl.remaining.set({ issuer, shard }, nextUpdate - now());
      crl.revocations.set({ issuer, shard }, revocations);
      crl.unpublished.set({ issuer, shard }, unpublished);
    }
  };

  return {
    issued: profile => issued.inc({ profile }),
    abandoned: () => abandoned.inc(),
    requested: (route, status) => requests.inc({ route, status }),
    administered: (route, method, status) => adminRequests.inc({ route, method, status: `${Math.floor(status / 100)}xx` }),
    refused: (type, route = 'none') => problems.inc({ route, type }),
    beginValidation(method) {
      const seconds = stopwatch();
      return outcome => validations.observe({ method, outcome }, seconds());
    },
    answeredOcsp: (outcome, nonce) => ocsp.inc({ outcome, nonce: String(nonce) }),
    beginJob(job, lag) {
      const seconds = stopwatch();
      if (!begun.has(job)) for (const outcome of ['done', 'failed']) jobs.zero({ name: job, outcome });
      begun.add(job);
      lags.set({ name: job }, lag);
      return outcome => {
        jobs.observe({ name: job, outcome }, seconds());
        if (outcome === 'done') successes.set({ name: job }, now());
      };
    },
    async read(levels) {
      show(levels);
      return { type: registry.contentType, text: await Registry.merge([registry, processRegistry()]).metrics() };
    },
  };
}

function stopwatch(): () => number {
  const started = performance.now();
  return () => (performance.now() - started) / 1000;
}
