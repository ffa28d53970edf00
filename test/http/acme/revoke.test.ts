import assert from 'node:assert/strict';
import { type KeyObject, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianFingerprint } from '../../../src/pki/weak-keys.ts';
import { type AcmeClient, jws, newKey, newRsaKey, publicJwk } from '../../kit/acme-client.ts';
import { engines, startCa, type TestCa } from '../../kit/ca.ts';
import { makeCsr } from '../../kit/csr.ts';
import { answerHttp01, issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';

const b64 = (chain: string) => new X509Certificate(chain).raw.toString('base64url');
const serialOf = (chain: string) => new X509Certificate(chain).serialNumber.toLowerCase();

for (const engine of engines) {
  describe(`revoke (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));

    let count = 0;
    const issued = async (of?: AcmeClient, key?: KeyObject) => {
      const client = of ?? (await ca.member()).client;
      const name = `r${++count}.test`;
      return { client, name, ...(await issue(client, ca.net, [name], key ? { key } : {})) };
    };
    const revoke = (client: AcmeClient, chain: string, more: object = {}) =>
      client.post(client.directory.revokeCert, { certificate: b64(chain), ...more });
    const byKey = (client: AcmeClient, key: KeyObject, chain: string, more: object = {}) =>
      client.post(client.directory.revokeCert, { certificate: b64(chain), ...more }, { jwk: publicJwk(key) }, key);
    const state = async (chain: string) => {
      const { status, reason, revokedBy } = await ca.run('cert show', { serial: serialOf(chain) });
      return { status, reason, revokedBy };
    };

    it('by the account that ordered it: 200, no body, no Content-Type', async () => {
      const { client, chain } = await issued();
      const answer = await revoke(client, chain);
      assert.deepEqual([answer.status, answer.body.length, answer.headers['content-type']], [200, 0, undefined]);
      assert.deepEqual(await state(chain), {
        status: 'revoked',
        reason: 'unspecified',
        revokedBy: `account:${client.kid!.split('/').at(-1)}`,
      });
    });

    it('a second time is alreadyRevoked, by whomever; two at once revoke once', async () => {
      const { client, chain, key } = await issued();
      const nonces = [await client.takeNonce(), await client.takeNonce()];
      const certificate = b64(chain);
      const answers = await Promise.all(nonces.map(nonce => client.post(client.directory.revokeCert, { certificate }, { nonce })));
      assert.deepEqual(answers.map(a => a.status).sort(), [200, 400]);
      refused(await revoke(client, chain), 'alreadyRevoked', 400);
      refused(await byKey(client, key, chain), 'alreadyRevoked', 400);
    });

    for (const [number, name] of [
      [0, 'unspecified'],
      [1, 'keyCompromise'],
      [3, 'affiliationChanged'],
      [4, 'superseded'],
      [5, 'cessationOfOperation'],
    ] as const) {
      it(`with reason ${number} it is recorded as ${name}`, async () => {
        const { client, chain } = await issued();
        assert.equal((await revoke(client, chain, { reason: number })).status, 200);
        assert.equal((await state(chain)).reason, name);
      });
    }

    it('with another reason is badRevocationReason, which names those that are allowed', async () => {
      const { client, chain, key } = await issued();
      for (const reason of [2, 6, 7, 8, 9, 10, 11, -1, 1.5, 1e300, '1', null, true, {}])
        for (const answer of [await revoke(client, chain, { reason }), await byKey(client, key, chain, { reason })])
          refused(answer, 'badRevocationReason', 400, /0, 1, 3, 4 or 5|unspecified, keyCompromise/);
      assert.equal((await state(chain)).status, 'issued');
    });

    it('by the certificate’s key, sent as jwk, without any account', async () => {
      for (const key of [newKey(), newRsaKey()]) {
        const { chain } = await issued(undefined, key);
        const stranger = await ca.client().open();
        assert.equal((await byKey(stranger, key, chain, { reason: 4 })).status, 200);
        assert.deepEqual(await state(chain), { status: 'revoked', reason: 'superseded', revokedBy: 'key' });
      }
    });

    it('by another key is unauthorized', async () => {
      const { client, chain } = await issued();
      const { client: other } = await ca.member();
      refused(await byKey(other, newKey(), chain), 'unauthorized', 403);
      refused(await byKey(client, client.key, chain), 'unauthorized', 403, /an account signs with "kid"/);
      refused(await revoke(other, chain), 'unauthorized', 403);
      assert.equal((await state(chain)).status, 'issued');
    });

    it('by another account that is authorized for all the names is recorded as cessationOfOperation', async () => {
      const { client } = await ca.member();
      const names = ['x.both.test', 'y.both.test'];
      const { chain } = await issue(client, ca.net, names);
      const { client: heir } = await ca.member('Heir');
      await issue(heir, ca.net, [names[0]!]);
      refused(await revoke(heir, chain), 'unauthorized', 403, /y\.both\.test/);
      const { json } = await heir.newOrder([names[1]!]);
      await answerHttp01(heir, ca.net, json);
      assert.equal((await revoke(heir, chain, { reason: 1 })).status, 200);
      const { reason, revokedBy } = await state(chain);
      assert.deepEqual([reason, revokedBy], ['cessationOfOperation', `account:${heir.kid!.split('/').at(-1)}`]);
    });

    it('by an account whose authorization is about to end, as long as it is valid', async () => {
      const { chain, name } = await issued();
      const { client: heir } = await ca.member('Heir');
      const { json } = await heir.newOrder([name]);
      await answerHttp01(heir, ca.net, json);
      const { expires } = (await heir.read(json.authorizations[0])).json;
      ca.later(Date.parse(expires) / 1000 - ca.clock.now - 1);
      assert.equal((await revoke(heir, chain)).status, 200);
    });

    it('by an account whose authorization was deactivated is unauthorized', async () => {
      const { chain, name } = await issued();
      const { client: heir } = await ca.member('Heir');
      const { order } = await issue(heir, ca.net, [name]);
      await heir.post(order.authorizations[0], { status: 'deactivated' });
      refused(await revoke(heir, chain), 'unauthorized', 403);
    });

    it('for key compromise, said by the key, blocks the key for ever; said by the account it does not', async () => {
      for (const [say, blocked] of [
        [byKey, true],
        [(client: AcmeClient, _: KeyObject, chain: string, more: object) => revoke(client, chain, more), false],
      ] as const) {
        const { client, key, chain, name } = await issued();
        assert.equal((await say(client, key, chain, { reason: 1 })).status, 200);
        const { json } = await client.newOrder([name]);
        const answer = await client.post(json.finalize, { csr: makeCsr(key, [name]).toString('base64url') });
        if (blocked) refused(answer, 'badCSR', 400, /compromised/);
        else assert.equal(answer.json.status, 'valid', answer.body.toString());
      }
    });

    it('a key that is blocked opens no account, and becomes no account’s key', async () => {
      const { client, key, chain } = await issued();
      assert.equal((await byKey(client, key, chain, { reason: 1 })).status, 200);
      const other = await ca.client().open();
      other.key = key;
      const { id } = await ca.run('member add', { name: 'Other', email: 'other@club.test' });
      refused(await other.register({ eab: await ca.run('eab create', { member: id }) }), 'badPublicKey', 400, /compromised/);
      const url = client.directory.keyChange;
      const inner = jws(key, { jwk: publicJwk(key), url }, { account: client.kid, oldKey: publicJwk(client.key) });
      refused(await client.post(url, inner), 'badPublicKey', 400, /compromised/);
    });

    it('through another certificate of the same key, where that key is lost: it goes with it', async () => {
      const { client, key, chain } = await issued();
      const { chain: other } = await issued(client, key);
      await ca.run('cert revoke', { serial: serialOf(other), reason: 'keyCompromise' });
      assert.deepEqual(await state(chain), { status: 'revoked', reason: 'keyCompromise', revokedBy: 'operator' });
      const stranger = await ca.client().open();
      refused(await byKey(stranger, key, chain, { reason: 1 }), 'alreadyRevoked', 400, /its key is now blocked/);
    });

    it('of a short-lived certificate keeps its key from being renewed', async () => {
      const { client } = await ca.member();
      const { chain, key } = await issue(client, ca.net, ['short.test'], { more: { profile: 'xmpp-server-short' } });
      assert.equal((await revoke(client, chain)).status, 200);
      const { json } = await client.newOrder(['short.test']);
      refused(await client.post(json.finalize, { csr: makeCsr(key, ['short.test']).toString('base64url') }), 'badCSR', 400, /short-lived/);
    });

    it('of a deactivated account goes by the certificate’s key alone', async () => {
      const { client, chain, key } = await issued();
      await client.post(client.kid!, { status: 'deactivated' });
      refused(await revoke(client, chain), 'unauthorized', 401);
      assert.equal((await byKey(client, key, chain)).status, 200);
    });

    it('of what was not issued here, is no certificate, or is over, is malformed', async () => {
      const { client, chain } = await issued();
      const { revokeCert } = client.directory;
      const root = new X509Certificate(ca.root).raw.toString('base64url');
      const raw = new X509Certificate(chain).raw;
      const changed = Buffer.from(raw);
      changed[raw.length - 1] = (raw.at(-1) ?? 0) ^ 1;
      const forged = changed.toString('base64url');
      for (const certificate of [root, forged]) refused(await client.post(revokeCert, { certificate }), 'malformed', 404);
      for (const certificate of [undefined, null, 5, '', 'AAAA', `${b64(chain)}=`, chain, raw.subarray(0, 99).toString('base64url')])
        refused(await client.post(revokeCert, { certificate }), 'malformed', 400);
      refused(await client.post(revokeCert, ''), 'malformed');
      ca.later(91 * 86400);
      refused(await revoke(client, chain), 'malformed', 400, /expired/);
    });

    it('of what has expired, by its own key that is lost: 200, again too, and the key is blocked', async () => {
      const { client, key, chain, name } = await issued();
      ca.later(91 * 86400);
      const { chain: next } = await issued(client, key);
      refused(await byKey(client, key, chain), 'malformed', 400, /expired/);
      refused(await revoke(client, chain, { reason: 1 }), 'malformed', 400, /expired/);
      for (let i = 0; i < 2; i++) {
        const answer = await byKey(client, key, chain, { reason: 1 });
        assert.deepEqual([answer.status, answer.body.length], [200, 0]);
      }
      assert.equal((await state(chain)).status, 'expired');
      assert.deepEqual(await state(next), { status: 'revoked', reason: 'keyCompromise', revokedBy: 'key' });
      const { json } = await client.newOrder([name]);
      await answerHttp01(client, ca.net, json);
      const csr = makeCsr(key, [name]).toString('base64url');
      refused(await client.post(json.finalize, { csr }), 'badCSR', 400, /compromised/);
    });

    it('is told to the member', async () => {
      await ca.settled();
      assert.ok((await ca.mails()).some(m => /revoked/i.test(m.subject ?? '')));
    });
  });

  describe(`revoke, by a key that became known as weak (${engine})`, () => {
    let folder: string;
    let ca: TestCa;
    let key: KeyObject;
    let client: AcmeClient;
    let chain: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-weak-'));
      ca = await startCa({ engine, folder });
      const member = await ca.member();
      ({ chain, key } = await issue(member.client, ca.net, ['weak.test'], { key: newRsaKey() }));
      const { database } = ca.ctx.config;
      await ca.close();
      const list = join(folder, 'weak-keys');
      await writeFile(list, `${debianFingerprint(Buffer.from(publicJwk(key)['n'] ?? '', 'base64url'))}\n`);
      ca = await startCa({ engine, folder, database, config: { policy: { weakKeyLists: [list] } } });
      client = await ca.client().open();
      Object.assign(client, { key: member.client.key, kid: member.client.kid });
    });
    after(async () => {
      await ca.close();
      await rm(folder, { recursive: true, force: true });
    });

    it('is heard, though nothing is issued for the key any more', async () => {
      const { json } = await client.newOrder(['weak.test']);
      const csr = makeCsr(key, ['weak.test']).toString('base64url');
      refused(await client.post(json.finalize, { csr }), 'badCSR', 400, /CVE-2008-0166/);
      const request = { certificate: b64(chain), reason: 1 };
      assert.equal((await client.post(client.directory.revokeCert, request, { jwk: publicJwk(key) }, key)).status, 200);
      const { status, revokedBy } = await ca.run('cert show', { serial: serialOf(chain) });
      assert.deepEqual([status, revokedBy], ['revoked', 'key']);
    });
  });
}
