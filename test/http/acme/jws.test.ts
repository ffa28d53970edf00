import assert from 'node:assert/strict';
import { createHmac, randomBytes, sign } from 'node:crypto';
import { algorithms } from '../../../src/http/acme/jws.ts';
import { type ErrorType, errorTypes } from '../../../src/model/problem.ts';
import { type AcmeClient, type Answer, type Header, jws, newKey, publicJwk } from '../../kit/acme-client.ts';
import { startCa, type TestCa } from '../../kit/ca.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';

const b64 = (value: string | Uint8Array) => Buffer.from(value).toString('base64url');

/** A request that is right but for one thing. */
interface Case {
  what: string;
  type: ErrorType;
  status?: number;
  detail?: RegExp;
  /** Changes the protected header. */
  header?: (full: Header, ca: TestCa) => object;
  /** The protected header as text, in the place of JSON. */
  headerText?: (full: Header) => string;
  payload?: string;
  /** Changes the JWS once it is signed. */
  wire?: (signed: Record<string, unknown>, client: AcmeClient) => unknown;
  /** The body as text, in the place of JSON. */
  body?: (signed: Record<string, string>) => string | Uint8Array;
  contentType?: string;
  url?: (url: string) => string;
}

const malformed = { type: 'malformed' } as const;

const cases: Case[] = [
  { what: 'alg none', type: 'badSignatureAlgorithm', header: h => ({ ...h, alg: 'none' }) },
  { what: 'alg HS256', type: 'badSignatureAlgorithm', header: h => ({ ...h, alg: 'HS256' }) },
  { what: 'an unknown alg', type: 'badSignatureAlgorithm', header: h => ({ ...h, alg: 'XY999' }) },
  { what: 'no alg', ...malformed, header: ({ alg: _, ...h }) => h },
  { what: 'an alg that is a number', ...malformed, header: h => ({ ...h, alg: 256 }) },
  { what: 'an alg that is not the key’s', ...malformed, header: h => ({ ...h, alg: 'RS256' }) },
  { what: 'jwk and kid both', ...malformed, header: h => ({ ...h, jwk: publicJwk(newKey()) }) },
  { what: 'neither jwk nor kid', ...malformed, header: ({ kid: _, ...h }) => h },
  { what: 'a kid that is no string', ...malformed, header: h => ({ ...h, kid: 7 }) },
  {
    what: 'an unknown kid',
    type: 'accountDoesNotExist',
    header: (h, ca) => ({ ...h, kid: `${ca.publicUrl}/acme/account/aaaaaaaaaaaaaaaa` }),
  },
  {
    what: 'a kid of another server',
    type: 'accountDoesNotExist',
    header: h => ({ ...h, kid: String(h.kid).replace('localhost', 'ca.test') }),
  },
  { what: 'a kid that is only the id', type: 'accountDoesNotExist', header: h => ({ ...h, kid: String(h.kid).split('/').at(-1) }) },
  { what: 'a kid with odd characters', type: 'accountDoesNotExist', header: h => ({ ...h, kid: `${h.kid}\u0000'"%` }) },
  { what: 'no url', ...malformed, header: ({ url: _, ...h }) => h },
  { what: 'a url that is no string', ...malformed, header: h => ({ ...h, url: { href: h.url } }) },
  {
    what: 'the url of another resource',
    type: 'unauthorized',
    header: h => ({ ...h, url: String(h.url).replace('new-order', 'new-authz') }),
  },
  { what: 'a url with another host', type: 'unauthorized', header: h => ({ ...h, url: String(h.url).replace('localhost', 'ca.test') }) },
  { what: 'a url with a slash more', type: 'unauthorized', header: h => ({ ...h, url: `${h.url}/` }) },
  { what: 'a url with a query that was never given out', type: 'unauthorized', url: url => `${url}?a=b` },
  {
    what: 'a url outside the protected header',
    ...malformed,
    header: ({ url: _, ...h }) => h,
    wire: j => ({ ...j, url: 'https://localhost:14000/acme/new-order' }),
  },
  { what: 'no nonce', type: 'badNonce', header: ({ nonce: _, ...h }) => h },
  {
    what: 'a nonce outside the protected header',
    type: 'badNonce',
    header: ({ nonce: _, ...h }) => h,
    wire: j => ({ ...j, nonce: 'AAAA' }),
  },
  { what: 'a nonce of another server', type: 'badNonce', header: h => ({ ...h, nonce: b64(randomBytes(32)) }) },
  { what: 'a nonce with padding', ...malformed, header: h => ({ ...h, nonce: 'AA==' }) },
  { what: 'a nonce that is not base64url', ...malformed, header: h => ({ ...h, nonce: 'a+b/' }) },
  { what: 'a nonce that is no string', ...malformed, header: h => ({ ...h, nonce: 5 }) },
  { what: 'crit', ...malformed, header: h => ({ ...h, crit: ['exp'], exp: 1 }) },
  { what: 'an unencoded payload (b64)', ...malformed, header: h => ({ ...h, b64: false, crit: ['b64'] }) },
  { what: 'b64 without crit', ...malformed, header: h => ({ ...h, b64: true }) },
  {
    what: 'a duplicate member in the protected header',
    ...malformed,
    detail: /duplicate/,
    headerText: h => `{"alg":"ES256",${JSON.stringify(h).slice(1)}`,
  },
  {
    what: 'a duplicate member under another spelling',
    ...malformed,
    detail: /duplicate/,
    headerText: h => `{"\\u0061lg":"ES256",${JSON.stringify(h).slice(1)}`,
  },
  { what: 'a protected header that is no object', ...malformed, headerText: () => '[]' },
  { what: 'a protected header that is no JSON', ...malformed, headerText: () => '{alg}' },
  { what: 'a protected header that is no UTF-8', ...malformed, wire: j => ({ ...j, protected: b64(Buffer.of(0x7b, 0xff, 0x7d)) }) },
  {
    what: 'a duplicate member in the payload',
    ...malformed,
    detail: /duplicate/,
    payload: '{"identifiers":[],"identifiers":[{"type":"dns","value":"a.test"}]}',
  },
  { what: 'a payload that is no object', ...malformed, payload: '[]' },
  { what: 'a payload that is no JSON', ...malformed, payload: 'identifiers' },
  { what: 'a payload that is null', ...malformed, payload: 'null' },
  { what: 'an unprotected header', ...malformed, wire: j => ({ ...j, header: { kid: 'x' } }) },
  { what: 'an empty unprotected header', ...malformed, wire: j => ({ ...j, header: {} }) },
  { what: 'a signatures member', ...malformed, wire: j => ({ ...j, signatures: [] }) },
  {
    what: 'the general serialization',
    ...malformed,
    wire: j => ({ payload: j['payload'], signatures: [{ protected: j['protected'], signature: j['signature'] }] }),
  },
  { what: 'the compact serialization', ...malformed, body: j => `${j['protected']}.${j['payload']}.${j['signature']}` },
  { what: 'two JWS in an array', ...malformed, wire: j => [j, j] },
  { what: 'no payload member (detached)', ...malformed, wire: ({ payload: _, ...j }) => j },
  { what: 'no signature', ...malformed, wire: ({ signature: _, ...j }) => j },
  { what: 'an empty signature', ...malformed, wire: j => ({ ...j, signature: '' }) },
  { what: 'no protected member', ...malformed, wire: ({ protected: _, ...j }) => j },
  {
    what: 'a signature by another key',
    ...malformed,
    wire: j => ({
      ...j,
      signature: b64(sign('sha256', Buffer.from(`${j['protected']}.${j['payload']}`), { key: newKey(), dsaEncoding: 'ieee-p1363' })),
    }),
  },
  {
    what: 'a signature in DER',
    ...malformed,
    wire: (j, c) => ({ ...j, signature: b64(sign('sha256', Buffer.from(`${j['protected']}.${j['payload']}`), c.key)) }),
  },
  {
    what: 'another payload under the signature',
    ...malformed,
    wire: j => ({ ...j, payload: b64('{"identifiers":[{"type":"dns","value":"b.test"}]}') }),
  },
  { what: 'padded base64url: protected', ...malformed, wire: j => ({ ...j, protected: `${j['protected']}=` }) },
  {
    what: 'padded base64url: payload',
    ...malformed,
    payload: '{"a":"12345678"}',
    wire: j => ({ ...j, payload: Buffer.from(String(j['payload']), 'base64url').toString('base64') }),
  },
  { what: 'padded base64url: signature', ...malformed, wire: j => ({ ...j, signature: `${j['signature']}==` }) },
  { what: 'base64 with + and /', ...malformed, wire: j => ({ ...j, signature: '++//' }) },
  {
    what: 'non-canonical base64url',
    ...malformed,
    wire: j => ({ ...j, signature: `${String(j['signature']).slice(0, -1)}${nextOf(String(j['signature']).at(-1))}` }),
  },
  { what: 'base64url with a line break', ...malformed, wire: j => ({ ...j, payload: `${j['payload']}\n` }) },
  { what: 'a duplicate member in the JWS', ...malformed, detail: /duplicate/, body: j => JSON.stringify(j).replace('{', '{"payload":"",') },
  { what: 'a body that is no JSON', ...malformed, body: () => 'hello' },
  { what: 'an empty body', ...malformed, body: () => '' },
  { what: 'a body that is no UTF-8', ...malformed, body: () => Buffer.of(0x7b, 0x22, 0xff, 0x22, 0x7d) },
  { what: 'a body that is too long', ...malformed, status: 413, wire: j => ({ ...j, more: 'x'.repeat(64 * 1024) }) },
  { what: 'another Content-Type', ...malformed, status: 415, contentType: 'application/json' },
  { what: 'a Content-Type with a parameter', ...malformed, status: 415, contentType: 'application/jose+json; charset=utf-8' },
];

/** The same bits and one of the unused ones besides. */
const nextOf = (letter = 'A') => String.fromCharCode(letter.charCodeAt(0) + 1);

async function send(ca: TestCa, client: AcmeClient, one: Case): Promise<Answer> {
  const { newOrder } = client.directory;
  const url = one.url?.(newOrder) ?? newOrder;
  const full: Header = { alg: 'ES256', nonce: await client.takeNonce(), url, kid: String(client.kid) };
  const text = one.headerText?.(full) ?? JSON.stringify(one.header?.(full, ca) ?? full);
  const parts = { protected: b64(text), payload: b64(one.payload ?? '{"identifiers":[{"type":"dns","value":"a.test"}]}') };
  const input = Buffer.from(`${parts.protected}.${parts.payload}`);
  const signature = text.includes('HS256')
    ? createHmac('sha256', 'x').update(input).digest()
    : sign('sha256', input, { key: client.key, dsaEncoding: 'ieee-p1363' });
  const signed = { ...parts, signature: b64(signature) };
  const body = one.body?.(signed) ?? JSON.stringify(one.wire?.(signed, client) ?? signed);
  return client.postRaw(url, body, one.contentType);
}

describe('jws: a request is refused with', () => {
  const ca = opened(() => startCa());
  let client: AcmeClient;
  before(async () => {
    ({ client } = await ca.member());
  });

  for (const one of cases) {
    it(one.what, async () => {
      const answer = await send(ca, client, one);
      const { algorithms: listed } = refused(answer, one.type, one.status ?? errorTypes[one.type], one.detail);
      assert.deepEqual(listed, one.type === 'badSignatureAlgorithm' ? [...algorithms] : undefined);
      assert.match(String(answer.headers['replay-nonce']), /^[\w-]+$/, 'every answer to a POST brings a nonce (§6.5)');
      assert.deepEqual((await client.read(`${client.kid}/orders`)).json.orders, [], 'nothing came of it');
    });
  }

  it('nothing, where all of it is right', async () => {
    const answer = await send(ca, client, { what: '', ...malformed });
    assert.equal(answer.status, 201, answer.body.toString());
  });

  it('a compressed body', async () => {
    const answer = await client.send(
      'POST',
      client.directory.newOrder,
      { 'Content-Type': 'application/jose+json', 'Content-Encoding': 'gzip' },
      'x',
    );
    refused(answer, 'malformed', 415);
  });

  it('the URL of the resource in another encoding', async () => {
    const { headers } = await client.newOrder(['b.test']);
    const url = String(headers['location']);
    const odd = url.replace(/.$/, last => `%${last.charCodeAt(0).toString(16)}`);
    refused(await client.post(odd, ''), 'unauthorized');
    refused(await client.post(odd, '', { url }), 'unauthorized');
    assert.equal((await client.read(url)).status, 200);
  });

  it('no regard to Host: publicUrl alone counts', async () => {
    const url = client.directory.newOrder;
    const headers = { 'Content-Type': 'application/jose+json', Host: 'elsewhere.test' };
    const body = async (named: string) =>
      JSON.stringify(
        jws(
          client.key,
          { nonce: await client.takeNonce(), url: named, kid: client.kid! },
          { identifiers: [{ type: 'dns', value: 'c.test' }] },
        ),
      );
    assert.equal((await client.send('POST', url, headers, await body(url))).status, 201);
    refused(await client.send('POST', url, headers, await body('https://elsewhere.test/acme/new-order')), 'unauthorized');
  });
});
