import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { checkServerIdentity, connect } from 'node:tls';
import { askOf, tlsRenewal } from '../src/listener.ts';
import { openNonces } from '../src/store/nonces.ts';
import { startCa } from './kit/ca.ts';
import { openTestCtx } from './kit/ctx.ts';
import { opened } from './kit/opened.ts';

describe('the certificate of the public listener', () => {
  const at = opened(() => openTestCtx());

  it('is renewed while the server runs', async () => {
    const { ctx, clock } = at;
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const nonces = await openNonces(ctx.db, ctx.now, ctx.random);
    const jobs = tlsRenewal(ctx, 'public', server);
    const shown = async () => {
      for (const job of jobs) await job.run(ctx, nonces);
      const { port } = server.address() as AddressInfo;
      // The clock of the test is not that of the world.
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      assert.ok(certificate?.checkIssued(new X509Certificate(ctx.authority.active.certificate)));
      return certificate as X509Certificate;
    };
    const first = await shown();
    assert.equal((await shown()).serialNumber, first.serialNumber);
    clock.now += 46 * 86400;
    const second = await shown();
    assert.notEqual(second.serialNumber, first.serialNumber);
    assert.ok(Date.parse(second.validTo) > Date.parse(first.validTo));
    await new Promise(resolve => server.close(resolve));
  });

  it('is not there to renew without TLS', () => {
    assert.deepEqual(tlsRenewal(at.ctx, 'public', createHttpServer()), []);
    const off = { ...at.ctx, config: { ...at.ctx.config, tls: 'off' as const } };
    assert.deepEqual(tlsRenewal(off, 'public', createServer()), []);
  });

  it('is for the address where the public URL has an IPv6 literal', async () => {
    const ca = await startCa({ config: { publicUrl: 'https://[::1]:14000' } });
    // Wherever it listens: not every machine has IPv6.
    const url = `${ca.app.addresses.public}/acme/directory`;
    const asked = get(url, { ca: ca.root, agent: false, checkServerIdentity: (_, shown) => checkServerIdentity('::1', shown) });
    const [reply] = await once(asked, 'response');
    let body = '';
    for await (const chunk of reply) body += chunk;
    assert.equal(JSON.parse(body).newNonce, 'https://[::1]:14000/acme/new-nonce');
    await ca.close();
  });

  it('is for a host whose name is longer than a common name may be', async () => {
    const host = `${'certificates.'.repeat(5)}federation.example`;
    assert.ok(host.length > 64);
    const ca = await startCa({ config: { publicUrl: `https://${host}` } });
    for (const url of [ca.app.addresses.public, ca.adminUrl]) {
      const asked = get(`${url}/healthz`, {
        ca: ca.root,
        agent: false,
        checkServerIdentity: (_, shown) => checkServerIdentity(host, shown),
      });
      const [reply] = await once(asked, 'response');
      assert.equal(reply.statusCode, 200);
      reply.resume();
    }
    await ca.close();
  });
});

describe('a listener that is asked from within', () => {
  it('answers as it does anybody, and once it is closed says that it is', async () => {
    const server = createHttpServer((req, res) => res.writeHead(404).end(req.url)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const ask = askOf(server);
    const { status, body } = await ask('GET', '/nothing');
    assert.deepEqual([status, Buffer.from(body).toString()], [404, '/nothing']);
    await new Promise(resolve => server.close(resolve));
    await assert.rejects(ask('GET', '/nothing'), /it is closed/);
  });
});
