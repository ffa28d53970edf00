import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { tlsAlpn01 } from '../../src/challenges/tls-alpn-01.ts';
import { parseConfig } from '../../src/config.ts';
import { defaults } from '../../src/net/limits.ts';
import { createNetwork } from '../../src/net/real.ts';
import { octetString, oid, sequence } from '../../src/pki/der.ts';
import { type DnsServer, startDns } from '../kit/dns-server.ts';
import { type Loopback, loopback, selfSigned } from '../kit/loopback.ts';

const name = 'xn--mnchen-3ya.example';
const task = { name, token: 'token', thumbprint: 'thumbprint' };
const digest = createHash('sha256').update('token.thumbprint').digest();
const acmeIdentifier = sequence(oid('1.3.6.1.5.5.7.1.31'), Uint8Array.of(1, 1, 0xff), octetString(octetString(digest)));

describe('tls-alpn-01 on the wire (RFC 8737)', () => {
  let dns: DnsServer;
  let servers: Loopback;
  before(async () => {
    dns = await startDns();
    dns.fallback = { A: ['127.0.0.1'] };
    servers = loopback();
  });
  after(async () => {
    await servers.close();
    await dns.close();
  });

  const check = (tlsPort: number) => {
    const validation = { resolvers: [dns.address], tlsPort, allowPrivateAddresses: true };
    return (
      tlsAlpn01.check?.(
        createNetwork(parseConfig({ validation }, '/'), () => [], defaults),
        task,
      ) ?? assert.fail()
    );
  };

  it('the ClientHello offers acme-tls/1 and nothing else, and names the name and nothing else (§3)', async () => {
    let hello = Buffer.alloc(0);
    const port = await servers.raw((socket: Socket) =>
      socket.on('data', chunk => {
        hello = Buffer.concat([hello, chunk]);
        if (hello.length >= 5 && hello.length >= 5 + hello.readUInt16BE(3)) socket.destroy();
      }),
    );
    await assert.rejects(check(port));
    const extensions = readExtensions(hello);
    assert.equal(extensions.get(16)?.toString('hex'), `000b0a${Buffer.from('acme-tls/1').toString('hex')}`);
    const length = (n: number) => n.toString(16).padStart(4, '0');
    assert.equal(
      extensions.get(0)?.toString('hex'),
      `${length(name.length + 3)}00${length(name.length)}${Buffer.from(name).toString('hex')}`,
    );
    const versions = extensions.get(43)?.subarray(1).toString('hex').match(/..../g);
    assert.deepEqual(versions, ['0304', '0303']);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
    it(`after the handshake of ${version} no data is sent, and the connection is closed (§4)`, async () => {
      const { key, cert } = selfSigned(name, [acmeIdentifier]);
      const received: Buffer[] = [];
      const server = createServer({ key, cert, ALPNProtocols: ['acme-tls/1'], minVersion: version, maxVersion: version });
      server.on('secureConnection', (socket: TLSSocket) => socket.on('error', () => {}).on('data', chunk => received.push(chunk)));
      const closed = new Promise<void>(resolve => server.on('connection', (socket: Socket) => socket.on('close', () => resolve())));
      server.on('tlsClientError', () => {});
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        assert.deepEqual(await check((server.address() as AddressInfo).port), { address: '127.0.0.1' });
        await closed;
        assert.deepEqual(received, []);
      } finally {
        await new Promise(resolve => server.close(resolve));
      }
    });
});

/** Of a ClientHello in one record (RFC 8446 §4.1.2): type to contents. */
function readExtensions(record: Buffer): Map<number, Buffer> {
  let at = 5 + 4 + 2 + 32;
  at += 1 + record.readUInt8(at);
  at += 2 + record.readUInt16BE(at);
  at += 1 + record.readUInt8(at);
  const end = at + 2 + record.readUInt16BE(at);
  at += 2;
  const extensions = new Map<number, Buffer>();
  while (at < end) {
    const size = record.readUInt16BE(at + 2);
    const type = record.readUInt16BE(at);
    assert.ok(!extensions.has(type));
    extensions.set(type, record.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return extensions;
}
