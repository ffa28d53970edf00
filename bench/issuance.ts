import { randomBytes, X509Certificate } from 'node:crypto';
import { AcmeClient, type Answer, newKey } from '../test/kit/acme-client.ts';
import { makeCsr } from '../test/kit/csr.ts';
import { expect } from '../test/kit/issue.ts';
import { pause } from './process.ts';
import type { Target } from './target.ts';

export const steps = ['newOrder', 'authorization', 'challenge', 'poll authorization', 'finalize', 'poll order', 'certificate'] as const;
export type Step = (typeof steps)[number];

/** Told of every request that was answered as it should be. */
export type Observe = (step: Step, ms: number) => void;

interface Order {
  status: string;
  authorizations: string[];
  finalize: string;
  certificate?: string;
}

interface Authorization {
  status: string;
  challenges: { type: string; url: string; token: string }[];
}

/** Seconds for one issuance; then it has failed. */
const deadline = 60;

/** Milliseconds after which a connection that was idle is given up: servers close theirs after some seconds, perhaps under a request. */
const stale = 2000;

/** One client with an account of its own and one connection that is kept. */
export class Subscriber {
  readonly #acme: AcmeClient;
  readonly #pages: Map<string, string>;
  #late = false;
  #lastUse = 0;

  /** @param pages what the http-01 responder answers with, by token */
  constructor(target: Target, pages: Map<string, string>) {
    this.#acme = new AcmeClient(target.publicUrl, target.address, target.trust);
    this.#pages = pages;
  }

  async register({ directory, eab }: Target): Promise<void> {
    await this.#acme.open(directory);
    await this.#takeNonce();
    expect(await this.#acme.register({ contact: ['mailto:admin@load.example'], ...(eab && { eab }) }), 201);
  }

  close(): void {
    this.#acme.close();
  }

  /** A whole issuance for a fresh name: newOrder, authorization, http-01, finalize, download; the certificate is looked at. @throws */
  async issue(observe: Observe): Promise<void> {
    if (performance.now() - this.#lastUse > stale) this.close();
    const timer = setTimeout(() => {
      this.#late = true;
      this.close();
    }, deadline * 1000);
    try {
      await this.#issue(observe);
    } catch (error) {
      throw this.#late ? new Error(`no end within ${deadline} s`, { cause: error }) : error;
    } finally {
      clearTimeout(timer);
      this.#late = false;
      this.#lastUse = performance.now();
    }
  }

  async #issue(observe: Observe): Promise<void> {
    const name = `x${randomBytes(8).toString('hex')}.load.example`;
    if (this.#acme.nonce === undefined) await this.#takeNonce();
    const created = await timed(observe, 'newOrder', this.#acme.newOrder([name]), 201);
    const order: Order = created.json;
    for (const url of order.authorizations) await this.#authorize(url, observe);

    const key = newKey();
    const csr = makeCsr(key, [name]).toString('base64url');
    const finalized: Order = (await timed(observe, 'finalize', this.#acme.post(order.finalize, { csr }))).json;
    const { certificate } =
      finalized.status === 'valid'
        ? finalized
        : await this.#poll<Order>(observe, 'poll order', String(created.headers['location']), 'valid', ['processing', 'ready']);
    if (certificate === undefined) throw new Error('the order is valid without a certificate');
    const { body } = await timed(observe, 'certificate', this.#acme.read(certificate));

    const leaf = new X509Certificate(body);
    if (!leaf.checkHost(name)) throw new Error(`the certificate is not for ${name}`);
    if (!leaf.checkPrivateKey(key)) throw new Error('the certificate is for another key');
  }

  async #authorize(url: string, observe: Observe): Promise<void> {
    const authorization: Authorization = (await timed(observe, 'authorization', this.#acme.read(url))).json;
    const challenge = authorization.challenges.find(c => c.type === 'http-01');
    if (!challenge) throw new Error('no http-01 is offered');
    this.#pages.set(challenge.token, this.#acme.keyAuthorization(challenge.token));
    try {
      await timed(observe, 'challenge', this.#acme.post(challenge.url, {}));
      await this.#poll<Authorization>(observe, 'poll authorization', url, 'valid', ['pending']);
    } finally {
      this.#pages.delete(challenge.token);
    }
  }

  /** At once, after 2 ms, then at intervals that double up to 200 ms: an impatient client, that sees the end of the work soon. */
  async #poll<T extends { status: string }>(observe: Observe, step: Step, url: string, wanted: string, open: string[]): Promise<T> {
    for (let wait = 2; ; wait = Math.min(wait * 2, 200)) {
      const answer = await timed(observe, step, this.#acme.read(url));
      const found: T = answer.json;
      if (found.status === wanted) return found;
      if (!open.includes(found.status)) throw new Error(`${step}: ${found.status}: ${problemOf(answer)}`);
      if (this.#late) throw new Error('late');
      await pause(wait);
    }
  }

  async #takeNonce(): Promise<void> {
    const directory: { newNonce: string } = this.#acme.directory;
    await this.#acme.send('HEAD', directory.newNonce);
  }
}

/** The first problem in an answer, in its own words; else the answer. */
function problemOf({ body }: Answer): string {
  const text = body.toString();
  return /"detail":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text;
}

/** @throws with the step in the message */
async function timed(observe: Observe, step: Step, answer: Promise<Answer>, status = 200): Promise<Answer> {
  const started = performance.now();
  try {
    const done = expect(await answer, status);
    observe(step, performance.now() - started);
    return done;
  } catch (error) {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    throw new Error(`${step}, after ${seconds} s: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
