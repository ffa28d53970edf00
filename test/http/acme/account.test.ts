import assert from 'node:assert/strict';
import { newKey, publicJwk } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';

for (const engine of engines) {
  describe(`account (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));

    const newClient = async () => {
      const { id } = await ca.run('member add', { name: 'Club', email: 'a@club.test' });
      return { id, eab: await ca.run('eab create', { member: id }), client: await ca.client().open() };
    };

    it('is made with 201, Location, status and orders; nothing unknown comes back', async () => {
      const { client, eab } = await newClient();
      const contact = ['mailto:admin@im.test'];
      const answer = await client.register({
        eab,
        contact,
        orders: 'https://evil.test/',
        initialIp: '192.0.2.7',
        status: 'revoked',
        id: 7,
      });
      assert.equal(answer.status, 201);
      assert.equal(answer.headers['content-type'], 'application/json');
      const { externalAccountBinding, ...account } = answer.json;
      assert.deepEqual(account, { status: 'valid', contact, orders: `${client.kid}/orders` });
      assert.deepEqual((await client.read(client.kid!)).json, answer.json);
      assert.equal(typeof externalAccountBinding.signature, 'string');
    });

    it('has no members without a value', async () => {
      const { client } = await ca.member();
      assert.deepEqual(Object.keys((await client.read(client.kid!)).json), ['status', 'externalAccountBinding', 'orders']);
    });

    it('is found by its key: 200, Location, and the fields of the request are ignored', async () => {
      const { client } = await ca.member();
      const before = (await client.read(client.kid!)).json;
      const { newAccount } = client.directory;
      const jwk = publicJwk(client.key);
      for (const payload of [
        {},
        { onlyReturnExisting: true },
        { contact: ['mailto:new@im.test'], termsOfServiceAgreed: false, contactless: 1 },
      ]) {
        const answer = await client.post(newAccount, payload, { jwk });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['location'], client.kid);
        assert.deepEqual(answer.json, before);
      }
    });

    it('is not made by onlyReturnExisting', async () => {
      const { client, eab } = await newClient();
      refused(await client.register({ eab, onlyReturnExisting: true }), 'accountDoesNotExist', 400);
      refused(await client.register({ onlyReturnExisting: true }), 'accountDoesNotExist', 400);
      assert.equal((await client.register({ eab })).status, 201, 'the binding was not used up');
    });

    it('is one, though two requests make it at once', async () => {
      const { id } = await ca.run('member add', { name: 'Club', email: 'a@club.test' });
      const eab = await ca.run('eab create', { member: id, uses: 'any' });
      const client = await ca.client().open();
      const nonces = [];
      for (let i = 0; i < 4; i++) nonces.push(await client.takeNonce());
      const clients = nonces.map(nonce => Object.assign(ca.client(), { key: client.key, directory: client.directory, nonce }));
      const answers = await Promise.all(clients.map(c => c.register({ eab })));
      assert.equal(new Set(answers.map(a => a.headers['location'])).size, 1);
      assert.deepEqual(answers.map(a => a.status).sort(), [200, 200, 200, 201]);
    });

    it('takes new contacts: 200 and the account that results', async () => {
      const { client } = await ca.member();
      const contact = ['mailto:one@im.test', 'mailto:two@im.test'];
      const answer = await client.post(client.kid!, { contact });
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.json.contact, contact);
      assert.deepEqual((await client.read(client.kid!)).json, answer.json);
      assert.ok(!('contact' in (await client.post(client.kid!, { contact: [] })).json));
    });

    it('takes none for a member that has left, and lets go of what it has', async () => {
      const { client, id } = await ca.member();
      const contact = ['mailto:one@im.test'];
      await client.post(client.kid!, { contact });
      await ca.run('member remove', { id });
      refused(await client.post(client.kid!, { contact: ['mailto:two@im.test'] }), 'unauthorized', 403, /has left/);
      assert.deepEqual((await client.read(client.kid!)).json.contact, contact);
      await ca.run('member erase', { id });
      refused(await client.post(client.kid!, { contact }), 'unauthorized', 403, /has left/);
      assert.ok(!('contact' in (await client.post(client.kid!, { contact: [] })).json));
    });

    it('ignores orders, termsOfServiceAgreed, other statuses and what is unknown', async () => {
      const { client } = await ca.member();
      const before = (await client.read(client.kid!)).json;
      const orders = 'https://evil.test/';
      for (const payload of [{ orders }, { termsOfServiceAgreed: true }, { status: 'valid' }, { status: 'revoked' }, { unknown: 1 }, {}]) {
        const answer = await client.post(client.kid!, payload);
        assert.equal(answer.status, 200, answer.body.toString());
        assert.deepEqual(answer.json, before);
      }
    });

    it('is nobody else’s to read or change', async () => {
      const { client } = await ca.member();
      const { client: other } = await ca.member();
      for (const payload of ['', {}, { status: 'deactivated' }]) refused(await other.post(client.kid!, payload), 'unauthorized');
      refused(await other.read(`${client.kid}/orders`), 'unauthorized');
      assert.equal((await client.read(client.kid!)).json.status, 'valid');
    });

    it('that is deactivated is answered with 401, whatever it asks; its pending orders end', async () => {
      const { client } = await ca.member();
      const order = await client.newOrder(['pending.test']);
      const answer = await client.post(client.kid!, { status: 'deactivated' });
      assert.equal(answer.status, 200);
      assert.equal(answer.json.status, 'deactivated');
      const { newOrder, newAuthz, newAccount } = client.directory;
      for (const url of [client.kid!, `${client.kid}/orders`, String(order.headers['location']), order.json.authorizations[0]])
        refused(await client.read(url), 'unauthorized', 401);
      for (const url of [newOrder, newAuthz, client.kid!]) refused(await client.post(url, {}), 'unauthorized', 401);
      refused(await client.post(newAccount, {}, { jwk: publicJwk(client.key) }), 'unauthorized', 401);
      const id = order.json.authorizations[0].split('/').at(-1);
      assert.equal((await ca.ctx.db('authorizations').where({ id }).first()).status, 'deactivated');
    });

    it('keeps its certificates when it is deactivated', async () => {
      const { client } = await ca.member();
      const { order } = await issue(client, ca.net, ['kept.test']);
      await client.post(client.kid!, { status: 'deactivated' });
      assert.equal((await ca.run('cert show', { serial: order.certificate.split('/').at(-1) })).status, 'issued');
    });

    it('that is deactivated is not made again by its key, through whatever door', async () => {
      const { client } = await ca.member();
      await client.post(client.kid!, { status: 'deactivated' });
      const { id, eab } = await newClient();
      refused(await client.register({ eab }), 'unauthorized', 401);
      const { directory } = await ca.run('directory create', { member: id });
      refused(await Object.assign(await ca.client().open(directory), { key: client.key }).register(), 'unauthorized', 401);
    });

    it('is deactivated by its own key alone', async () => {
      const { client } = await ca.member();
      refused(await client.post(client.kid!, { status: 'deactivated' }, { kid: client.kid! }, newKey()), 'malformed', 400, /signature/);
      assert.equal((await client.read(client.kid!)).json.status, 'valid');
    });
  });
}

describe('account contacts', () => {
  const ca = opened(() => startCa({ config: { policy: { externalAccountRequired: false } } }));

  const valid = [
    'mailto:a@b.test',
    'MAILTO:Admin+acme@Sub.Example.org',
    "mailto:o'neil.x_y-z@xn--bcher-kva.example",
    `mailto:${'a'.repeat(64)}@im.test`,
  ];
  for (const url of valid) {
    it(`${url.slice(0, 60)} is accepted as it is`, async () => {
      assert.deepEqual((await ca.client().register({ contact: [url] })).json.contact, [url]);
    });
  }

  const invalid: [string, string][] = [
    ['header fields', 'mailto:a@b.test?subject=x'],
    ['two addresses', 'mailto:a@b.test,c@d.test'],
    ['no address', 'mailto:'],
    ['no domain', 'mailto:admin'],
    ['a single label', 'mailto:a@localhost'],
    ['two @', 'mailto:a@b@c.test'],
    ['a blank', 'mailto:a b@c.test'],
    ['angle brackets', 'mailto:<a@b.test>'],
    ['a line break', 'mailto:a@b.test\r\nBcc: c@d.test'],
    ['a control character', 'mailto:a\u0007@b.test'],
    ['a NUL', 'mailto:a\u0000@b.test'],
    ['a local part that is too long', `mailto:${'a'.repeat(65)}@b.test`],
    ['an address that is too long', `mailto:a@${'b234567.'.repeat(32)}test`],
    ['an empty label', 'mailto:a@b..test'],
    ['a label that ends in a hyphen', 'mailto:a@b-.test'],
  ];
  for (const [what, url] of invalid) {
    it(`${what}: invalidContact`, async () => {
      const client = ca.client();
      refused(await client.register({ contact: [url] }), 'invalidContact');
      await client.register();
      refused(await client.post(client.kid!, { contact: ['mailto:good@b.test', url] }), 'invalidContact');
      assert.ok(!('contact' in (await client.read(client.kid!)).json));
    });
  }

  for (const url of ['tel:+12025551212', 'xmpp:a@b.test', 'https://a.test/', 'a@b.test', '']) {
    it(`${url || 'an empty string'}: unsupportedContact, which says what is supported`, async () => {
      refused(await ca.client().register({ contact: [url] }), 'unsupportedContact', 400, /mailto/);
    });
  }

  it('what is no array of strings is malformed; more than ten are too many', async () => {
    for (const contact of ['mailto:a@b.test', [5], {}, null]) {
      const client = await ca.client().open();
      refused(await client.post(client.directory.newAccount, { contact }), 'malformed');
    }
    refused(await ca.client().register({ contact: Array.from({ length: 11 }, (_, i) => `mailto:a${i}@b.test`) }), 'invalidContact');
  });
});
