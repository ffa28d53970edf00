import assert from 'node:assert/strict';
import { routes } from '../../../src/http/admin/routes.ts';
import { allows, type Scope, scopes } from '../../../src/model/token.ts';
import { type AdminClient, adminClient } from '../../kit/admin-client.ts';
import { engines, startCa, type TestCa } from '../../kit/ca.ts';
import { refused } from '../../kit/refused.ts';

const paths = routes.map(({ method, path, operation }) => ({
  method: method.toUpperCase(),
  // Nobody has such an id: what may be done is done to nothing.
  path: path.replaceAll(/{\w+}/g, 'aaaa'),
  scope: operation.scope,
  name: operation.name,
}));
const open = ['/healthz', '/metrics', '/readyz', '/admin/v1/openapi.json', '/admin/v1/'];

for (const engine of engines)
  describe(`who may do what in the admin API (${engine})`, () => {
    let ca: TestCa;
    const clients: AdminClient[] = [];
    const clientWith = (token?: string) => {
      const client = adminClient(ca, token);
      clients.push(client);
      return client;
    };
    const tokenOf = async (input: object) => (await ca.run('token create', input)) as { id: string; token: string };
    /** Every path, and the answer's status; nothing that is sent is good input, so that nothing happens. */
    const ask = (client: AdminClient, method: string, path: string) =>
      client.send(method, `${path}?nonsense=1`, method === 'POST' ? { nonsense: 1 } : undefined);

    before(async () => {
      ca = await startCa({ engine, config: { log: 'silent' } });
    });
    afterEach(() => {
      for (const client of clients.splice(0)) client.close();
    });
    after(() => ca.close());

    const combinations: Scope[][] = [...scopes.map(scope => [scope]), ['members', 'revoke'], ['read', 'members']];
    for (const scope of combinations)
      it(`a token with ${scope.join(' and ')} reaches what it may, and gets 403 for all else`, async () => {
        const client = clientWith((await tokenOf({ scope })).token);
        for (const { method, path, scope: needed, name } of paths) {
          const answer = await ask(client, method, path);
          if (allows(scope, needed)) refused(answer, 'malformed', 400, /nonsense/);
          else {
            refused(answer, 'unauthorized', 403, new RegExp(`scope "${needed}"`));
            assert.equal(answer.headers['www-authenticate'], `Bearer error="insufficient_scope", scope="${needed}"`, name);
          }
          assert.equal(answer.headers['cache-control'], 'no-store');
        }
      });

    const strangers: [string, () => Promise<string | undefined>, RegExp][] = [
      ['no token', async () => undefined, /^Bearer$/],
      ['a token that nobody was given', async () => `xca_${'a'.repeat(52)}`, /^Bearer error="invalid_token"$/],
      ['what is no token', async () => '{}', /^Bearer error="invalid_token"$/],
      [
        'a token that was revoked',
        async () => {
          const { id, token } = await tokenOf({ scope: ['admin'] });
          await ca.run('token revoke', { id });
          return token;
        },
        /^Bearer error="invalid_token"$/,
      ],
      [
        'a token that has expired',
        async () => {
          const { token } = await tokenOf({ scope: ['admin'], expires: 1 });
          ca.later(86400);
          return token;
        },
        /^Bearer error="invalid_token"$/,
      ],
    ];
    for (const [who, token, challenge] of strangers)
      it(`${who}: 401 everywhere, before 404 and 405`, async () => {
        const client = clientWith(await token());
        const nowhere = ['/', '/admin', '/admin/v1', '/admin/v1/none', '/admin/v1/members/', '/admin/v2/members', '/x', '/admin/v1/%ff'];
        const all = [
          ...paths,
          ...paths.map(({ path }) => ({ method: 'DELETE', path })),
          ...nowhere.flatMap(path => ['GET', 'POST', 'OPTIONS'].map(method => ({ method, path }))),
        ];
        for (const { method, path } of all) {
          const answer = await ask(client, method, path);
          refused(answer, 'unauthorized', 401);
          assert.match(String(answer.headers['www-authenticate']), challenge);
          assert.equal(answer.headers['access-control-allow-origin'], undefined);
        }
      });

    it('what revokes on the way wants the scope for it too', async () => {
      const { id } = await ca.run('member add', { name: 'Club', email: 'a@club.test' });
      const path = `/admin/v1/members/${id}/suspend`;
      const narrow = clientWith((await tokenOf({ scope: ['members'] })).token);
      refused(await narrow.send('POST', path, { revoke: true }), 'unauthorized', 403, /scope "revoke"/);
      assert.equal((await narrow.get(`/members/${id}`)).status, 'active');
      const wide = clientWith((await tokenOf({ scope: ['members', 'revoke'] })).token);
      assert.equal((await wide.send('POST', path, { revoke: true })).status, 200);
      assert.equal((await narrow.send('POST', `/admin/v1/members/${id}/activate`, {})).status, 200);
      assert.equal((await narrow.send('POST', path, { revoke: false })).status, 200);
    });

    it('other schemes, and a token elsewhere, are none', async () => {
      const { token } = await tokenOf({ scope: ['admin'] });
      const client = clientWith();
      for (const Authorization of [`Basic ${Buffer.from(`x:${token}`).toString('base64')}`, `Bearer  ${token}`, token, `Bearer ${token} x`])
        refused(await client.send('GET', '/admin/v1/members', undefined, { Authorization }), 'unauthorized', 401);
      refused(await client.send('GET', `/admin/v1/members?access_token=${token}`), 'unauthorized', 401);
      assert.equal((await client.send('GET', '/admin/v1/members', undefined, { Authorization: `bearer ${token}` })).status, 200);
    });

    it('with a token, what is not there is 404, and another method 405', async () => {
      const client = clientWith((await tokenOf({ scope: ['read'] })).token);
      for (const path of ['/', '/admin/v1/none', '/admin/v1/members/', '/ADMIN/v1/members'])
        refused(await client.send('GET', path), 'malformed', 404);
      const answer = await client.send('DELETE', '/admin/v1/members');
      refused(answer, 'malformed', 405);
      assert.deepEqual(String(answer.headers['allow']).split(', ').sort(), ['GET', 'HEAD', 'POST']);
      refused(await client.send('GET', '/admin/v1/accounts/%ff'), 'malformed', 400);
    });

    it('what is open needs no token', async () => {
      for (const path of open) {
        for (const method of ['GET', 'HEAD']) assert.equal((await clientWith().send(method, path)).status, 200, path);
        refused(await clientWith().send('POST', path), 'malformed', 405);
      }
    });

    it('a token that is revoked is refused at once; its last use is kept to the minute', async () => {
      const { id, token } = await tokenOf({ scope: ['read'] });
      const client = clientWith(token);
      const lastUse = async () => (await ca.run('token list')).find((t: { id: string }) => t.id === id).lastUsedAt;
      assert.equal(await lastUse(), undefined);
      await client.get('/members');
      const first = await lastUse();
      ca.later(59);
      await client.get('/members');
      assert.equal(await lastUse(), first);
      ca.later(1);
      await client.get('/members');
      assert.equal(Date.parse(await lastUse()) - Date.parse(first), 60_000);
      await ca.run('token revoke', { id });
      refused(await client.send('GET', '/admin/v1/members'), 'unauthorized', 401);
    });

    it('what is done is recorded with the token, the door and the address', async () => {
      const { id, token } = await tokenOf({ scope: ['members'] });
      const made = await clientWith(token).post('/members', { name: 'Club', email: ['a@club.test'] });
      const [event] = await ca.run('audit show', { action: 'member.added', member: made.id });
      assert.deepEqual([event.who, event.door, event.personal], [`token:${id}`, 'admin', { address: '127.0.0.1' }]);
    });
  });
