import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { Problem } from '../../../src/model/problem.ts';
import type { AcmeClient, Json } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { answerHttp01, issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { links, refused } from '../../kit/refused.ts';

const day = 86400;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const at = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');

for (const engine of engines) {
  describe(`order (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));

    it('has status, expires, identifiers, profile, authorizations and finalize, and no member without a value', async () => {
      const { client } = await ca.member();
      const answer = await client.newOrder(['a.test', 'b.test']);
      assert.equal(answer.status, 201);
      assert.equal(answer.headers['content-type'], 'application/json');
      const url = String(answer.headers['location']);
      const { json } = answer;
      assert.deepEqual(Object.keys(json), ['status', 'expires', 'identifiers', 'profile', 'authorizations', 'finalize']);
      assert.equal(json.status, 'pending');
      assert.match(json.expires, rfc3339);
      assert.equal(json.profile, 'xmpp-server');
      assert.equal(json.authorizations.length, 2);
      assert.equal(json.finalize, `${url}/finalize`);
      for (const u of [url, ...json.authorizations]) assert.match(u, /\/[a-z2-7]{16}$/, 'a part that cannot be predicted');
      assert.deepEqual((await client.read(url)).json, json);
      assert.deepEqual(links(answer), { index: [client.directory.newOrder.replace('new-order', 'directory')] });
    });

    it('is read by its own account alone', async () => {
      const { client } = await ca.member();
      const { client: other } = await ca.member();
      const url = String((await client.newOrder(['own.test'])).headers['location']);
      refused(await other.read(url), 'unauthorized', 403);
      refused(await client.read(url.replace(/.{16}$/, 'aaaaaaaaaaaaaaaa')), 'malformed', 404);
      refused(await client.post(url, {}), 'malformed', 400, /POST-as-GET/);
    });

    it('goes from pending to ready to valid; identifiers and authorizations stay', async () => {
      const { client } = await ca.member();
      const { json, headers } = await client.newOrder(['way.test', 'im.way.test']);
      const url = String(headers['location']);
      await answerHttp01(client, ca.net, { authorizations: [json.authorizations[0]] });
      assert.equal((await client.read(url)).json.status, 'pending');
      await answerHttp01(client, ca.net, json);
      const ready = (await client.read(url)).json;
      assert.equal(ready.status, 'ready');
      const { order } = await issue(client, ca.net, ['way.test', 'im.way.test']);
      assert.equal(order.status, 'valid');
      for (const { identifiers, authorizations, expires } of [ready, order]) {
        assert.deepEqual(identifiers, json.identifiers);
        assert.deepEqual(authorizations, json.authorizations);
        assert.match(expires, rfc3339);
      }
    });

    it('uses a valid authorization again, and lists it', async () => {
      const { client } = await ca.member();
      const { order } = await issue(client, ca.net, ['again.test']);
      const { json } = await client.newOrder(['again.test', 'new.again.test']);
      assert.equal(json.status, 'pending');
      assert.equal(json.authorizations[0], order.authorizations[0]);
      assert.equal((await client.newOrder(['again.test'])).json.status, 'ready');
    });

    it('of a member who has proved the domain is ready; the authorization shows one valid mailbox challenge', async () => {
      const { id, client } = await ca.member();
      await ca.prove(id, 'proved.test');
      const { json } = await client.newOrder(['chat.proved.test', 'proved.test']);
      assert.equal(json.status, 'ready');
      const authorization = (await client.read(json.authorizations[0])).json;
      assert.equal(authorization.status, 'valid');
      assert.deepEqual(authorization.identifier, { type: 'dns', value: 'chat.proved.test' });
      const [{ type, status, token, validated, url }, ...more] = authorization.challenges;
      assert.deepEqual([type, status, more.length], ['email-mailbox-01', 'valid', 0]);
      assert.match(token, /^[\w-]{22,}$/);
      assert.match(validated, rfc3339);
      assert.equal((await client.read(url)).json.status, 'valid');
      const { client: other } = await ca.member('Another');
      assert.equal((await other.newOrder(['proved.test'])).json.status, 'pending', 'the proof is the member’s');
    });

    it('becomes invalid when it expires unfulfilled, and cannot be finalized', async () => {
      const { client } = await ca.member();
      const { json, headers } = await client.newOrder(['late.test']);
      const url = String(headers['location']);
      ca.later(Date.parse(json.expires) / 1000 - 1 - ca.clock.now);
      assert.equal((await client.read(url)).json.status, 'pending');
      ca.later(1);
      assert.equal((await client.read(url)).json.status, 'invalid');
      refused(await client.post(json.finalize, { csr: 'AAAA' }), 'orderNotReady', 403, /expired/);
    });

    it('is invalid when one of its authorizations is deactivated, or has failed', async () => {
      const { client } = await ca.member();
      const { json, headers } = await client.newOrder(['one.test', 'two.test']);
      await client.post(json.authorizations[1], { status: 'deactivated' });
      assert.equal((await client.read(String(headers['location']))).json.status, 'invalid');
      const failing = await client.newOrder(['three.test']);
      const { challenges } = (await client.read(failing.json.authorizations[0])).json;
      await client.post(challenges.find((c: Json) => c.type === 'http-01').url, {});
      await client.poll(failing.json.authorizations[0], a => a.status !== 'pending');
      assert.equal((await client.read(String(failing.headers['location']))).json.status, 'invalid');
    });

    it('has no use for an authorization that was deactivated or has expired', async () => {
      const { client } = await ca.member();
      const { order } = await issue(client, ca.net, ['over.test', 'gone.test']);
      await client.post(order.authorizations[0], { status: 'deactivated' });
      assert.equal((await client.newOrder(['over.test'])).json.status, 'pending');
      assert.equal((await client.newOrder(['gone.test'])).json.status, 'ready');
      ca.later(30 * day - 3600);
      assert.equal((await client.newOrder(['gone.test'])).json.status, 'pending', 'none that is about to end');
    });

    it('that is processing says when to ask again; one that failed says why', async () => {
      const { client } = await ca.member();
      const { json, headers } = await client.newOrder(['stuck.test']);
      const url = String(headers['location']);
      const row = () => ca.ctx.db('orders').where({ id: url.split('/').at(-1) });
      await row().update({ state: 'processing' });
      const busy = await client.read(url);
      assert.deepEqual([busy.json.status, busy.headers['retry-after']], ['processing', '1']);
      refused(await client.post(json.finalize, { csr: 'AAAA' }), 'orderNotReady', 403, /processing/);
      const error = new Problem('serverInternal', 'It took too long.').toJSON();
      await row().update({ state: 'invalid', error: JSON.stringify(error) });
      const failed = await client.read(url);
      assert.deepEqual([failed.json.status, failed.json.error, failed.headers['retry-after']], ['invalid', error, undefined]);
      assert.ok(!('certificate' in failed.json));
    });

    it('of a suspended member is refused with a clear detail; revoking goes on', async () => {
      const { id, client } = await ca.member('Sleepers');
      const { chain } = await issue(client, ca.net, ['asleep.test']);
      const { json } = await client.newOrder(['asleep.test', 'pending.asleep.test']);
      const ready = (await client.newOrder(['asleep.test'])).json;
      const { challenges } = (await client.read(json.authorizations[1])).json;
      await ca.run('member suspend', { id });
      const detail = /membership is suspended/;
      refused(await client.newOrder(['asleep.test']), 'unauthorized', 403, detail);
      const identifier = { type: 'dns', value: 'asleep.test' };
      refused(await client.post(client.directory.newAuthz, { identifier }), 'unauthorized', 403, detail);
      refused(await client.post(challenges[0].url, {}), 'unauthorized', 403, detail);
      refused(await client.post(ready.finalize, { csr: 'AAAA' }), 'unauthorized', 403, detail);
      assert.equal((await client.read(`${client.kid}/orders`)).status, 200);
      const certificate = new X509Certificate(chain).raw.toString('base64url');
      assert.equal((await client.post(client.directory.revokeCert, { certificate })).status, 200);
      await ca.run('member activate', { id });
      assert.equal((await client.newOrder(['asleep.test'])).status, 201);
    });

    it('through a member directory for chosen domains stays within them', async () => {
      const { id } = await ca.run('member add', { name: 'Narrow', email: 'a@n.test' });
      const { directory } = await ca.run('directory create', { member: id, domains: 'Narrow.test,other.test' });
      const client = await ca.client().open(directory);
      await client.register();
      assert.equal((await client.newOrder(['narrow.test', 'im.narrow.test', 'other.test'])).status, 201);
      const problem = refused(await client.newOrder(['narrow.test', 'wide.test', 'xnarrow.test']), 'rejectedIdentifier', 400);
      assert.deepEqual(
        problem.subproblems.map((s: Json) => s.identifier.value),
        ['wide.test', 'xnarrow.test'],
      );
      const identifier = { type: 'dns', value: 'wide.test' };
      refused(await client.post(client.directory.newAuthz, { identifier }), 'rejectedIdentifier', 403);
    });
  });
}

describe('order profiles and dates', () => {
  const ca = opened(() => startCa());
  let client: AcmeClient;
  before(async () => {
    ({ client } = await ca.member());
  });

  const profileOf = async (payload: object, url = client.directory.newOrder) =>
    (await client.post(url, { identifiers: [{ type: 'dns', value: 'p.test' }], ...payload })).json.profile;

  it('the profile is the order’s, else the directory’s, else the default', async () => {
    const short = `${ca.publicUrl}/acme/p/xmpp-server-short/new-order`;
    assert.equal(await profileOf({}), 'xmpp-server');
    assert.equal(await profileOf({ profile: 'xmpp-server-addr' }), 'xmpp-server-addr');
    assert.equal(await profileOf({}, short), 'xmpp-server-short');
    assert.equal(await profileOf({ profile: 'xmpp-server-short' }, short), 'xmpp-server-short');
  });

  it('an unknown profile, or another than the directory’s, is invalidProfile', async () => {
    for (const profile of ['other', '', 5, {}, '__proto__', 'constructor'])
      refused(await client.newOrder(['p.test'], { profile }), 'invalidProfile', 400, /xmpp-server-short/);
    const url = `${ca.publicUrl}/acme/p/xmpp-server-short/new-order`;
    refused(await client.post(url, { identifiers: [{ type: 'dns', value: 'p.test' }], profile: 'xmpp-server' }), 'invalidProfile');
  });

  it('notBefore and notAfter within the policy are the order’s and the certificate’s', async () => {
    const dates = { notBefore: at(ca.clock.now - 60), notAfter: at(ca.clock.now + 10 * day) };
    const { order, chain } = await issue(client, ca.net, ['dates.test'], { more: dates });
    assert.equal(order.notBefore, dates.notBefore);
    assert.equal(order.notAfter, dates.notAfter);
    const { validFrom, validTo } = new X509Certificate(chain);
    assert.deepEqual(
      [validFrom, validTo].map(t => at(Date.parse(t) / 1000)),
      [dates.notBefore, dates.notAfter],
    );
  });

  it('times of another zone are the same times', async () => {
    const { json } = await client.newOrder(['zone.test'], { notAfter: `${at(ca.clock.now + day + 7200).slice(0, -1)}+02:00` });
    assert.equal(json.notAfter, at(ca.clock.now + day));
  });

  const dates: [string, (now: number) => object][] = [
    ['notBefore more than an hour ago', now => ({ notBefore: at(now - 3601) })],
    ['notBefore more than 30 days ahead', now => ({ notBefore: at(now + 30 * day + 1) })],
    ['notAfter in the past', now => ({ notAfter: at(now - 1) })],
    ['notAfter now', now => ({ notAfter: at(now) })],
    ['notAfter before notBefore', now => ({ notBefore: at(now + 2 * day), notAfter: at(now + day) })],
    ['notAfter beyond the profile', now => ({ notAfter: at(now + 90 * day) })],
    ['notAfter beyond the profile from notBefore on', now => ({ notBefore: at(now + day), notAfter: at(now + 91 * day) })],
    ['notAfter beyond the short profile', now => ({ profile: 'xmpp-server-short', notAfter: at(now + 8 * day) })],
    ['a time that is none', () => ({ notAfter: 'tomorrow' })],
    ['a date without a time', () => ({ notAfter: '2099-01-01' })],
    ['a time without a zone', () => ({ notAfter: '2099-01-01T00:00:00' })],
    ['the 31st of February', () => ({ notAfter: '2027-02-31T00:00:00Z' })],
    ['a number', now => ({ notAfter: now })],
    ['null', () => ({ notBefore: null })],
  ];
  for (const [what, make] of dates) {
    it(`refuses ${what}`, async () => {
      refused(await client.newOrder(['dates.test'], make(ca.clock.now)), 'malformed', 400, /"not(Before|After)"/);
    });
  }

  it('the last second of the profile is allowed', async () => {
    const now = ca.clock.now;
    assert.equal((await client.newOrder(['dates.test'], { notBefore: at(now), notAfter: at(now + 90 * day - 1) })).status, 201);
  });
});
