import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { type AcmeClient, type Json, newKey, newRsaKey } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { type CsrOptions, dnsAltName, ipAltName, makeCsr, srvAltName, tlv, xmppAltName } from '../../kit/csr.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';

const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey;
const names = ['a.fin.test', 'b.fin.test'];

for (const engine of engines) {
  describe(`finalize (${engine})`, () => {
    const ca = opened(() => startCa({ engine, config: { validation: { caaIdentities: ['ca.test'] } } }));
    let client: AcmeClient;
    before(async () => {
      const member = await ca.member();
      ({ client } = member);
      await ca.prove(member.id, 'fin.test');
    });

    const newOrder = async (of = names) => {
      const { json, headers } = await client.newOrder(of);
      assert.equal(json.status, 'ready');
      return { ...json, url: String(headers['location']) };
    };

    it('answers with the valid order, Location and no more than is there', async () => {
      const order = await newOrder();
      const csr = b64(makeCsr(newKey(), names));
      const answer = await client.post(order.finalize, { csr, unknown: 1 });
      assert.equal(answer.status, 200, answer.body.toString());
      assert.equal(answer.headers['location'], order.url);
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(answer.json.status, 'valid');
      assert.match(answer.json.certificate, /\/acme\/certificate\/[0-9a-f]{32}$/);
      assert.ok(!('error' in answer.json));
      assert.deepEqual((await client.read(order.url)).json, answer.json);
    });

    it('again with the same CSR gives the order; with another it is orderNotReady', async () => {
      const order = await newOrder();
      const csr = b64(makeCsr(newKey(), names));
      const first = await client.post(order.finalize, { csr });
      const again = await client.post(order.finalize, { csr });
      assert.deepEqual([again.status, again.headers['location'], again.json], [200, order.url, first.json]);
      refused(await client.post(order.finalize, { csr: b64(makeCsr(newKey(), names)) }), 'orderNotReady', 403, /another CSR/);
    });

    it('by two requests at once issues one certificate', async () => {
      const order = await newOrder();
      const csr = b64(makeCsr(newKey(), names));
      const nonces = [await client.takeNonce(), await client.takeNonce()];
      const answers = await Promise.all(nonces.map(nonce => client.post(order.finalize, { csr }, { nonce })));
      assert.ok(answers.some(a => a.status === 200));
      const done = await client.poll(order.url, o => o.status === 'valid');
      for (const { status, json } of answers) assert.ok(status === 403 || ['processing', 'valid'].includes(json.status));
      const id = order.url.split('/').at(-1);
      assert.deepEqual(
        (await ca.ctx.db('certificates').where({ order_id: id })).map(c => c.serial),
        [done.certificate.split('/').at(-1)],
      );
    });

    it('while challenges are open it is orderNotReady, which names them', async () => {
      const { json } = await client.newOrder(['a.fin.test', 'open.test']);
      const csr = b64(makeCsr(newKey(), ['a.fin.test', 'open.test']));
      refused(await client.post(json.finalize, { csr }), 'orderNotReady', 403, /open\.test \(pending\)/);
    });

    it('is its own account’s alone', async () => {
      const { client: other } = await ca.member();
      const order = await newOrder();
      refused(await other.post(order.finalize, { csr: b64(makeCsr(newKey(), names)) }), 'unauthorized', 403);
      assert.equal((await client.read(order.url)).json.status, 'ready');
    });

    it('looks at CAA again: subproblems name the names, and the order stays ready', async () => {
      const order = await newOrder();
      const csr = b64(makeCsr(newKey(), names));
      const forbidden = [{ critical: false, tag: 'issue', value: 'elsewhere.test' }];
      ca.net.dns.caa.set('a.fin.test', forbidden).set('b.fin.test', forbidden);
      try {
        const problem = refused(await client.post(order.finalize, { csr }), 'caa', 403);
        assert.deepEqual(
          problem.subproblems.map((s: Json) => s.identifier.value),
          names,
        );
        ca.net.dns.caa.delete('b.fin.test');
        const one = refused(await client.post(order.finalize, { csr }), 'caa', 403, /a\.fin\.test/);
        assert.deepEqual(
          one.subproblems.map((s: Json) => s.identifier.value),
          ['a.fin.test'],
        );
        assert.equal((await client.read(order.url)).json.status, 'ready');
      } finally {
        ca.net.dns.caa.clear();
      }
      assert.equal((await client.post(order.finalize, { csr })).json.status, 'valid');
    });

    it('refuses a key that was blocked as compromised', async () => {
      const key = newKey();
      const { order } = await issue(client, ca.net, names, { key });
      await ca.run('cert revoke', { serial: order.certificate.split('/').at(-1), reason: 'keyCompromise' });
      const next = await newOrder();
      refused(await client.post(next.finalize, { csr: b64(makeCsr(key, names)) }), 'badCSR', 400, /blocked for ever/);
      assert.equal((await client.read(next.url)).json.status, 'ready');
    });

    it('refuses the key of an account, also of another and of one that is gone', async () => {
      const { client: other } = await ca.member();
      const { client: gone } = await ca.member();
      await gone.post(gone.kid!, { status: 'deactivated' });
      const order = await newOrder();
      for (const { key } of [client, other, gone])
        refused(await client.post(order.finalize, { csr: b64(makeCsr(key, names)) }), 'badCSR', 400, /key of an ACME account/);
    });

    it('issues for the CSR’s key what was ordered and nothing else', async () => {
      for (const key of [newRsaKey(), ec('P-384')]) {
        const { chain } = await issue(client, ca.net, names, { key });
        const leaf = new X509Certificate(chain);
        assert.ok(leaf.publicKey.equals(createPublicKey(key)));
        assert.equal(leaf.subject, 'CN=a.fin.test');
        assert.deepEqual(
          leaf.subjectAltName?.match(/DNS:[^,]+/g),
          names.map(n => `DNS:${n}`),
        );
        assert.equal(leaf.ca, false);
      }
    });
  });
}

describe('finalize: the CSR', () => {
  const ca = opened(() => startCa());
  let client: AcmeClient;
  before(async () => {
    const member = await ca.member();
    ({ client } = member);
    await ca.prove(member.id, 'fin.test');
    await ca.prove(member.id, 'xn--bcher-kva.test');
  });

  const [a = '', b = ''] = names;
  const all = names.map(dnsAltName);
  const long = `${'l'.repeat(60)}.fin.test`;

  const good: [string, string[], CsrOptions & { key?: () => KeyObject }][] = [
    ['names in subjectAltName', names, { altNames: all }],
    ['names in another order and case', names, { altNames: [dnsAltName('B.Fin.Test'), dnsAltName(a)] }],
    ['a name twice', names, { altNames: [...all, dnsAltName(a)] }],
    ['the name in the common name alone', [a], { altNames: [], commonName: a }],
    ['one name in the common name, one in subjectAltName', names, { altNames: [dnsAltName(b)], commonName: 'A.fin.test' }],
    ['a common name that is in subjectAltName too', names, { altNames: all, commonName: b }],
    ['SRVName of the ordered names', names, { altNames: [...all, srvAltName(`_xmpp-client.${a}`), srvAltName(`_xmpp-server.${b}`)] }],
    ['XmppAddr of the ordered names', names, { altNames: [...all, xmppAltName(a)] }],
    ['XmppAddr in U-labels', ['xn--bcher-kva.test'], { altNames: [dnsAltName('xn--bcher-kva.test'), xmppAltName('bücher.test')] }],
    ['a name too long for a common name', [long], { altNames: [dnsAltName(long)] }],
    ['SHA-384', names, { hash: 'sha384' }],
    ['an RSA key of 3072 bits', names, { key: () => newRsaKey(3072) }],
    ['a P-384 key', names, { key: () => ec('P-384') }],
  ];
  for (const [what, ordered, { key, ...options }] of good) {
    it(`may have ${what}`, async () => {
      const { json } = await client.newOrder(ordered);
      const answer = await client.post(json.finalize, { csr: b64(makeCsr(key?.() ?? newKey(), ordered, options)) });
      assert.equal(answer.json.status, 'valid', answer.body.toString());
    });
  }

  const flipped = (csr: Buffer, at: number) => {
    const copy = Buffer.from(csr);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  /** A key that nobody has, of any size at once. */
  const rsaSpki = (bits: number) => {
    const n = Buffer.alloc(bits / 8, 0xff).toString('base64url');
    return createPublicKey({ key: { kty: 'RSA', e: 'AQAB', n }, format: 'jwk' }).export({ format: 'der', type: 'spki' });
  };
  const foreignKey = () => createPublicKey(newKey()).export({ format: 'der', type: 'spki' });
  const bad: [string, () => Uint8Array, RegExp][] = [
    ['a name is missing', () => makeCsr(newKey(), [a]), /lacks b\.fin\.test/],
    ['a name is added', () => makeCsr(newKey(), [...names, 'c.fin.test']), /adds c\.fin\.test/],
    ['a name is another', () => makeCsr(newKey(), [a, 'x.fin.test']), /lacks b\.fin\.test; it adds x\.fin\.test/],
    ['there is no name', () => makeCsr(newKey(), []), /lacks a\.fin\.test, b\.fin\.test/],
    ['the common name is another', () => makeCsr(newKey(), names, { commonName: 'My Server' }), /adds my server/],
    ['a wildcard is added', () => makeCsr(newKey(), [...names, '*.fin.test']), /adds \*\.fin\.test/],
    ['an SRVName is of another name', () => makeCsr(newKey(), names, { altNames: [...all, srvAltName('_xmpp-client.x.test')] }), /SRVName/],
    ['an SRVName is of another service', () => makeCsr(newKey(), names, { altNames: [...all, srvAltName(`_imaps.${a}`)] }), /SRVName/],
    ['an XmppAddr is of another name', () => makeCsr(newKey(), names, { altNames: [...all, xmppAltName('x.test')] }), /XmppAddr/],
    ['an XmppAddr has a local part', () => makeCsr(newKey(), names, { altNames: [...all, xmppAltName(`me@${a}`)] }), /XmppAddr/],
    ['an IP address', () => makeCsr(newKey(), names, { altNames: [...all, ipAltName(192, 0, 2, 1)] }), /IP addresses/],
    ['a mail address', () => makeCsr(newKey(), names, { altNames: [...all, tlv(0x81, Buffer.from(`x@${a}`))] }), /mail addresses/],
    ['the signature does not verify', () => flipped(makeCsr(newKey(), names), 60), /signature|parsed|key/],
    ['the signature is by another key', () => makeCsr(newKey(), names, { spki: foreignKey() }), /signature/],
    ['it is signed with SHA-1', () => makeCsr(newKey(), names, { hash: 'sha1' }), /SHA-256/],
    ['the RSA key is small', () => makeCsr(newRsaKey(1024), names), /1024 bits/],
    ['the RSA key is large', () => makeCsr(newKey(), names, { spki: rsaSpki(4104) }), /4104 bits/],
    ['the curve is P-521', () => makeCsr(ec('P-521'), names), /P-256 or P-384/],
    ['the curve is another', () => makeCsr(ec('secp256k1'), names), /P-256 or P-384/],
    ['bytes follow', () => Buffer.concat([makeCsr(newKey(), names), Buffer.of(0)]), /DER/],
    ['it is cut off', () => makeCsr(newKey(), names).subarray(0, 100), /DER|parsed/],
    ['it is PEM', () => Buffer.from('-----BEGIN CERTIFICATE REQUEST-----'), /PEM|DER/],
    ['it is empty', () => Buffer.alloc(0), /DER|parsed/],
  ];
  describe('is badCSR where', () => {
    let finalize: string;
    let url: string;
    before(async () => {
      const { json, headers } = await client.newOrder(names);
      ({ finalize } = json);
      url = String(headers['location']);
    });
    for (const [what, make, why] of bad) {
      it(`${what}; the order stays ready`, async () => {
        refused(await client.post(finalize, { csr: b64(make()) }), 'badCSR', 400, why);
        assert.equal((await client.read(url)).json.status, 'ready');
      });
    }

    it('is malformed where it is no canonical base64url, or absent', async () => {
      const csr = makeCsr(newKey(), names);
      const forms = [undefined, null, 5, {}, '====', `${csr.toString('base64')}=`, `${csr.toString('base64url')}\n`];
      for (const form of forms) refused(await client.post(finalize, { csr: form }), 'malformed', 400, /"csr"/);
      refused(await client.post(finalize, ''), 'malformed');
      assert.equal((await client.read(url)).json.status, 'ready');
    });
  });
});
