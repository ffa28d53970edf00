import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { tlsAlpn01 } from '../../src/challenges/tls-alpn-01.ts';
import { Problem } from '../../src/model/problem.ts';
import { acmeTlsCertificate, dnsNames, extension, identifier, nonCritical } from '../kit/acme-tls.ts';
import { fakeNetwork } from '../kit/fake-network.ts';

const task = { name: 'xn--mnchen-3ya.example', token: 'token', thumbprint: 'thumbprint' };
const digest = createHash('sha256').update('token.thumbprint').digest();
const id = extension('1.3.6.1.5.5.7.1.31', identifier(digest));

const check = (certificate: Uint8Array, alpn: string | undefined = 'acme-tls/1') => {
  const net = fakeNetwork();
  net.peers.set(task.name, { alpn, certificate });
  return tlsAlpn01.check?.(net, task) ?? assert.fail();
};
const refuses = (certificate: Uint8Array, why: RegExp, alpn?: string) =>
  assert.rejects(
    check(certificate, alpn),
    (error: unknown) => error instanceof Problem && error.type === 'incorrectResponse' && why.test(error.detail),
  );
const withExtensions = (...extensions: Uint8Array[]) => acmeTlsCertificate(task.name, digest, { extensions });

describe('tls-alpn-01 (RFC 8737 §3)', () => {
  it('proves names, not wildcards', () => {
    assert.ok(tlsAlpn01.proves({ name: 'a.example', wildcard: false }));
    assert.ok(!tlsAlpn01.proves({ name: 'a.example', wildcard: true }));
  });
  it('accepts the certificate', async () => assert.deepEqual(await check(acmeTlsCertificate(task.name, digest)), { address: '192.0.2.1' }));
  it('accepts the dNSName in any case', async () => {
    await check(acmeTlsCertificate('XN--Mnchen-3YA.Example', digest));
  });
  it('refuses the dNSName in U-labels', () => refuses(acmeTlsCertificate('münchen.example', digest), /names are not exactly/));
  it('refuses a certificate without acmeIdentifier', () =>
    refuses(withExtensions(dnsNames(task.name)), /without a critical acmeIdentifier/));
  it('refuses an acmeIdentifier that is not critical', () =>
    refuses(withExtensions(dnsNames(task.name), nonCritical(digest)), /without a critical acmeIdentifier/));
  it('refuses a certificate without subjectAltName', () => refuses(withExtensions(id), /names are not exactly/));
  it('refuses another name', () => refuses(acmeTlsCertificate('other.example', digest), /names are not exactly/));
  it('refuses a wildcard', () => refuses(acmeTlsCertificate('*.example', digest), /names are not exactly/));
  it('refuses a second dNSName', () =>
    refuses(withExtensions(id, dnsNames(task.name, Buffer.from('8201' + '61', 'hex'))), /names are not exactly/));
  it('refuses the same dNSName twice', () => {
    const again = Buffer.concat([Buffer.of(0x82, task.name.length), Buffer.from(task.name)]);
    return refuses(withExtensions(id, dnsNames(task.name, again)), /names are not exactly/);
  });
  it('refuses a name of another kind beside it', () =>
    refuses(withExtensions(id, dnsNames(task.name, Buffer.of(0x87, 4, 192, 0, 2, 1))), /names are not exactly/));
  it('refuses another digest', () => refuses(acmeTlsCertificate(task.name, Buffer.alloc(32)), /not the digest/));
  it('refuses a digest that is cut off', () => refuses(acmeTlsCertificate(task.name, digest.subarray(0, 31)), /not the digest/));
  it('refuses an empty digest', () => refuses(acmeTlsCertificate(task.name, new Uint8Array()), /./));
  it('refuses a certificate of another issuer', () =>
    refuses(acmeTlsCertificate(task.name, digest, { issuer: 'other' }), /not self-signed/));
  it('refuses a peer that agreed on another protocol', () => refuses(acmeTlsCertificate(task.name, digest), /did not agree/, 'h2'));
  it('refuses a peer that agreed on no protocol', async () => {
    const net = fakeNetwork();
    net.peers.set(task.name, { alpn: undefined, certificate: acmeTlsCertificate(task.name, digest) });
    await assert.rejects(tlsAlpn01.check?.(net, task) ?? assert.fail(), /did not agree/);
  });
  it('refuses what is no certificate', () => refuses(Buffer.from('hello'), /cannot be read/));
  it('offers acme-tls/1 for the name', async () => {
    const net = fakeNetwork();
    const asked: unknown[] = [];
    net.tls = async (name, alpn) => {
      asked.push(name, alpn);
      return { alpn, certificate: acmeTlsCertificate(task.name, digest), address: '192.0.2.1' };
    };
    await tlsAlpn01.check?.(net, task);
    assert.deepEqual(asked, [task.name, 'acme-tls/1']);
  });
  it('hands on what the network says', async () => {
    await assert.rejects(
      tlsAlpn01.check?.(fakeNetwork(), task) ?? assert.fail(),
      (error: unknown) => error instanceof Problem && error.type === 'connection',
    );
  });
});
