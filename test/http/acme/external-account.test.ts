import assert from 'node:assert/strict';
import { type AcmeClient, eabJws, type Json, jws, newKey, publicJwk, thumbprintOf } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';

for (const engine of engines) {
  describe(`doors (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));
    let member: string;
    before(async () => {
      member = (await ca.run('member add', { name: 'Club', email: 'a@club.test' })).id;
    });

    const doorOf = async (client: AcmeClient) => {
      const { door, memberId } = await ca.run('account show', { id: client.kid! });
      return [door, memberId];
    };

    it('without any, the answer is externalAccountRequired', async () => {
      refused(await ca.client().register(), 'externalAccountRequired', 403, /members/);
    });

    for (const alg of ['HS256', 'HS384', 'HS512']) {
      it(`a binding by ${alg} binds the account to the member and comes back as it was sent`, async () => {
        const eab = await ca.run('eab create', { member });
        assert.match(eab.kid, /^[\x21-\x7e]+$/);
        assert.match(eab.hmacKey, /^[\w-]+$/);
        const client = await ca.client().open();
        const binding = eabJws(eab.kid, eab.hmacKey, client.directory.newAccount, publicJwk(client.key), alg);
        const answer = await client.register({ externalAccountBinding: binding });
        assert.equal(answer.status, 201, answer.body.toString());
        assert.deepEqual(answer.json.externalAccountBinding, binding);
        assert.deepEqual(await doorOf(client), ['eab', member]);
      });
    }

    const bad: [string, number, (eab: Json, url: string, jwk: object) => object | string | null][] = [
      ['a wrong MAC', 403, (eab, url, jwk) => eabJws(eab.kid, 'AAAA', url, jwk)],
      ['the MAC key of another kid', 403, (eab, url, jwk) => eabJws('aaaaaaaaaaaaaaaa', eab.hmacKey, url, jwk)],
      ['a kid that cannot be one', 403, (eab, url, jwk) => eabJws('\u0000', eab.hmacKey, url, jwk)],
      ['another url', 400, (eab, url, jwk) => eabJws(eab.kid, eab.hmacKey, `${url}/`, jwk)],
      ['another key as its payload', 400, (eab, url) => eabJws(eab.kid, eab.hmacKey, url, publicJwk(newKey()))],
      ['a payload that is no key', 400, (eab, url) => eabJws(eab.kid, eab.hmacKey, url, { a: 1 })],
      ['a payload that is no object', 400, (eab, url) => eabJws(eab.kid, eab.hmacKey, url, [])],
      ['an alg that is no MAC', 400, (eab, url, jwk) => jws(newKey(), { kid: eab.kid, url }, jwk)],
      ['alg none', 400, (eab, url, jwk) => changed(eabJws(eab.kid, eab.hmacKey, url, jwk), { alg: 'none' })],
      ['a nonce', 400, (eab, url, jwk) => changed(eabJws(eab.kid, eab.hmacKey, url, jwk), { nonce: 'AAAA' })],
      ['a jwk in the place of a kid', 400, (eab, url, jwk) => changed(eabJws(eab.kid, eab.hmacKey, url, jwk), { kid: undefined, jwk })],
      ['no url', 400, (eab, url, jwk) => changed(eabJws(eab.kid, eab.hmacKey, url, jwk), { url: undefined })],
      ['an unprotected header', 400, (eab, url, jwk) => ({ ...eabJws(eab.kid, eab.hmacKey, url, jwk), header: {} })],
      ['no signature', 400, (eab, url, jwk) => ({ ...eabJws(eab.kid, eab.hmacKey, url, jwk), signature: undefined })],
      ['padded base64url', 400, (eab, url, jwk) => ({ ...eabJws(eab.kid, eab.hmacKey, url, jwk), signature: 'AAA=' })],
      ['a string', 400, () => 'binding'],
      ['null', 400, () => null],
      ['an empty object', 400, () => ({})],
    ];
    for (const [what, status, make] of bad) {
      it(`a binding is refused: ${what}`, async () => {
        const eab = await ca.run('eab create', { member });
        const client = await ca.client().open();
        const { newAccount } = client.directory;
        const answer = await client.register({ externalAccountBinding: make(eab, newAccount, publicJwk(client.key)) });
        refused(answer, status === 403 ? 'unauthorized' : 'malformed', status);
        refused(await client.register({ onlyReturnExisting: true }), 'accountDoesNotExist');
        assert.equal((await client.register({ eab })).status, 201, 'the key was not used up');
      });
    }

    it('a binding key that is used up, revoked or expired binds no more', async () => {
      const once = await ca.run('eab create', { member });
      assert.equal((await ca.client().register({ eab: once })).status, 201);
      const revoked = await ca.run('eab create', { member });
      await ca.run('eab revoke', { kid: revoked.kid });
      const brief = await ca.run('eab create', { member, expires: 1 });
      const many = await ca.run('eab create', { member, uses: 'any', expires: 3 });
      ca.clock.now += 86400;
      for (const eab of [once, revoked, brief])
        refused(await ca.client().register({ eab }), 'unauthorized', 403, /used up, expired or revoked/);
      for (let i = 0; i < 3; i++) assert.equal((await ca.client().register({ eab: many })).status, 201);
    });

    it('two accounts at once do not both take the last use', async () => {
      const eab = await ca.run('eab create', { member });
      const answers = await Promise.all([1, 2, 3].map(() => ca.client().register({ eab })));
      assert.deepEqual(answers.map(a => a.status).sort(), [201, 403, 403]);
    });

    it('a member directory binds without a binding, for as many accounts as it has; a binding that is sent is not shown', async () => {
      const { directory } = await ca.run('directory create', { member });
      const client = await ca.client().open(directory);
      const answer = await client.register({ externalAccountBinding: { anything: 1 } });
      assert.equal(answer.status, 201, answer.body.toString());
      assert.ok(!('externalAccountBinding' in answer.json));
      assert.deepEqual(await doorOf(client), ['directory', member]);
      assert.equal((await client.register()).status, 200, 'its own account again');
      refused(await (await ca.client().open(directory)).register(), 'unauthorized', 403, /no more accounts/);
    });

    it('a member directory that was revoked meanwhile opens no account', async () => {
      const { id, directory } = await ca.run('directory create', { member });
      const client = await ca.client().open(directory);
      await ca.run('directory revoke', { id });
      refused(await client.register(), 'malformed', 404);
    });

    it('a registered thumbprint binds once', async () => {
      const client = await ca.client().open();
      await ca.run('thumbprint add', { member, thumbprint: thumbprintOf(client.key) });
      assert.equal((await client.register()).status, 201);
      assert.deepEqual(await doorOf(client), ['thumbprint', member]);
      await client.post(client.kid!, { status: 'deactivated' });
      refused(await client.register(), 'unauthorized', 401);
    });

    it('a door that is closed can take its accounts with it; the others stay', async () => {
      const eab = await ca.run('eab create', { member, uses: 'any' });
      const { id, directory } = await ca.run('directory create', { member, accounts: 'any' });
      const [byEab, byDirectory] = [await ca.client().open(), await ca.client().open(directory)];
      await byEab.register({ eab });
      await byDirectory.register();
      await ca.run('eab revoke', { kid: eab.kid, deactivateAccounts: true });
      refused(await byEab.read(byEab.kid!), 'unauthorized', 401);
      await ca.run('directory revoke', { id });
      assert.equal((await byDirectory.read(byDirectory.kid!)).status, 200);
    });

    it('a suspended member opens no account, and the use is not lost', async () => {
      const { id } = await ca.run('member add', { name: 'Sleepers', email: 'a@sleep.test' });
      const eab = await ca.run('eab create', { member: id });
      await ca.run('member suspend', { id });
      refused(await ca.client().register({ eab }), 'unauthorized', 403, /membership is suspended/);
      await ca.run('member activate', { id });
      assert.equal((await ca.client().register({ eab })).status, 201);
    });

    it('tells the member of the new account', async () => {
      await ca.settled();
      assert.ok((await ca.mails()).some(m => /account/i.test(m.subject ?? '')));
    });
  });
}

/** Another protected header under the old MAC: refused before the MAC is looked at. */
function changed(made: { protected: string; payload: string; signature: string }, members: object): object {
  const header = JSON.parse(Buffer.from(made.protected, 'base64url').toString());
  return { ...made, protected: Buffer.from(JSON.stringify({ ...header, ...members })).toString('base64url') };
}
