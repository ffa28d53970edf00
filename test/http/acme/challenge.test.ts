import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { parseConfig } from '../../../src/config.ts';
import { Problem } from '../../../src/model/problem.ts';
import { octetString, oid, sequence, tlv } from '../../../src/pki/der.ts';
import type { AcmeClient, Json } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { selfSigned } from '../../kit/loopback.ts';
import { opened } from '../../kit/opened.ts';
import { links, refused } from '../../kit/refused.ts';

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** RFC 8737 §3. */
const acmeIdentifier = (digest: Uint8Array) =>
  sequence(oid('1.3.6.1.5.5.7.1.31'), tlv(1, Uint8Array.of(0xff)), octetString(octetString(digest)));

for (const engine of engines) {
  describe(`challenge (${engine})`, () => {
    const ca = opened(() => startCa({ engine, config: { validation: { caaIdentities: ['ca.test'] } } }));
    let client: AcmeClient;
    before(async () => {
      ({ client } = await ca.member());
    });

    const begin = async (name: string, type: string) => {
      const { json } = await client.newOrder([name]);
      const [authorization] = json.authorizations;
      const { challenges } = (await client.read(authorization)).json;
      const challenge = challenges.find((c: Json) => c.type === type);
      return { authorization, challenge, keyAuthorization: client.keyAuthorization(challenge.token) };
    };
    const outcome = async (authorization: string, challenge: Json) => {
      await client.post(challenge.url, {});
      const { status, challenges, expires } = await client.poll(authorization, a => a.status !== 'pending');
      return { status, challenges, expires, challenge: challenges.find((c: Json) => c.url === challenge.url) };
    };
    const digest = (text: string) => createHash('sha256').update(text).digest();

    const put: Record<string, (name: string, token: string, keyAuthorization: string) => void> = {
      'http-01': (name, token, text) => ca.net.pages.set(`http://${name}/.well-known/acme-challenge/${token}`, text),
      'dns-01': (name, _, text) => ca.net.dns.txt.set(`_acme-challenge.${name}`, ['other', digest(text).toString('base64url')]),
      'tls-alpn-01': (name, _, text) =>
        ca.net.peers.set(name, { alpn: 'acme-tls/1', certificate: selfSigned(name, [acmeIdentifier(digest(text))]).der }),
    };

    for (const [type, answer] of Object.entries(put)) {
      const label = type.replace('-01', '');

      it(`${type}: right, the authorization is valid and shows this challenge, validated`, async () => {
        const name = `${label}.right.test`;
        const { authorization, challenge, keyAuthorization } = await begin(name, type);
        answer(name, challenge.token, keyAuthorization);
        const done = await outcome(authorization, challenge);
        assert.equal(done.status, 'valid', JSON.stringify(done));
        assert.match(done.expires, rfc3339);
        assert.deepEqual(
          done.challenges.map((c: Json) => [c.type, c.status, 'error' in c]),
          [[type, 'valid', false]],
        );
        assert.match(done.challenge.validated, rfc3339);
        const again = await client.post(challenge.url, {});
        assert.deepEqual([again.status, again.json.status, again.headers['retry-after']], [200, 'valid', undefined]);
      });

      it(`${type}: wrong, challenge and authorization are invalid, with an error, and stay listed`, async () => {
        const name = `${label}.wrong.test`;
        const { authorization, challenge, keyAuthorization } = await begin(name, type);
        answer(name, challenge.token, `${keyAuthorization}x`);
        const done = await outcome(authorization, challenge);
        assert.equal(done.status, 'invalid');
        assert.equal(done.challenge.status, 'invalid');
        assert.ok(!('validated' in done.challenge));
        const { error } = done.challenge;
        assert.equal(error.type, 'urn:ietf:params:acme:error:incorrectResponse');
        assert.ok(error.detail.includes(name));
        assert.ok(!('identifier' in error), '§6.7.1');
      });

      it(`${type}: another account’s key authorization is wrong`, async () => {
        const name = `${label}.foreign.test`;
        const { client: other } = await ca.member();
        const { authorization, challenge } = await begin(name, type);
        answer(name, challenge.token, other.keyAuthorization(challenge.token));
        assert.equal((await outcome(authorization, challenge)).status, 'invalid');
      });

      it(`${type}: nothing there`, async () => {
        const { authorization, challenge } = await begin(`${label}.absent.test`, type);
        const done = await outcome(authorization, challenge);
        assert.equal(done.status, 'invalid');
        assert.match(done.challenge.error.type, /:(incorrectResponse|dns|connection)$/);
      });
    }

    it('http-01: white space at the end is ignored, at the beginning not', async () => {
      for (const [name, text, status] of [
        ['after.space.test', (k: string) => `${k} \r\n\t\n`, 'valid'],
        ['before.space.test', (k: string) => ` ${k}`, 'invalid'],
      ] as const) {
        const { authorization, challenge, keyAuthorization } = await begin(name, 'http-01');
        put['http-01']!(name, challenge.token, text(keyAuthorization));
        assert.equal((await outcome(authorization, challenge)).status, status);
      }
    });

    const alpn: [string, (name: string, extension: Uint8Array) => { alpn: string | undefined; certificate: Uint8Array }][] = [
      ['another protocol', (name, e) => ({ alpn: 'h2', certificate: selfSigned(name, [e]).der })],
      ['no protocol', (name, e) => ({ alpn: undefined, certificate: selfSigned(name, [e]).der })],
      ['another name', (_, e) => ({ alpn: 'acme-tls/1', certificate: selfSigned('other.test', [e]).der })],
      ['no acmeIdentifier', name => ({ alpn: 'acme-tls/1', certificate: selfSigned(name).der })],
      ['no certificate', () => ({ alpn: 'acme-tls/1', certificate: Buffer.from('x') })],
    ];
    for (const [what, peer] of alpn) {
      it(`tls-alpn-01: a peer with ${what} fails`, async () => {
        const name = `${what.replaceAll(' ', '-').toLowerCase()}.alpn.test`;
        const { authorization, challenge, keyAuthorization } = await begin(name, 'tls-alpn-01');
        ca.net.peers.set(name, peer(name, acmeIdentifier(digest(keyAuthorization))));
        const done = await outcome(authorization, challenge);
        assert.equal(done.challenge.error?.type, 'urn:ietf:params:acme:error:incorrectResponse', JSON.stringify(done));
      });
    }

    it('the answer to the POST has a Content-Type, Retry-After: 1 and the authorization as Link rel="up"', async () => {
      const { authorization, challenge } = await begin('headers.test', 'http-01');
      const answer = await client.post(challenge.url, { unknown: 'field', type: 'dns-01', status: 'valid' });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(answer.headers['retry-after'], '1');
      assert.deepEqual(links(answer)['up'], [authorization]);
      assert.equal(answer.json.url, challenge.url);
      assert.equal(answer.json.token, challenge.token);
      await client.poll(authorization, a => a.status !== 'pending');
    });

    it('while it is processing, challenge and authorization are answered with 200 and Retry-After; a second POST changes nothing', async () => {
      const { authorization, challenge, keyAuthorization } = await begin('slow.test', 'http-01');
      put['http-01']!('slow.test', challenge.token, keyAuthorization);
      let release = () => {};
      const held = new Promise<void>(resolve => {
        release = resolve;
      });
      ca.net.delay = () => held;
      try {
        await client.post(challenge.url, {});
        for (const payload of ['', {}]) {
          const { status, json, headers } = await client.post(challenge.url, payload);
          assert.deepEqual([status, json.status, headers['retry-after']], [200, 'processing', '1']);
        }
        const { status, json, headers } = await client.read(authorization);
        assert.deepEqual([status, json.status, headers['retry-after']], [200, 'pending', '1']);
      } finally {
        ca.net.delay = undefined;
        release();
      }
      assert.equal((await client.poll(authorization, a => a.status !== 'pending')).status, 'valid');
      assert.equal(ca.net.asked.filter(a => a === 'get:slow.test').length, 1);
    });

    it('a payload that is no object is refused, and the challenge stays pending', async () => {
      const { challenge } = await begin('payload.test', 'http-01');
      for (const payload of ['[]', 'null', '"x"']) refused(await client.post(challenge.url, payload), 'malformed');
      assert.equal((await client.read(challenge.url)).json.status, 'pending');
    });

    const caa: [string, (account: string) => string, boolean][] = [
      ['another authority', () => 'elsewhere.test', false],
      ['nobody', () => ';', false],
      ['us', () => 'ca.test', true],
      ['us, for this account', account => `ca.test; accounturi=${account}`, true],
      ['us, for another account', account => `ca.test; accounturi=${account}x`, false],
      ['us, by this method', () => 'ca.test; validationmethods=dns-01,http-01', true],
      ['us, by another method', () => 'ca.test; validationmethods=dns-01', false],
    ];
    for (const [i, [what, value, valid]] of caa.entries()) {
      it(`CAA that names ${what} ${valid ? 'lets' : 'does not let'} it pass`, async () => {
        const name = `im.caa${i}.test`;
        ca.net.dns.caa.set(`caa${i}.test`, [{ critical: false, tag: 'issue', value: value(client.kid!) }]);
        const { authorization, challenge, keyAuthorization } = await begin(name, 'http-01');
        put['http-01']!(name, challenge.token, keyAuthorization);
        const done = await outcome(authorization, challenge);
        assert.equal(done.status, valid ? 'valid' : 'invalid');
        if (!valid) assert.equal(done.challenge.error.type, 'urn:ietf:params:acme:error:caa');
      });
    }

    it('what the network says of the failure is the challenge’s error', async () => {
      const { authorization, challenge } = await begin('fails.test', 'http-01');
      ca.net.failures.set('get:fails.test', new Problem('tls', 'The handshake with fails.test failed.'));
      const done = await outcome(authorization, challenge);
      assert.deepEqual(done.challenge.error, {
        type: 'urn:ietf:params:acme:error:tls',
        detail: 'The handshake with fails.test failed.',
        status: 400,
      });
    });
  });
}

describe('challenge ports', () => {
  it('are 80 for http-01 and 443 for tls-alpn-01, unless the configuration says otherwise', () => {
    const { httpPort, tlsPort } = parseConfig({}, '/').validation;
    assert.deepEqual([httpPort, tlsPort], [80, 443]);
  });
});
