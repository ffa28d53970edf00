import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, FlattenedSign, generateKeyPair, type JWK } from 'jose';
import type { Eab } from './ca.ts';
import { until } from './wait.ts';

export interface Challenge {
  type: string;
  url: string;
  status: string;
  token: string;
  mailboxes?: string[];
  from?: string;
  sentTo?: string;
  error?: { type: string; detail: string };
}
export interface Authorization {
  status: string;
  identifier: { type: string; value: string };
  challenges: Challenge[];
}
export interface Order {
  status: string;
  authorizations: string[];
  finalize: string;
  certificate?: string;
}
interface Answer {
  status: number;
  location: string | undefined;
  text: string;
}

/** The least ACME client that can answer an email-mailbox-01 challenge, which no packaged one knows, and see what another client's account has. */
export class AcmeClient {
  readonly #root: string;
  readonly #directory: Record<string, string>;
  readonly #key: CryptoKey | KeyObject;
  readonly #jwk: JWK;
  #kid: string | undefined;

  static async register(root: string, eab: Eab, contact: string): Promise<AcmeClient> {
    const directory = await readDirectory(root, eab.directory);
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const client = new AcmeClient(root, directory, privateKey, await exportJWK(publicKey));
    const url = directory['newAccount']!;
    const binding = await new FlattenedSign(Buffer.from(JSON.stringify(client.#jwk)))
      .setProtectedHeader({ alg: 'HS256', kid: eab.kid, url })
      .sign(Buffer.from(eab.hmacKey, 'base64url'));
    const answer = await client.#post(url, { termsOfServiceAgreed: true, contact: [`mailto:${contact}`], externalAccountBinding: binding });
    client.#kid = answer.location;
    return client;
  }

  /** The account that another client made, by its key (P-256, a PEM file). */
  static async takeOver(root: string, directoryUrl: string, keyFile: string): Promise<AcmeClient> {
    const key = createPrivateKey(readFileSync(keyFile));
    const directory = await readDirectory(root, directoryUrl);
    const client = new AcmeClient(root, directory, key, await exportJWK(createPublicKey(key)));
    client.#kid = (await client.#post(directory['newAccount']!, { onlyReturnExisting: true })).location;
    return client;
  }

  private constructor(root: string, directory: Record<string, string>, key: CryptoKey | KeyObject, jwk: JWK) {
    this.#root = root;
    this.#directory = directory;
    this.#key = key;
    this.#jwk = jwk;
  }

  async order(name: string): Promise<{ url: string; order: Order; authorization: Authorization }> {
    const { location, text } = await this.#post(this.#directory['newOrder']!, { identifiers: [{ type: 'dns', value: name }] });
    const order = JSON.parse(text) as Order;
    return { url: location!, order, authorization: await this.get<Authorization>(order.authorizations[0]!) };
  }

  /** Of the account, newest first. */
  async orders(): Promise<Order[]> {
    const { orders } = await this.get<{ orders: string }>(this.#kid!);
    const list = await this.get<{ orders: string[] }>(orders);
    return Promise.all(list.orders.map(url => this.get<Order>(url)));
  }

  /** POST-as-GET. */
  async get<T>(url: string): Promise<T> {
    return JSON.parse((await this.#post(url, '')).text) as T;
  }

  async answer(challenge: Challenge, payload: Record<string, string>): Promise<Challenge> {
    return JSON.parse((await this.#post(challenge.url, payload)).text) as Challenge;
  }

  /** base64url(SHA-256(code ‖ token ‖ '.' ‖ thumbprint)). */
  async responseTo(code: string, challenge: Challenge): Promise<string> {
    const keyAuthorization = `${code}${challenge.token}.${await calculateJwkThumbprint(this.#jwk)}`;
    return createHash('sha256').update(keyAuthorization).digest('base64url');
  }

  /** Hands in the CSR (DER); the result is the chain as PEM. */
  async finalize(url: string, csr: Buffer): Promise<string> {
    const { finalize } = await this.get<Order>(url);
    await this.#post(finalize, { csr: csr.toString('base64url') });
    const certificate = await until('the order to be valid', async () => (await this.get<Order>(url)).certificate);
    return (await this.#post(certificate, '')).text;
  }

  /** @throws Error with the problem document, where the answer is no 2xx */
  async #post(url: string, payload: object | ''): Promise<Answer> {
    const nonce = (await call(this.#root, this.#directory['newNonce']!, 'HEAD')).nonce!;
    const jws = await new FlattenedSign(Buffer.from(payload === '' ? '' : JSON.stringify(payload)))
      .setProtectedHeader({ alg: 'ES256', nonce, url, ...(this.#kid === undefined ? { jwk: this.#jwk } : { kid: this.#kid }) })
      .sign(this.#key);
    const answer = await call(this.#root, url, 'POST', JSON.stringify(jws));
    if (answer.status >= 300) throw new Error(`POST ${url}: ${answer.status} ${answer.text}`);
    return answer;
  }
}

async function readDirectory(root: string, url: string): Promise<Record<string, string>> {
  return JSON.parse((await call(root, url, 'GET')).text) as Record<string, string>;
}

function call(root: string, url: string, method: string, body = ''): Promise<Answer & { nonce: string | undefined }> {
  return new Promise((done, fail) => {
    const headers = { 'content-type': 'application/jose+json' };
    const sent = request(
      url,
      { method, ca: readFileSync(root), agent: false, headers: method === 'POST' ? headers : {} },
      async response => {
        let text = '';
        for await (const piece of response) text += piece;
        const nonce = response.headers['replay-nonce'];
        done({
          status: response.statusCode!,
          location: response.headers.location,
          text,
          nonce: typeof nonce === 'string' ? nonce : undefined,
        });
      },
    );
    sent.once('error', fail);
    sent.end(body);
  });
}
