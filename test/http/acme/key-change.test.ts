import assert from 'node:assert/strict';
import { type AcmeClient, type Answer, type Header, jws, newKey, newRsaKey, publicJwk } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';

/** The inner JWS as it should be, but for what is overridden. */
function inner(client: AcmeClient, key = newKey(), { header = {}, payload = {} }: { header?: Header; payload?: object } = {}) {
  const url = client.directory.keyChange;
  return jws(key, { url, jwk: publicJwk(key), ...header }, { account: client.kid, oldKey: publicJwk(client.key), ...payload });
}

for (const engine of engines) {
  describe(`key change (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));

    const change = (client: AcmeClient, body: object): Promise<Answer> => client.post(client.directory.keyChange, body);

    it('moves the account to the new key, and nothing else of it changes; what is pending goes on', async () => {
      const { client } = await ca.member();
      await client.post(client.kid!, { contact: ['mailto:a@im.test'] });
      const before = (await client.read(client.kid!)).json;
      const order = await client.newOrder(['moved.test']);
      const orderUrl = String(order.headers['location']);
      const oldKey = client.key;
      const newest = newKey();
      const answer = await change(client, inner(client, newest));
      assert.equal(answer.status, 200, answer.body.toString());
      assert.deepEqual(answer.json, before);
      refused(await client.read(client.kid!), 'malformed', 400, /signature/);
      client.key = newest;
      assert.deepEqual((await client.read(client.kid!)).json, before);
      assert.deepEqual((await client.read(orderUrl)).json, order.json);
      assert.equal((await client.read(order.json.authorizations[0])).json.status, 'pending');
      await issue(client, ca.net, ['moved.test']);
      assert.equal((await client.post(client.directory.newAccount, {}, { jwk: publicJwk(newest) })).headers['location'], client.kid);
      const old = Object.assign(ca.client(), { key: oldKey });
      refused(await old.register({ onlyReturnExisting: true }), 'accountDoesNotExist');
    });

    it('retires the old key for ever: no new account, no change back', async () => {
      const { client } = await ca.member();
      const oldKey = client.key;
      const newest = newKey();
      assert.equal((await change(client, inner(client, newest))).status, 200);
      client.key = newest;
      const { id } = await ca.run('member add', { name: 'Other', email: 'a@other.test' });
      const eab = await ca.run('eab create', { member: id });
      const other = Object.assign(ca.client(), { key: oldKey });
      refused(await other.register({ eab }), 'unauthorized', 403, /replaced or deactivated/);
      refused(await change(client, inner(client, oldKey)), 'badPublicKey');
      assert.equal((await ca.client().register({ eab })).status, 201, 'the binding was not used up');
    });

    it('to a key that has an account is 409, with Location', async () => {
      const { client } = await ca.member();
      const { client: other } = await ca.member();
      const answer = await change(client, inner(client, other.key));
      refused(answer, 'malformed', 409);
      assert.equal(answer.headers['location'], other.kid);
      const same = await change(client, inner(client, client.key));
      refused(same, 'malformed', 409);
      assert.equal(same.headers['location'], client.kid);
    });

    it('by two requests at once ends with one of the keys', async () => {
      const { client } = await ca.member();
      const keys = [newKey(), newKey()];
      const bodies = keys.map(k => inner(client, k));
      const nonces = [await client.takeNonce(), await client.takeNonce()];
      const url = client.directory.keyChange;
      const answers = await Promise.all(bodies.map((b, i) => client.post(url, b, { nonce: nonces[i]! })));
      assert.equal(answers.filter(a => a.status === 200).length, 1, answers.map(a => a.body.toString()).join());
      client.key = keys[answers.findIndex(a => a.status === 200)]!;
      assert.equal((await client.read(client.kid!)).status, 200);
    });

    it('may be to a key of another kind', async () => {
      const { client } = await ca.member();
      const key = newRsaKey();
      assert.equal((await change(client, inner(client, key))).status, 200);
      client.key = key;
      assert.equal((await client.read(client.kid!)).status, 200);
    });
  });
}

describe('key change: the inner JWS is refused', () => {
  const ca = opened(() => startCa());
  let client: AcmeClient;
  before(async () => {
    ({ client } = await ca.member());
  });

  const cases: [string, (client: AcmeClient) => object, 'malformed' | 'badSignatureAlgorithm' | 'badPublicKey'][] = [
    ['no JWS at all', () => ({}), 'malformed'],
    ['with an unprotected header', c => ({ ...inner(c), header: {} }), 'malformed'],
    ['with signatures', c => ({ ...inner(c), signatures: [] }), 'malformed'],
    ['without a signature', c => ({ ...inner(c), signature: undefined }), 'malformed'],
    ['with padding', c => ({ ...inner(c), signature: `${inner(c).signature}==` }), 'malformed'],
    ['signed by another key than its jwk', c => inner(c, newKey(), { header: { jwk: publicJwk(newKey()) } }), 'malformed'],
    ['signed by the old key', c => inner(c, c.key, { header: { jwk: publicJwk(newKey()) } }), 'malformed'],
    ['without jwk', c => inner(c, newKey(), { header: { jwk: undefined as never } }), 'malformed'],
    ['with kid in its place', c => inner(c, newKey(), { header: { jwk: undefined as never, kid: c.kid! } }), 'malformed'],
    ['with a nonce', c => inner(c, newKey(), { header: { nonce: 'AAAA' } }), 'malformed'],
    ['with another url', c => inner(c, newKey(), { header: { url: c.directory.newOrder } }), 'malformed'],
    ['without url', c => inner(c, newKey(), { header: { url: undefined as never } }), 'malformed'],
    ['with crit', c => inner(c, newKey(), { header: { crit: ['x'], x: 1 } }), 'malformed'],
    ['for another account', c => inner(c, newKey(), { payload: { account: `${c.kid}a` } }), 'malformed'],
    ['without account', c => inner(c, newKey(), { payload: { account: undefined } }), 'malformed'],
    ['with another old key', c => inner(c, newKey(), { payload: { oldKey: publicJwk(newKey()) } }), 'malformed'],
    ['without old key', c => inner(c, newKey(), { payload: { oldKey: undefined } }), 'malformed'],
    ['with an old key that is no object', c => inner(c, newKey(), { payload: { oldKey: 'x' } }), 'malformed'],
    ['with a payload that is no object', c => jws(newKey(), { url: c.directory.keyChange }, 'text'), 'malformed'],
    ['with alg none', c => changed(inner(c), { alg: 'none' }), 'badSignatureAlgorithm'],
    ['with a MAC', c => changed(inner(c), { alg: 'HS256' }), 'badSignatureAlgorithm'],
    ['with a small RSA key', c => inner(c, newRsaKey(1024)), 'badPublicKey'],
  ];
  for (const [what, make, type] of cases) {
    it(what, async () => {
      refused(await client.post(client.directory.keyChange, make(client)), type);
      assert.equal((await client.read(client.kid!)).status, 200, 'the old key is still the account’s');
    });
  }

  it('where the account is no longer active', async () => {
    const { client: gone } = await ca.member();
    await gone.post(gone.kid!, { status: 'deactivated' });
    refused(await gone.post(gone.directory.keyChange, inner(gone)), 'unauthorized', 401);
  });

  it('where the outer one is not by rule: signed by jwk, or without a nonce', async () => {
    const url = client.directory.keyChange;
    refused(await client.post(url, inner(client), { jwk: publicJwk(client.key) }), 'malformed');
    refused(await client.post(url, inner(client), { nonce: undefined as never }), 'badNonce');
    refused(await client.post(url, inner(client), { url: client.directory.newOrder }), 'unauthorized');
  });
});

function changed(made: { protected: string; payload: string; signature: string }, members: object): object {
  const header = JSON.parse(Buffer.from(made.protected, 'base64url').toString());
  return { ...made, protected: Buffer.from(JSON.stringify({ ...header, ...members })).toString('base64url') };
}
