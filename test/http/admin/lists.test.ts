import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { sha256 } from '../../../src/model/sha256.ts';
import { commitCertificate, firstFence, moveCertificate } from '../../../src/store/certificates.ts';
import type { Json } from '../../kit/acme-client.ts';
import { type AdminClient, adminClient } from '../../kit/admin-client.ts';
import { engines, startCa, type TestCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { aCertificate } from '../../kit/records.ts';
import { links, refused } from '../../kit/refused.ts';

for (const engine of engines)
  describe(`lists in the admin API (${engine})`, () => {
    let ca: TestCa;
    let client: AdminClient;
    before(async () => {
      ca = await startCa({ engine, config: { log: 'silent' } });
      client = adminClient(ca, (await ca.run('token create', { scope: 'admin' })).token);
    });
    after(async () => {
      client.close();
      await ca.close();
    });

    const addMember = (name: string) => ca.run('member add', { name, email: 'a@club.test' });

    describe('in pages', () => {
      it('have each item once under inserts, and link to the next page until there is none', async () => {
        const before = [];
        for (let i = 0; i < 9; i++) before.push((await addMember(`Club ${i}`)).id);
        const seen: string[] = [];
        let path: string | undefined = '/admin/v1/members?limit=4';
        while (path !== undefined) {
          const answer = await client.send('GET', path);
          assert.equal(answer.status, 200);
          assert.ok(answer.json.length <= 4);
          seen.push(...answer.json.map((m: Json) => m.id));
          path = links(answer)['next']?.[0];
          if (path) assert.match(path, /^\/admin\/v1\/members\?limit=4&cursor=\d+-[a-z2-7]+$/);
          if (seen.length < 12) await addMember('Late');
        }
        assert.equal(new Set(seen).size, seen.length);
        for (const id of before) assert.ok(seen.includes(id));
      });

      it('have 100 items unless said; 1000 at most; a cursor of ours only', async () => {
        for (let i = 0; i < 101; i++) await addMember(`Many ${i}`);
        const answer = await client.send('GET', '/admin/v1/members');
        assert.equal(answer.json.length, 100);
        assert.ok(links(answer)['next']);
        assert.ok((await client.get('/members?limit=1000')).length > 100);
        for (const [query, parameter] of [
          ['limit=1001', 'limit'],
          ['limit=0', 'limit'],
          ['limit=', 'limit'],
          ['cursor=x', 'cursor'],
          ['cursor=', 'cursor'],
          ["cursor=1-' or 1", 'cursor'],
          ['limit=1&limit=2', 'limit'],
        ] as const) {
          const { errors } = refused(await client.send('GET', `/admin/v1/members?${encodeURI(query)}`), 'malformed', 400);
          assert.equal(errors[0].parameter, parameter, query);
        }
      });

      it('keep the filter in the link', async () => {
        const { id } = await addMember('Keys');
        for (let i = 0; i < 3; i++) await ca.run('directory create', { member: id });
        const answer = await client.send('GET', `/admin/v1/certificates?member=${id}&limit=1`);
        assert.deepEqual([answer.json, links(answer)], [[], {}]);
      });
    });

    describe('as a stream', () => {
      const stream = async (type: string, path: string) => {
        const answer = await client.send('GET', `/admin/v1${path}`, undefined, { Accept: type });
        assert.equal(answer.status, 200, `${answer.body}`);
        assert.equal(answer.headers['cache-control'], 'no-store');
        return answer;
      };
      const all = async () => {
        const items: Json[] = [];
        let path: string | undefined = '/admin/v1/members?limit=1000';
        while (path !== undefined) {
          const answer = await client.send('GET', path);
          items.push(...answer.json);
          path = links(answer)['next']?.[0];
        }
        return items;
      };

      it('of NDJSON have an item a line, all of them', async () => {
        const { headers, body } = await stream('application/x-ndjson', '/members');
        assert.equal(headers['content-type'], 'application/x-ndjson');
        const text = body.toString();
        assert.ok(text.endsWith('}\n'));
        const items = text
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line));
        assert.deepEqual(items, await all());
        assert.equal((await stream('application/x-ndjson', '/members?limit=3')).body.toString().trimEnd().split('\n').length, 3);
        assert.equal((await stream('application/x-ndjson', '/orders?member=aaaa')).body.length, 0);
      });

      it('of CSV have a head and a line an item, quoted where it must be (RFC 4180)', async () => {
        const odd = await addMember('=Club "Röhre", Gent; 50%');
        const { headers, body } = await stream('text/csv', '/members');
        assert.equal(headers['content-type'], 'text/csv; charset=utf-8');
        const lines = body.toString().split('\r\n');
        assert.equal(lines[0], 'id,name,status,contacts,createdAt,leftAt,erasedAt');
        assert.equal(lines.length, (await all()).length + 2);
        assert.ok(lines.includes(`${odd.id},"=Club ""Röhre"", Gent; 50%",active,a@club.test,${odd.createdAt},,`.replace('=', "'=")));
        assert.equal(
          (await stream('text/csv', '/orders?member=aaaa')).body.toString(),
          'id,accountId,status,names,profile,serial,error,expires,createdAt\r\n',
        );
      });

      it('come where they are asked for only, and nothing else does', async () => {
        for (const accept of ['*/*', 'application/json', 'application/*;q=0.5', 'text/html, */*;q=0.1'])
          assert.equal((await stream(accept, '/members')).headers['content-type'], 'application/json', accept);
        refused(await client.send('GET', '/admin/v1/members', undefined, { Accept: 'text/html' }), 'malformed', 406);
        const head = await client.send('HEAD', '/admin/v1/members', undefined, { Accept: 'text/csv' });
        assert.deepEqual([head.status, head.body.length, head.headers['content-type']], [200, 0, 'text/csv; charset=utf-8']);
      });
    });

    it('of certificates are searched by name, serial, key, member, state and end', async () => {
      const { id, client: acme } = await ca.member('Searched');
      await issue(acme, ca.net, ['one.test', 'shared.test']);
      const { chain } = await issue(acme, ca.net, ['two.test', 'shared.test']);
      const leaf = new X509Certificate(chain);
      const serial = leaf.serialNumber.toLowerCase();
      const key = Buffer.from(sha256(leaf.publicKey.export({ format: 'der', type: 'spki' }))).toString('hex');
      const now = ca.clock.now;
      const long = aCertificate({ orderId: 'o-long', memberId: id, names: ['old.test'], notAfter: now - 1, committedAt: now - 100 });
      await commitCertificate(ca.ctx.db, long, 30);
      await moveCertificate(ca.ctx.db, long.serial, 'issued', firstFence, { der: Buffer.from('der') });
      const lost = aCertificate({ orderId: 'o-lost', memberId: id, notAfter: now + 5, committedAt: now - 50 });
      await commitCertificate(ca.ctx.db, lost, 30);
      await ca.run('cert revoke', { serial });
      const found = async (query: string) => (await client.get(`/certificates?member=${id}&${query}`)).map((c: Json) => c.names.join(' '));
      assert.deepEqual((await found('')).length, 4);
      assert.deepEqual(await found('name=ONE.test'), ['one.test shared.test']);
      assert.deepEqual((await found('name=shared.test')).length, 2);
      assert.deepEqual(await found(`serial=${leaf.serialNumber.match(/../g)?.join(':')}`), ['two.test shared.test']);
      assert.deepEqual(await found(`key=${key.toUpperCase()}`), ['two.test shared.test']);
      assert.deepEqual(await found('status=revoked'), ['two.test shared.test']);
      assert.deepEqual(await found('status=issued'), ['one.test shared.test']);
      assert.deepEqual(await found('status=expired'), ['old.test']);
      assert.deepEqual(await found('status=committed'), ['']);
      assert.deepEqual(await found('status=abandoned'), []);
      const at = (seconds: number) => encodeURIComponent(new Date(seconds * 1000).toISOString());
      assert.deepEqual(await found(`expiresBefore=${at(now - 1)}`), ['old.test']);
      assert.deepEqual(await found(`expiresAfter=${at(now)}&expiresBefore=${at(now + 5)}`), ['']);
      assert.equal((await found(`expiresAfter=${encodeURIComponent('2020-01-01T00:00:00+02:00')}`)).length, 4);
      const [shown] = await client.get(`/certificates?serial=${serial}`);
      assert.equal(shown.key, key);
      const [csv] = (await client.send('GET', `/admin/v1/certificates?serial=${serial}`, undefined, { Accept: 'text/csv' })).body
        .toString()
        .split('\r\n')
        .slice(1);
      assert.match(String(csv), new RegExp(`^${serial},revoked,two\\.test shared\\.test,`));
    });

    it('of orders are searched by account, member and state; what they are is derived', async () => {
      const { id, client: acme } = await ca.member('Orders');
      const { order } = await issue(acme, ca.net, ['ordered.test']);
      const open = await acme.newOrder(['open.test']);
      const account = acme.kid?.split('/').at(-1);
      const found = async (query: string) => (await client.get(`/orders?${query}`)).map((o: Json) => [o.status, ...o.names]);
      assert.deepEqual((await found(`account=${account}`)).sort(), [
        ['pending', 'open.test'],
        ['valid', 'ordered.test'],
      ]);
      assert.deepEqual((await found(`member=${id}`)).length, 2);
      assert.deepEqual(await found(`member=${id}&state=valid`), [['valid', 'ordered.test']]);
      assert.deepEqual(await found(`member=${id}&state=open`), [['pending', 'open.test']]);
      assert.deepEqual(await found(`member=${id}&state=invalid`), []);
      const orderId = String(open.headers['location']).split('/').at(-1);
      const shown = await client.get(`/orders/${orderId}`);
      assert.deepEqual([shown.id, shown.accountId, shown.status, shown.profile], [orderId, account, 'pending', 'xmpp-server']);
      const done = (await client.get(`/orders?account=${account}&state=valid`))[0];
      assert.ok(order.certificate.endsWith(done.serial));
      refused(await client.send('GET', '/admin/v1/orders/none'), 'malformed', 404);
      ca.later(8 * 86400);
      assert.deepEqual(await found(`member=${id}&state=open`), []);
      assert.deepEqual(await found(`member=${id}&state=invalid`), [['invalid', 'open.test']]);
    });

    it('of blocked keys are paged too, by bytes', async () => {
      const keys = ['00', 'aa', 'ff', '7f'].map(octet => octet.repeat(32));
      for (const key of keys) await client.post(`/keys/${key}/block`);
      const seen: string[] = [];
      for (let path: string | undefined = '/admin/v1/keys?limit=1'; path !== undefined; ) {
        const answer = await client.send('GET', path);
        seen.push(...answer.json.map((k: Json) => k.key));
        path = links(answer)['next']?.[0];
      }
      assert.deepEqual(seen, [...keys].sort().reverse());
    });

    it('of CRLs are paged too, and come as a stream', async () => {
      const every = await client.get('/crls');
      assert.equal(every.length, 2);
      const seen: Json[] = [];
      for (let path: string | undefined = '/admin/v1/crls?limit=1'; path !== undefined; ) {
        const answer = await client.send('GET', path);
        seen.push(...answer.json);
        path = links(answer)['next']?.[0];
      }
      assert.deepEqual(seen, every);
      const { body } = await client.send('GET', '/admin/v1/crls', undefined, { Accept: 'text/csv' });
      assert.match(body.toString(), /^issuer,shard,number,thisUpdate,nextUpdate,url\r\n/);
    });

    it('of issuers show the root and the active one', async () => {
      const issuers = await client.get('/issuers');
      assert.deepEqual(issuers.map((i: Json) => [i.kind, i.status]).sort(), [
        ['issuing', 'active'],
        ['root', 'offline'],
      ]);
      assert.equal(issuers.find((i: Json) => i.kind === 'root').pem, ca.root);
    });
  });
