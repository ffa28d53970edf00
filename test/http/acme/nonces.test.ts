import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jws } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { opened } from '../../kit/opened.ts';
import { links, refused } from '../../kit/refused.ts';

for (const engine of engines) {
  describe(`nonces (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));
    let url: string;
    before(async () => {
      url = `${ca.publicUrl}/acme/new-nonce`;
    });

    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
    ] as const) {
      it(`${method} gives one with ${status}, no body, no Content-Type, not stored`, async () => {
        const answer = await ca.client().send(method, url);
        assert.equal(answer.status, status);
        assert.equal(answer.body.length, 0);
        assert.equal(answer.headers['content-type'], undefined);
        assert.equal(answer.headers['cache-control'], 'no-store');
        assert.equal(answer.headers['access-control-allow-origin'], '*');
        assert.deepEqual(links(answer), { index: [`${ca.publicUrl}/acme/directory`] });
        assert.match(String(answer.headers['replay-nonce']), /^[A-Za-z0-9_-]{22,}$/);
      });
    }

    it('never come twice, and share no part that is random', async () => {
      const client = ca.client();
      const seen = new Set<string>();
      const randomParts = new Set<string>();
      for (let i = 0; i < 50; i++) {
        const nonce = String((await client.send('HEAD', url)).headers['replay-nonce']);
        seen.add(nonce);
        randomParts.add(Buffer.from(nonce, 'base64url').toString('hex', 4, 16));
      }
      assert.equal(seen.size, 50);
      assert.equal(randomParts.size, 50);
    });

    it('are good once; a second use is badNonce, and its answer brings one for the retry', async () => {
      const { client } = await ca.member();
      const orders = `${client.kid}/orders`;
      const nonce = await client.takeNonce();
      assert.equal((await client.post(orders, '', { nonce })).status, 200);
      const again = await client.post(orders, '', { nonce });
      refused(again, 'badNonce');
      const fresh = String(again.headers['replay-nonce']);
      assert.notEqual(fresh, nonce);
      assert.equal((await client.post(orders, '', { nonce: fresh })).status, 200);
    });

    it('are not used up by a request that fails before they are looked at', async () => {
      const { client } = await ca.member();
      const orders = `${client.kid}/orders`;
      const nonce = await client.takeNonce();
      refused(await client.post(orders, '', { nonce, url: `${orders}/` }), 'unauthorized');
      assert.equal((await client.post(orders, '', { nonce })).status, 200);
    });

    it('of two requests at once, one is accepted', async () => {
      const { client } = await ca.member();
      const orders = `${client.kid}/orders`;
      const body = JSON.stringify(jws(client.key, { nonce: await client.takeNonce(), url: orders, kid: client.kid! }, ''));
      const answers = await Promise.all(Array.from({ length: 8 }, () => client.postRaw(orders, body)));
      assert.deepEqual(answers.map(a => a.status).sort(), [200, 400, 400, 400, 400, 400, 400, 400]);
    });

    it('live for an hour', async () => {
      const { client } = await ca.member();
      const orders = `${client.kid}/orders`;
      const [first, second] = [await client.takeNonce(), await client.takeNonce()];
      ca.clock.now += 3599;
      assert.equal((await client.post(orders, '', { nonce: first })).status, 200);
      ca.clock.now += 1;
      const stale = await client.post(orders, '', { nonce: second });
      refused(stale, 'badNonce');
      assert.equal((await client.post(orders, '', { nonce: String(stale.headers['replay-nonce']) })).status, 200);
    });

    it('whose time or tag was changed are refused', async () => {
      const { client } = await ca.member();
      const bytes = Buffer.from(await client.takeNonce(), 'base64url');
      for (const index of [3, 10, 31]) {
        const changed = Buffer.from(bytes);
        changed[index] = (changed[index] ?? 0) ^ 1;
        refused(await client.post(`${client.kid}/orders`, '', { nonce: changed.toString('base64url') }), 'badNonce');
      }
      refused(await client.post(`${client.kid}/orders`, '', { nonce: '' }), 'badNonce');
    });
  });
}

describe('nonces and a restart', () => {
  it('on SQLite older ones end with the process: badNonce, and the answer brings a good one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-test-'));
    let ca = await startCa({ folder });
    try {
      const { client } = await ca.member();
      const nonce = await client.takeNonce();
      await ca.close();
      ca = await startCa({ folder });
      const again = Object.assign(await ca.client().open(), { key: client.key, kid: client.kid });
      const answer = await again.post(`${client.kid}/orders`, '', { nonce });
      refused(answer, 'badNonce');
      assert.equal((await again.post(`${client.kid}/orders`, '', { nonce: String(answer.headers['replay-nonce']) })).status, 200);
    } finally {
      await ca.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
