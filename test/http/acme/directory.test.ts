import assert from 'node:assert/strict';
import { publicJwk } from '../../kit/acme-client.ts';
import { startCa, type TestCa } from '../../kit/ca.ts';
import { opened } from '../../kit/opened.ts';
import { links, refused } from '../../kit/refused.ts';

const terms = 'https://ca.test/terms';
const resources = ['newNonce', 'newAccount', 'newOrder', 'newAuthz', 'revokeCert', 'keyChange', 'renewalInfo'];

describe('directory', () => {
  const ca = opened(() =>
    startCa({ config: { policy: { termsOfService: terms }, validation: { caaIdentities: ['ca.test', 'www.ca.test'] } } }),
  );

  it('lists every resource at publicUrl, and meta is an object', async () => {
    const answer = await ca.client().get(`${ca.publicUrl}/acme/directory`);
    assert.equal(answer.status, 200);
    const { meta, ...urls } = answer.json;
    assert.deepEqual(Object.keys(urls), resources);
    for (const url of Object.values(urls)) assert.ok(String(url).startsWith(`${ca.publicUrl}/acme/`));
    const { profiles, ...rest } = meta;
    assert.deepEqual(rest, { termsOfService: terms, caaIdentities: ['ca.test', 'www.ca.test'], externalAccountRequired: true });
    assert.deepEqual(Object.keys(profiles), ['xmpp-server', 'xmpp-server-addr', 'xmpp-server-short']);
    for (const description of Object.values(profiles)) assert.ok(typeof description === 'string' && description.length > 0);
  });

  it('is plain application/json, open to any origin, without a Link to itself', async () => {
    const { headers } = await ca.client().get(`${ca.publicUrl}/acme/directory`);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.equal(headers['link'], undefined);
    assert.equal(headers['replay-nonce'], undefined);
  });

  it('leaves out of meta what is not configured', async () => {
    const other = await startCa({ config: { policy: { externalAccountRequired: false } } });
    try {
      assert.deepEqual(Object.keys((await other.client().open()).directory.meta), ['profiles']);
    } finally {
      await other.close();
    }
  });

  it('of a profile fixes the profile by newOrder, names that one only, and is else the public one', async () => {
    const client = await ca.client().open();
    const own = (await client.get(`${ca.publicUrl}/acme/p/xmpp-server-short/directory`)).json;
    const { meta } = client.directory;
    const profiles = { 'xmpp-server-short': meta.profiles['xmpp-server-short'] };
    const newOrder = `${ca.publicUrl}/acme/p/xmpp-server-short/new-order`;
    assert.deepEqual(own, { ...client.directory, newOrder, meta: { ...meta, profiles } });
    refused(await client.get(`${ca.publicUrl}/acme/p/other/directory`), 'malformed', 404);
  });

  it('of a member asks for no binding, is not stored, and names the public one as its index', async () => {
    const { id } = await ca.run('member add', { name: 'Club', email: 'a@club.test' });
    const { directory } = await ca.run('directory create', { member: id });
    const client = await ca.client().open();
    const answer = await client.get(directory);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.deepEqual(links(answer), { index: [`${ca.publicUrl}/acme/directory`] });
    const { externalAccountRequired: _, ...meta } = client.directory.meta;
    assert.deepEqual(answer.json, { ...client.directory, newAccount: directory.replace('directory', 'new-account'), meta });
  });

  it('of a member may fix a profile', async () => {
    const { id } = await ca.run('member add', { name: 'Club', email: 'a@club.test' });
    const { directory } = await ca.run('directory create', { member: id, profile: 'xmpp-server-addr' });
    const { newOrder } = (await ca.client().get(directory)).json;
    assert.equal(newOrder, `${ca.publicUrl}/acme/p/xmpp-server-addr/new-order`);
  });

  it('of a member is gone when it is revoked, has expired, or never was', async () => {
    const { id } = await ca.run('member add', { name: 'Club', email: 'a@club.test' });
    const client = ca.client();
    const revoked = await ca.run('directory create', { member: id });
    await ca.run('directory revoke', { id: revoked.id });
    const brief = await ca.run('directory create', { member: id, expires: 1 });
    assert.equal((await client.get(brief.directory)).status, 200);
    ca.clock.now += 86400;
    const urls = [revoked.directory, brief.directory, `${ca.publicUrl}/acme/m/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/directory`];
    const details = [];
    for (const url of urls) {
      const answer = await client.get(url);
      details.push(refused(answer, 'malformed', 404).detail);
      assert.equal(answer.headers['cache-control'], 'no-store');
    }
    assert.equal(new Set(details).size, 1, 'nobody learns which it was');
  });

  it('is read by POST-as-GET too, and newNonce as well', async () => {
    const { client } = await startMember(ca);
    const { id } = await ca.run('member add', { name: 'Club', email: 'a@club.test' });
    const { directory } = await ca.run('directory create', { member: id });
    for (const url of [`${ca.publicUrl}/acme/directory`, `${ca.publicUrl}/acme/p/xmpp-server/directory`, directory]) {
      const posted = await client.read(url);
      assert.equal(posted.status, 200, posted.body.toString());
      assert.deepEqual(posted.json, (await client.get(url)).json);
      assert.match(String(posted.headers['replay-nonce']), /^[\w-]+$/);
    }
    const nonce = await client.read(client.directory.newNonce);
    assert.equal(nonce.status, 204);
    assert.match(String(nonce.headers['replay-nonce']), /^[\w-]+$/);
    refused(await client.post(`${ca.publicUrl}/acme/directory`, {}), 'malformed', 400, /POST-as-GET/);
  });
});

async function startMember(ca: TestCa) {
  const { id } = await ca.run('member add', { name: 'Reader', email: 'a@reader.test' });
  const eab = await ca.run('eab create', { member: id });
  const client = await ca.client().open();
  const answer = await client.register({ eab, jwk: publicJwk(client.key) });
  assert.equal(answer.status, 201, answer.body.toString());
  return { client };
}
