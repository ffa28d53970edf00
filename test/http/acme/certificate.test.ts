import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { engines, startCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { links, refused } from '../../kit/refused.ts';

const block = /-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n-----END CERTIFICATE-----\n/y;

/** The blocks of a chain, which is nothing but blocks. */
function blocks(chain: string): X509Certificate[] {
  const found: X509Certificate[] = [];
  block.lastIndex = 0;
  for (let match = block.exec(chain); match; match = block.exec(chain)) {
    found.push(new X509Certificate(match[0]));
    if (block.lastIndex === chain.length) return found;
  }
  throw new Error(`not exactly PEM: ${chain}`);
}

for (const engine of engines) {
  describe(`certificate (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));

    it('is the chain, leaf first, as exact PEM with the exact Content-Type', async () => {
      const { client } = await ca.member();
      const { order } = await issue(client, ca.net, ['chain.test']);
      const answer = await client.read(order.certificate);
      assert.equal(answer.headers['content-type'], 'application/pem-certificate-chain');
      const [leaf, issuer, ...more] = blocks(answer.body.toString());
      assert.equal(more.length, 0, 'no root');
      assert.equal(leaf?.subjectAltName?.includes('DNS:chain.test'), true);
      assert.ok(leaf?.checkIssued(issuer!) && leaf.verify(issuer!.publicKey));
      assert.ok(issuer?.verify(new X509Certificate(ca.root).publicKey));
      assert.equal(leaf?.serialNumber.toLowerCase(), order.certificate.split('/').at(-1));
    });

    it('has the other chain as Link rel="alternate", each leading to the other, with the same leaf', async () => {
      const { client } = await ca.member();
      const { order } = await issue(client, ca.net, ['alternate.test']);
      const first = await client.read(order.certificate);
      const { alternate, index } = links(first);
      assert.deepEqual(index, [client.directory.newOrder.replace('new-order', 'directory')]);
      assert.equal(alternate?.length, 1);
      const second = await client.read(alternate![0]!);
      assert.equal(second.status, 200);
      assert.equal(second.headers['content-type'], 'application/pem-certificate-chain');
      assert.deepEqual(links(second)['alternate'], [order.certificate]);
      const [short, long] = [blocks(first.body.toString()), blocks(second.body.toString())];
      assert.deepEqual([short.length, long.length], [2, 3]);
      assert.deepEqual(
        long.slice(0, 2).map(c => c.fingerprint256),
        short.map(c => c.fingerprint256),
      );
      assert.equal(long[2]?.fingerprint256, new X509Certificate(ca.root).fingerprint256);
    });

    it('is its own account’s alone, and others do not exist', async () => {
      const { client } = await ca.member();
      const { client: other } = await ca.member();
      const { order } = await issue(client, ca.net, ['owner.test']);
      refused(await other.read(order.certificate), 'unauthorized', 403);
      refused(await other.read(`${order.certificate}/1`), 'unauthorized', 403);
      for (const path of ['/2', '/x', '/-1', '/0x9']) refused(await client.read(order.certificate + path), 'malformed', 404);
      for (const serial of ['00', 'ff'.repeat(16), 'zz', 'x'.repeat(200)])
        refused(await client.read(`${ca.publicUrl}/acme/certificate/${serial}`), 'malformed', 404);
      refused(await client.post(order.certificate, {}), 'malformed', 400, /POST-as-GET/);
    });

    it('is still read when it is revoked', async () => {
      const { client } = await ca.member();
      const { order } = await issue(client, ca.net, ['revoked.test']);
      await ca.run('cert revoke', { serial: order.certificate.split('/').at(-1) });
      assert.equal((await client.read(order.certificate)).status, 200);
    });
  });
}
