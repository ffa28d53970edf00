import { createHash, createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Agent, request } from 'node:https';

/** An ACME client of our own: says exactly what it is told to, right or wrong. */

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** The body as JSON; undefined where it is none. */
  json: Json;
}

// biome-ignore lint/suspicious/noExplicitAny: wire JSON, whose shape is what the tests look at
export type Json = any;

export interface Header {
  alg?: string;
  nonce?: string;
  url?: string;
  kid?: string;
  jwk?: object;
  [member: string]: unknown;
}

const b64 = (value: string | Uint8Array): string => Buffer.from(value).toString('base64url');

export const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
export const newRsaKey = (bits = 2048): KeyObject => generateKeyPairSync('rsa', { modulusLength: bits }).privateKey;

export function publicJwk(key: KeyObject): Record<string, string> {
  return createPublicKey(key).export({ format: 'jwk' }) as Record<string, string>;
}

/** RFC 7638. */
export function thumbprintOf(key: KeyObject): string {
  const { crv, e, kty, n, x, y } = publicJwk(key);
  const members = kty === 'RSA' ? { e, kty, n } : kty === 'OKP' ? { crv, kty, x } : { crv, kty, x, y };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  return { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'ES256';
}

function rawSign(alg: string, key: KeyObject, input: string): Buffer {
  const data = Buffer.from(input);
  if (alg === 'EdDSA' || alg === 'Ed25519') return sign(null, data, key);
  const hash = `sha${alg.slice(2)}`;
  return alg.startsWith('ES') ? sign(hash, data, { key, dsaEncoding: 'ieee-p1363' }) : sign(hash, data, key);
}

/** A flattened JWS. An empty string as payload is a POST-as-GET. */
export function jws(key: KeyObject, header: Header, payload: object | string): { protected: string; payload: string; signature: string } {
  const full = { alg: algorithmOf(key), ...header };
  const head = b64(JSON.stringify(full));
  const body = payload === '' ? '' : b64(typeof payload === 'string' ? payload : JSON.stringify(payload));
  return { protected: head, payload: body, signature: b64(rawSign(full.alg, key, `${head}.${body}`)) };
}

/** The inner JWS of an external account binding (RFC 8555 §7.3.4). */
export function eabJws(kid: string, hmacKey: string, url: string, jwk: object, alg = 'HS256') {
  const head = b64(JSON.stringify({ alg, kid, url }));
  const body = b64(JSON.stringify(jwk));
  const mac = createHmac(`sha${alg.slice(2)}`, Buffer.from(hmacKey, 'base64url'))
    .update(`${head}.${body}`)
    .digest();
  return { protected: head, payload: body, signature: b64(mac) };
}

export interface Eab {
  kid: string;
  hmacKey: string;
}

export class AcmeClient {
  /** What the server believes to be its origin. */
  readonly publicUrl: string;
  /** Where it really listens. */
  readonly address: string;
  directory: Json;
  key: KeyObject;
  kid: string | undefined;
  nonce: string | undefined;
  readonly #agent: Agent;

  constructor(publicUrl: string, address: string, root: string, key: KeyObject = newKey()) {
    this.publicUrl = publicUrl;
    this.address = address;
    this.key = key;
    this.#agent = new Agent({ keepAlive: true, ca: root, maxSockets: 64, servername: new URL(publicUrl).hostname });
  }

  /** Another client of the same server, with its own key and account. */
  close(): void {
    this.#agent.destroy();
  }

  async send(method: string, url: string, headers: Record<string, string> = {}, body?: string | Uint8Array): Promise<Answer> {
    const target = url.startsWith(this.publicUrl) ? this.address + url.slice(this.publicUrl.length) : url;
    const answer = await new Promise<Answer>((resolve, reject) => {
      const req = request(
        target,
        {
          method,
          agent: this.#agent,
          headers: { ...headers, ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }) },
        },
        res => {
          const chunks: Buffer[] = [];
          res.on('data', chunk => chunks.push(chunk));
          res.on('error', reject);
          res.on('end', () => {
            const bytes = Buffer.concat(chunks);
            resolve({ status: res.statusCode ?? 0, headers: res.headers, body: bytes, json: parse(bytes) });
          });
        },
      );
      req.on('error', reject);
      req.end(body);
    });
    const nonce = answer.headers['replay-nonce'];
    if (typeof nonce === 'string') this.nonce = nonce;
    return answer;
  }

  get(url: string): Promise<Answer> {
    return this.send('GET', url);
  }

  async open(directory = `${this.publicUrl}/acme/directory`): Promise<this> {
    this.directory = (await this.get(directory)).json;
    return this;
  }

  async takeNonce(): Promise<string> {
    if (this.nonce === undefined) await this.send('HEAD', `${this.publicUrl}/acme/new-nonce`);
    const nonce = this.nonce ?? '';
    this.nonce = undefined;
    return nonce;
  }

  /** A signed POST. `header` overrides what would be sent; a member set to undefined is left out. */
  async post(url: string, payload: object | string, header: Header = {}, key: KeyObject = this.key): Promise<Answer> {
    const who = 'kid' in header || 'jwk' in header ? {} : this.kid === undefined ? { jwk: publicJwk(key) } : { kid: this.kid };
    const full = { nonce: 'nonce' in header ? header.nonce : await this.takeNonce(), url, ...who, ...header };
    return this.postRaw(url, JSON.stringify(jws(key, full as Header, payload)));
  }

  postRaw(url: string, body: string | Uint8Array, contentType = 'application/jose+json'): Promise<Answer> {
    return this.send('POST', url, { 'Content-Type': contentType }, body);
  }

  /** POST-as-GET. */
  read(url: string): Promise<Answer> {
    return this.post(url, '');
  }

  async register({ eab, contact, ...more }: { eab?: Eab; contact?: string[]; [member: string]: unknown } = {}): Promise<Answer> {
    if (!this.directory) await this.open();
    const url = this.directory.newAccount;
    const answer = await this.post(
      url,
      {
        termsOfServiceAgreed: true,
        ...(contact && { contact }),
        ...(eab && { externalAccountBinding: eabJws(eab.kid, eab.hmacKey, url, publicJwk(this.key)) }),
        ...more,
      },
      { jwk: publicJwk(this.key) },
    );
    if (answer.status < 300) this.kid = String(answer.headers['location']);
    return answer;
  }

  newOrder(names: string[], more: object = {}): Promise<Answer> {
    return this.post(this.directory.newOrder, { identifiers: names.map(value => ({ type: 'dns', value })), ...more });
  }

  keyAuthorization(token: string): string {
    return `${token}.${thumbprintOf(this.key)}`;
  }

  /** Reads a resource until `done`; the server decides how long that takes. */
  async poll(url: string, done: (json: Json) => boolean): Promise<Json> {
    for (;;) {
      const { json } = await this.read(url);
      if (done(json)) return json;
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }
}

function parse(bytes: Buffer): Json {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** A key from PEM, for clients that were stored. */
export const readKey = (pem: string): KeyObject => createPrivateKey(pem);
