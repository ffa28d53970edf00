import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCa, type TestCa } from '../../kit/ca.ts';
import { links, refused } from '../../kit/refused.ts';

const first = 'https://ca.test/terms-1';
const second = 'https://ca.test/terms-2';

describe('terms of service', () => {
  let folder: string;
  let ca: TestCa;
  const start = async (termsOfService: string | null) => startCa({ folder, config: { policy: { termsOfService } } });
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-test-'));
    ca = await start(first);
  });
  after(async () => {
    await ca.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The same account with the server that was started last. */
  const again = async (old: { key: KeyObject; kid: string | undefined }) =>
    Object.assign(await ca.client().open(), { key: old.key, kid: old.kid });

  it('are agreed to by newAccount, or there is no account', async () => {
    const { id } = await ca.run('member add', { name: 'Club', email: 'a@club.test' });
    const eab = await ca.run('eab create', { member: id });
    const client = await ca.client().open();
    assert.equal(client.directory.meta.termsOfService, first);
    for (const termsOfServiceAgreed of [undefined, false, 'true', 1]) {
      const answer = await client.register({ eab, termsOfServiceAgreed });
      assert.equal(refused(answer, 'userActionRequired').instance, first);
      assert.deepEqual(links(answer)['terms-of-service'], [first]);
    }
    const { json, status } = await client.register({ eab, termsOfServiceAgreed: true });
    assert.equal(status, 201);
    assert.equal(json.termsOfServiceAgreed, true);
  });

  it('that have changed are agreed to on the page in instance; until then nothing can be ordered', async () => {
    const { client: old } = await ca.member();
    const order = await old.newOrder(['terms.test']);
    await ca.close();
    ca = await start(second);
    const client = await again(old);
    const { newOrder, newAuthz } = client.directory;
    let instance = '';
    for (const [url, payload] of [
      [newOrder, { identifiers: [{ type: 'dns', value: 'terms.test' }] }],
      [newAuthz, { identifier: { type: 'dns', value: 'terms.test' } }],
    ]) {
      const answer = await client.post(url, payload);
      const problem = refused(answer, 'userActionRequired', 403);
      assert.deepEqual(links(answer)['terms-of-service'], [second]);
      instance = problem.instance;
    }
    assert.equal((await client.read(String(order.headers['location']))).status, 200, 'reading goes on');
    assert.equal((await client.post(client.kid!, { termsOfServiceAgreed: true })).status, 200);
    refused(await client.newOrder(['terms.test']), 'userActionRequired');

    assert.ok(instance.startsWith(`${ca.publicUrl}/acme/terms/`));
    const page = await client.get(instance);
    assert.equal(page.status, 200);
    assert.match(String(page.headers['content-type']), /^text\/html/);
    assert.match(String(page.headers['content-security-policy']), /default-src 'none'/);
    assert.match(page.body.toString(), /terms-2.*<form method="post">/s);
    assert.equal((await client.send('POST', instance, { 'Content-Type': 'application/x-www-form-urlencoded' }, '')).status, 200);
    assert.match((await client.get(instance)).body.toString(), /has agreed/);
    assert.equal((await client.newOrder(['terms.test'])).status, 201);
  });

  it('are agreed to by nobody who does not know the page', async () => {
    const { client } = await ca.member();
    const id = client.kid!.split('/').at(-1);
    const wrong = [`${id}/AAAA`, `${id}/${'A'.repeat(43)}`, 'aaaaaaaaaaaaaaaa/AAAA', '%00/AAAA', `${id}/%00`, `${id}/AA==`];
    for (const path of wrong) {
      refused(await client.get(`${ca.publicUrl}/acme/terms/${path}`), 'malformed', 404);
      refused(await client.send('POST', `${ca.publicUrl}/acme/terms/${path}`, {}, ''), 'malformed', 404);
    }
  });

  it('that are withdrawn bind nobody', async () => {
    const { client: old } = await ca.member();
    await ca.close();
    ca = await start(null);
    const client = await again(old);
    assert.equal((await client.newOrder(['free.test'])).status, 201);
    assert.ok(!('termsOfService' in client.directory.meta));
  });
});
