import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { publishDueCrls } from '../../../src/ca/authority/publish-crl.ts';
import { adminApp } from '../../../src/http/admin/app.ts';
import { newKey } from '../../kit/acme-client.ts';
import { type AdminClient, adminClient } from '../../kit/admin-client.ts';
import { codeIn, engines, startCa, type TestCa } from '../../kit/ca.ts';
import { makeCsr } from '../../kit/csr.ts';
import { openTestCtx, type TestCtx } from '../../kit/ctx.ts';
import { readExposition, type Samples } from '../../kit/exposition.ts';
import { issue } from '../../kit/issue.ts';
import { until } from '../../kit/process.ts';
import { refused } from '../../kit/refused.ts';
import { ocspRequest } from '../../kit/status.ts';

for (const engine of engines) {
  describe(`monitoring (${engine})`, () => {
    let ca: TestCa;
    let nobody: AdminClient;
    before(async () => {
      ca = await startCa({ engine, config: { log: 'silent' } });
      nobody = adminClient(ca);
    });
    after(async () => {
      nobody.close();
      await ca.close();
    });

    const scrape = async (): Promise<Samples> => {
      const { status, headers, body } = await nobody.send('GET', '/metrics');
      assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8']);
      assert.equal(headers['cache-control'], 'no-store');
      return readExposition(body.toString());
    };
    /** By how much a sample has grown meanwhile. */
    const grown = async (work: () => Promise<void>) => {
      const before = await scrape();
      await work();
      const after = await scrape();
      return (key: string) => (after.get(`xmpp_ca_${key}`) ?? 0) - (before.get(`xmpp_ca_${key}`) ?? 0);
    };
    const askOcsp = async (serial: string) => {
      const body = ocspRequest(ca.ctx, serial);
      await fetch(`${ca.statusUrl}/ocsp`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/ocsp-request' },
        body: Buffer.from(body),
      });
    };
    const last = (url: string | undefined): string => url?.split('/').at(-1) ?? '';

    it('needs no token, is read by GET and HEAD only, and is alive and ready', async () => {
      for (const path of ['/healthz', '/readyz', '/metrics']) {
        assert.equal((await nobody.send('GET', path)).status, 200, path);
        assert.equal((await nobody.send('HEAD', path)).body.length, 0);
        refused(await nobody.send('POST', path), 'malformed', 405);
      }
      assert.deepEqual((await nobody.send('GET', '/healthz')).json, { status: 'alive' });
      assert.deepEqual((await nobody.send('GET', '/readyz')).json, {
        status: 'ready',
        checks: { database: 'ok', issuer: 'ok', crls: 'ok', audit: 'ok' },
      });
      refused(await nobody.send('GET', '/metrics/'), 'unauthorized', 401);
    });

    it('counts what was issued, by profile, and every request by the pattern of its route', async () => {
      const { client } = await ca.member();
      const by = await grown(async () => {
        await issue(client, ca.net, ['one.test', 'two.test']);
        await issue(client, ca.net, ['three.test']);
        await issue(client, ca.net, ['four.test'], { more: { profile: 'xmpp-server-short' } });
      });
      assert.equal(by('certificates_issued_total{profile="xmpp-server"}'), 2);
      assert.equal(by('certificates_issued_total{profile="xmpp-server-short"}'), 1);
      assert.equal(by('certificates_issued_total{profile="xmpp-server-addr"}'), 0);
      assert.equal(by('certificates_abandoned_total'), 0);
      assert.equal(by('acme_requests_total{route="/acme/new-order",status="201"}'), 3);
      assert.equal(by('acme_requests_total{route="/acme/order/:id/finalize",status="200"}'), 3);
      assert.equal(by('validation_seconds_count{method="http-01",outcome="valid"}'), 4);
    });

    it('counts validations that failed by what was wrong', async () => {
      const { client } = await ca.member();
      const by = await grown(async () => {
        const { json } = await client.newOrder(['wrong.test']);
        const { json: authorization } = await client.read(json.authorizations[0]);
        for (const { type, url } of authorization.challenges) if (type === 'tls-alpn-01') await client.post(url, {});
        await client.poll(json.authorizations[0], a => a.status === 'invalid');
        await ca.ctx.background.settled();
      });
      assert.equal(by('validation_seconds_count{method="tls-alpn-01",outcome="connection"}'), 1);
      assert.equal(by('validation_seconds_count{method="tls-alpn-01",outcome="valid"}'), 0);
    });

    it('counts a code that came back, by operator or challenge, as a validation', async () => {
      const { id, client } = await ca.member();
      const by = await grown(async () => {
        await ca.prove(id, 'proved.test');
        ca.net.dns.mx.set('asked.test', [{ exchange: 'mail.asked.test', preference: 10 }]);
        await ca.run('domain prove', { member: id, domain: 'asked.test' });
        await assert.rejects(ca.run('domain confirm', { member: id, domain: 'asked.test', code: 'wrong' }), /not the code/);
        const { json } = await client.newOrder(['proved.test']);
        assert.equal(json.status, 'ready');
      });
      assert.equal(by('validation_seconds_count{method="email-mailbox-01",outcome="valid"}'), 1);
      assert.equal(by('validation_seconds_count{method="email-mailbox-01",outcome="incorrectResponse"}'), 0);
      const { id: other } = await ca.run('member add', { name: 'Other', email: 'o@club.test' });
      const contested = await grown(async () => {
        await ca.run('domain prove', { member: other, domain: 'proved.test' });
        const code = codeIn((await ca.mails()).filter(m => m.text?.includes('Other')).at(-1));
        await assert.rejects(ca.run('domain confirm', { member: other, domain: 'proved.test', code }), /Another member/);
      });
      assert.equal(contested('validation_seconds_count{method="email-mailbox-01",outcome="unauthorized"}'), 1);
    });

    it('counts requests to the admin API by pattern, method and class of status, and names nobody', async () => {
      const { id } = await ca.run('member add', { name: 'Club', email: 'a@club.test' });
      const client = adminClient(ca, (await ca.run('token create', { scope: 'read' })).token);
      const by = await grown(async () => {
        await client.get(`/members/${id}`);
        await client.get('/members');
        refused(await client.send('GET', '/admin/v1/members/none'), 'malformed', 404);
        refused(await client.send('POST', '/admin/v1/members', {}), 'unauthorized', 403);
        refused(await client.send('DELETE', '/admin/v1/members'), 'malformed', 405);
        refused(await client.send('GET', `/admin/v1/${id}`), 'malformed', 404);
        refused(await nobody.send('GET', `/admin/v1/members/${id}`), 'unauthorized', 401);
        await nobody.send('GET', '/admin/v1/openapi.json');
        await nobody.send('GET', '/healthz');
      });
      client.close();
      for (const [route, method, status, count] of [
        ['/admin/v1/members/:id', 'GET', '2xx', 1],
        ['/admin/v1/members/:id', 'GET', '4xx', 1],
        ['/admin/v1/members', 'GET', '2xx', 1],
        ['/admin/v1/members', 'POST', '4xx', 1],
        ['/admin/v1/members', 'DELETE', '4xx', 1],
        ['/admin/v1/openapi.json', 'GET', '2xx', 1],
        ['none', 'GET', '4xx', 2],
        ['/healthz', 'GET', '2xx', 0],
      ] as const)
        assert.equal(by(`admin_requests_total{route="${route}",method="${method}",status="${status}"}`), count, `${route} ${method}`);
      const { body } = await nobody.send('GET', '/metrics');
      assert.ok(!body.toString().includes(id));
    });

    it('counts problems by route and type, those of finalize too, and those of no route', async () => {
      const { client } = await ca.member();
      const by = await grown(async () => {
        const { json } = await client.newOrder(['bad.test']);
        const csr = makeCsr(newKey(), ['bad.test']).toString('base64url');
        refused(await client.post(json.finalize, { csr }), 'orderNotReady');
        refused(await client.newOrder([]), 'malformed');
        refused(await client.get(`${ca.publicUrl}/acme/m/marked-secret/nothing`), 'malformed', 404);
      });
      assert.equal(by('acme_problems_total{route="/acme/order/:id/finalize",type="orderNotReady"}'), 1);
      assert.equal(by('acme_requests_total{route="/acme/order/:id/finalize",status="403"}'), 1);
      assert.equal(by('acme_problems_total{route="/acme/new-order",type="malformed"}'), 1);
      assert.equal(by('acme_problems_total{route="none",type="malformed"}'), 1);
    });

    it('counts OCSP answers, and shows how the CRL does', async () => {
      const { client } = await ca.member();
      const { order } = await issue(client, ca.net, ['status.test']);
      const serial = last(order.certificate);
      const issuer = ca.ctx.authority.active.id;
      const by = await grown(async () => {
        await askOcsp(serial);
        await askOcsp(serial);
        await ca.run('cert revoke', { serial, reason: 'superseded' });
        ca.later(2);
        await askOcsp(serial);
        await askOcsp('01'.repeat(16));
        await fetch(`${ca.statusUrl}/ocsp/none`);
      });
      assert.equal(by('ocsp_requests_total{outcome="good",nonce="false"}'), 2);
      assert.equal(by('ocsp_requests_total{outcome="revoked",nonce="false"}'), 1);
      assert.equal(by('ocsp_requests_total{outcome="unauthorized",nonce="false"}'), 1);
      assert.equal(by('ocsp_requests_total{outcome="malformedRequest",nonce="false"}'), 1);
      assert.equal(by(`crl_revocations{issuer="${issuer}",shard="0"}`), 1);
      await ca.run('crl publish');
      ca.later(60);
      const now = await scrape();
      const crl = (what: string, of = issuer) => now.get(`xmpp_ca_crl_${what}{issuer="${of}",shard="0"}`);
      assert.deepEqual([crl('age_seconds'), crl('remaining_seconds'), crl('unpublished_revocations')], [60, 7 * 86400 - 60, 0]);
      assert.ok((crl('remaining_seconds', ca.ctx.authority.root.id) ?? 0) > 300 * 86400);
    });

    it('shows the outbox, and how the jobs do', async () => {
      await ca.settled();
      const row = { kind: 'issued', refs: '{"serial":"01ab"}', attempts: 1, created_at: ca.clock.now, next_at: ca.clock.now + 86400 };
      const ids = ['a', 'b', 'c'];
      await ca.ctx.db('outbox').insert(ids.map((id, i) => ({ ...row, id, state: i ? 'dead' : 'queued' })));
      const now = await scrape();
      await ca.ctx.db('outbox').whereIn('id', ids).delete();
      assert.equal(now.get('xmpp_ca_outbox_messages{state="queued"}'), 1);
      assert.equal(now.get('xmpp_ca_outbox_messages{state="dead"}'), 2);
      assert.equal(now.get('xmpp_ca_database_up'), 1);
      assert.ok((now.get('process_cpu_seconds_total') ?? 0) > 0);
      const ran = await until(async () => {
        const at = await scrape();
        return (at.get('xmpp_ca_job_seconds_count{name="deliver",outcome="done"}') ?? 0) > 0 && at;
      });
      assert.ok((ran.get('xmpp_ca_job_last_success_timestamp_seconds{name="deliver"}') ?? 0) > ca.clock.now - 120);
      const lag = ran.get('xmpp_ca_job_lag_seconds{name="deliver"}') ?? -1;
      assert.ok(lag >= 0 && lag < 5, String(lag));
    });

    it('names nobody, and nothing that was issued', async () => {
      const { id, client } = await ca.member('Marked Club');
      const { order } = await issue(client, ca.net, ['marked.test']);
      await client.get(`${ca.publicUrl}/acme/m/marked-secret/directory`);
      const text = `${(await nobody.send('GET', '/metrics')).body} ${(await nobody.send('GET', '/readyz')).body}`;
      assert.match(text, /certificates_issued_total\{profile="xmpp-server"\} [1-9].*"status":"ready"/s);
      for (const mark of ['arked', 'admin@', '.test', id, last(client.kid), last(order.certificate)])
        assert.ok(mark && !text.includes(mark), mark);
    });
  });

  describe(`readiness (${engine})`, () => {
    let at: TestCtx;
    let url: string;
    let close: () => void;
    beforeEach(async () => {
      // Without jobs: nothing mends itself.
      at = await openTestCtx({ engine });
      await publishDueCrls(at.ctx);
      const server = createServer(adminApp(at.ctx)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      close = () => {
        server.close();
        server.closeAllConnections();
      };
    });
    afterEach(async () => {
      close();
      await at.close();
    });

    const ready = async () => {
      const answer = await fetch(`${url}/readyz`);
      const { status, checks } = (await answer.json()) as { status: string; checks: Record<string, string> };
      assert.equal(status, answer.status === 200 ? 'ready' : 'not ready');
      return { status: answer.status, checks };
    };
    const well = { database: 'ok', issuer: 'ok', crls: 'ok', audit: 'ok' };
    const unread = 'cannot be read; the log says why';

    it('ends an hour before the CRL does, and comes back with the next one', async () => {
      assert.deepEqual(await ready(), { status: 200, checks: well });
      at.clock.now += 7 * 86400 - 3601;
      assert.deepEqual(await ready(), { status: 200, checks: well });
      at.clock.now += 1;
      const crls = `ended, or about to: ${at.ctx.authority.active.id}`;
      assert.deepEqual(await ready(), { status: 503, checks: { ...well, crls } });
      await publishDueCrls(at.ctx);
      assert.deepEqual(await ready(), { status: 200, checks: well });
    });

    it('ends with the issuing CA, and where another has become active whose key is not to be opened', async () => {
      const { id, notAfter } = at.ctx.authority.active;
      const { now } = at.clock;
      at.clock.now = notAfter;
      await publishDueCrls(at.ctx);
      assert.match((await ready()).checks['issuer'] ?? '', new RegExp(`^the issuing CA ${id} ended at 20`));
      at.clock.now = now;
      const [row] = await at.ctx.db('issuers').where({ id });
      await at.ctx.db('issuers').where({ id }).update({ active: 0 });
      await at.ctx.db('issuers').insert({ ...row, id: 'ffff', key: Buffer.alloc(64) });
      assert.deepEqual(await ready(), { status: 503, checks: { ...well, issuer: unread } });
    });

    it('ends with the database; the process is alive all the same, and shows what it has counted', async () => {
      await at.ctx.db.destroy();
      assert.deepEqual(await ready(), { status: 503, checks: { database: unread, issuer: unread, crls: unread, audit: unread } });
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
      const samples = readExposition(await (await fetch(`${url}/metrics`)).text());
      assert.equal(samples.get('xmpp_ca_database_up'), 0);
      assert.equal(samples.get('xmpp_ca_certificates_issued_total{profile="xmpp-server"}'), 0);
      assert.deepEqual(
        [...samples.keys()].filter(k => /^xmpp_ca_(crl|outbox|webhook)/.test(k)),
        [],
      );
    });
  });
}
