import assert from 'node:assert/strict';
import { parseConfig } from '../../src/config.ts';
import { Problem } from '../../src/model/problem.ts';
import { defaults } from '../../src/net/limits.ts';
import { createNetwork } from '../../src/net/real.ts';
import { type DnsServer, startDns } from '../kit/dns-server.ts';
import { type Loopback, loopback, selfSigned } from '../kit/loopback.ts';

const alpn = 'acme-tls/1';

describe('tls', () => {
  const credentials = selfSigned('a.example');
  const { key, cert } = credentials;
  let dns: DnsServer;
  let servers: Loopback;

  before(async () => {
    dns = await startDns();
    dns.fallback = { A: ['127.0.0.1'] };
  });
  after(() => dns.close());
  beforeEach(() => {
    servers = loopback();
  });
  afterEach(() => servers.close());

  const tls = (tlsPort: number, { limits = defaults, signal = undefined as AbortSignal | undefined } = {}) => {
    const validation = { resolvers: [dns.address], tlsPort, allowPrivateAddresses: true };
    return createNetwork(parseConfig({ validation }, '/'), () => [], limits).tls('a.example', alpn, signal);
  };

  const problem = (type: string, detail: RegExp) => (error: unknown) => {
    assert.ok(error instanceof Problem, String(error));
    assert.match(error.detail, detail);
    assert.equal(error.type, type);
    return true;
  };

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`gives protocol, certificate and address over ${version}`, async () => {
      const port = await servers.tls({ key, cert, ALPNProtocols: [alpn], minVersion: version, maxVersion: version });
      assert.deepEqual(await tls(port), { alpn, certificate: credentials.der, address: '127.0.0.1' });
    });

    it(`names the alert of a server with other protocols over ${version}`, async () => {
      const port = await servers.tls({ key, cert, ALPNProtocols: ['xmpp-client'], minVersion: version, maxVersion: version });
      await assert.rejects(
        tls(port),
        problem('tls', /^The TLS handshake with a\.example \(127\.0\.0\.1, port \d+\) failed: tlsv1 alert no application protocol\.$/),
      );
    });
  }

  it('gives no protocol for a server without ALPN', async () => {
    const port = await servers.tls({ key, cert });
    assert.equal((await tls(port)).alpn, undefined);
  });

  it('sends the name as SNI', async () => {
    const names: string[] = [];
    const SNICallback = (name: string, done: (error: Error | null) => void) => {
      names.push(name);
      done(null);
    };
    await tls(await servers.tls({ key, cert, ALPNProtocols: [alpn], SNICallback }));
    assert.deepEqual(names, ['a.example']);
  });

  it('refuses TLS 1.1', async () => {
    const port = await servers.tls({ key, cert, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await assert.rejects(tls(port), problem('tls', /failed: [a-z0-9 ]*protocol[a-z0-9 ]*\.$/));
  });

  it('names a peer that speaks no TLS', async () => {
    const port = await servers.raw(socket => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await assert.rejects(tls(port), problem('tls', /failed: [a-z0-9 ]+\.$/));
  });

  it('names a peer that hangs up', async () => {
    const port = await servers.raw(socket => socket.once('data', () => socket.destroy()));
    await assert.rejects(tls(port), problem('connection', /failed: the connection was reset\.$/));
  });

  it('names a refused connection', async () => {
    const port = await servers.raw(() => {});
    await servers.close();
    await assert.rejects(
      tls(port),
      problem('connection', /^Cannot connect to a\.example on port \d+: 127\.0\.0\.1: the connection was refused\.$/),
    );
  });

  it('ends a silent peer at the deadline', async () => {
    const port = await servers.raw(() => {});
    const limits = { ...defaults, tls: { deadline: 100 } };
    await assert.rejects(tls(port, { limits }), problem('connection', /failed: no end within 0\.1 seconds\.$/));
  });

  it('ends by the signal', async () => {
    const controller = new AbortController();
    const port = await servers.raw(() => controller.abort());
    await assert.rejects(tls(port, { signal: controller.signal }), problem('connection', /the check was cancelled\.$/));
  });

  it('leaves no connection behind', async () => {
    let closed: () => void;
    const gone = new Promise<void>(resolve => {
      closed = resolve;
    });
    const port = await servers.raw(socket => socket.on('close', () => closed()).once('data', () => socket.write('no TLS')));
    await assert.rejects(tls(port));
    await gone;
  });
});
