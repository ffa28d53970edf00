import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { get } from 'node:http';
import { connect } from 'node:tls';
import { routes } from '../../src/http/acme/router.ts';
import { type AcmeClient, newKey } from '../kit/acme-client.ts';
import { startCa } from '../kit/ca.ts';
import { makeCsr } from '../kit/csr.ts';
import { type HttpClient, httpClient } from '../kit/http-client.ts';
import { opened } from '../kit/opened.ts';
import { checkProblem, links, refused } from '../kit/refused.ts';

describe('public listener', () => {
  const ca = opened(() => startCa({ config: { log: 'silent' } }));
  let client: AcmeClient;
  let pages: HttpClient;
  before(async () => {
    ({ client } = await ca.member());
    pages = httpClient(ca.app.addresses.public, ca.root);
  });
  after(() => pages.close());

  it('/ is a page that names the directory and the fingerprint of the root', async () => {
    const { status, headers, body } = await pages.get('/');
    assert.equal(status, 200);
    assert.match(String(headers['content-type']), /^text\/html/);
    assert.match(String(headers['content-security-policy']), /default-src 'none'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    const text = body.toString();
    assert.ok(text.includes(`${ca.publicUrl}/acme/directory`));
    assert.ok(text.includes(new X509Certificate(ca.root).fingerprint256));
    assert.ok(text.includes('href="/cp-cps"'));
    assert.doesNotMatch(text, /<script/);
  });

  it('/root.pem is the root', async () => {
    const { status, body } = await pages.get('/root.pem');
    assert.equal(status, 200);
    assert.equal(body.toString(), ca.root);
  });

  it('/healthz says that it is alive', async () => {
    const { status, headers, json } = await pages.get('/healthz');
    assert.deepEqual([status, headers['content-type'], json], [200, 'application/json', { status: 'alive' }]);
  });

  const paths = [...new Set(routes.map(r => r.path))].map(path => path.replaceAll(/:\w+/g, 'aaaa'));
  const readable = /(directory|new-nonce|(terms|renewal-info)\/.*)$/;

  it('a resource that is not read by GET answers GET with 405, malformed and Allow', async () => {
    for (const path of paths.filter(p => !readable.test(p)))
      for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
        const answer = await client.send(method, ca.publicUrl + path);
        refused(answer, 'malformed', 405);
        assert.equal(answer.headers['allow'], 'POST', path);
      }
    const head = await client.send('HEAD', `${ca.publicUrl}/acme/new-order`);
    assert.deepEqual([head.status, head.body.length], [405, 0]);
  });

  it('directory and newNonce allow GET, HEAD and POST, and nothing else', async () => {
    for (const path of paths.filter(p => /directory$|new-nonce$/.test(p))) {
      const answer = await client.send('PUT', ca.publicUrl + path);
      refused(answer, 'malformed', 405);
      assert.equal(answer.headers['allow'], 'GET, HEAD, POST');
    }
  });

  it('the pages allow GET and HEAD', async () => {
    for (const path of ['/', '/root.pem', '/cp-cps', '/cp-cps.md', '/healthz']) {
      const answer = await pages.send('POST', path);
      refused(answer, 'malformed', 405);
      assert.equal(answer.headers['allow'], 'GET, HEAD');
      const head = await pages.send('HEAD', path);
      assert.deepEqual([head.status, head.body.length], [200, 0]);
    }
  });

  it('what is not there is 404, whatever the method; in ACME with a nonce after a POST', async () => {
    for (const path of [
      '/acme',
      '/acme/',
      '/acme/new-order/',
      '/ACME/directory',
      '/acme/order',
      '/acme/renewal-info',
      '/x',
      '/..%2fetc',
      '/acme/%00',
    ]) {
      for (const method of ['GET', 'POST', 'DELETE']) refused(await client.send(method, ca.publicUrl + path), 'malformed', 404);
    }
    assert.match(String((await client.send('POST', `${ca.publicUrl}/acme/none`)).headers['replay-nonce']), /^[\w-]+$/);
  });

  it('a path that cannot be decoded is malformed', async () => {
    refused(await client.send('POST', `${ca.publicUrl}/acme/order/%ff`), 'malformed', 400);
    refused(await client.get(`${ca.publicUrl}/acme/p/%e0%a4%a/directory`), 'malformed', 400);
  });

  it('answers of ACME are open to any origin, and preflights are answered', async () => {
    const url = `${ca.publicUrl}/acme/new-order`;
    const answer = await client.send('OPTIONS', url, { Origin: 'https://a.test', 'Access-Control-Request-Method': 'POST' });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    assert.equal(answer.headers['access-control-allow-methods'], 'POST');
    assert.equal(answer.headers['access-control-allow-headers'], 'Content-Type');
    for (const one of [
      await client.get(`${ca.publicUrl}/acme/directory`),
      await client.newOrder(['cors.test']),
      await client.newOrder([]),
    ]) {
      assert.equal(one.headers['access-control-allow-origin'], '*');
      for (const name of ['Replay-Nonce', 'Location', 'Link', 'Retry-After'])
        assert.ok(String(one.headers['access-control-expose-headers']).includes(name), name);
    }
  });

  it('every answer to a POST brings a fresh nonce, is not stored, and links to the directory', async () => {
    const seen = new Set();
    for (const answer of [
      await client.newOrder(['nonce.test']),
      await client.newOrder([]),
      await client.postRaw(`${ca.publicUrl}/acme/key-change`, 'x'),
    ]) {
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.deepEqual(links(answer)['index'], [`${ca.publicUrl}/acme/directory`]);
      seen.add(answer.headers['replay-nonce']);
    }
    assert.equal(seen.size, 3);
    assert.ok(!seen.has(undefined));
  });

  it('an internal error says nothing of its cause', async () => {
    const { json } = await client.newOrder(['inner.test']);
    const { db } = ca.ctx;
    await db('authorizations')
      .where({ account_id: client.kid!.split('/').at(-1) })
      .update({ status: 'valid', method: 'http-01' });
    const { caa } = ca.net;
    ca.net.caa = async () => {
      throw new TypeError(`secret ${ca.folder} at src/net/dns.ts:12`);
    };
    try {
      const answer = await client.post(json.finalize, {
        csr: makeCsr(newKey(), ['inner.test']).toString('base64url'),
      });
      refused(answer, 'serverInternal', 500);
      assert.doesNotMatch(answer.body.toString(), /secret|src\/|TypeError/);
    } finally {
      ca.net.caa = caa;
    }
    await db.schema.renameTable('orders', 'orders_away');
    try {
      const answer = await client.newOrder(['inner.test']);
      refused(answer, 'serverInternal', 500);
      assert.doesNotMatch(answer.body.toString(), /orders|insert|table/);
    } finally {
      await db.schema.renameTable('orders_away', 'orders');
    }
  });

  it('no answer has a null, an empty string or a Content-Type with a parameter', async () => {
    const order = await client.newOrder(['strict.test']);
    const authorization = await client.read(order.json.authorizations[0]);
    const answers = [
      order,
      authorization,
      await client.read(client.kid!),
      await client.read(authorization.json.challenges[0].url),
      await client.newOrder([]),
    ];
    for (const { headers, body } of answers) {
      assert.match(String(headers['content-type']), /^application\/(json|problem\+json)$/);
      assert.doesNotMatch(body.toString(), /:\s*(null|"")/);
    }
    checkProblem(answers[4]!);
  });

  it('speaks TLS 1.2 and 1.3 with forward secrecy, nothing older, and no plain HTTP', async () => {
    const { hostname, port } = new URL(ca.app.addresses.public);
    const tls = (options: object) =>
      new Promise<string>(resolve => {
        const socket = connect({ host: hostname, port: Number(port), ca: ca.root, servername: 'localhost', ...options });
        socket.on('secureConnect', () => {
          resolve(`${socket.getProtocol()} ${socket.getCipher().standardName}`);
          socket.destroy();
        });
        socket.on('error', error => resolve(`refused: ${(error as NodeJS.ErrnoException).code}`));
      });
    assert.match(await tls({}), /^TLSv1\.3 /);
    assert.match(await tls({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2 TLS_ECDHE_.*(GCM|POLY1305)/);
    for (const version of ['TLSv1', 'TLSv1.1'])
      assert.match(await tls({ minVersion: version, maxVersion: version, ciphers: 'ALL@SECLEVEL=0' }), /^refused/);
    for (const ciphers of ['AES128-SHA', 'AES256-GCM-SHA384', 'ECDHE-ECDSA-NULL-SHA'])
      assert.match(await tls({ maxVersion: 'TLSv1.2', ciphers: `${ciphers}@SECLEVEL=0` }), /^refused/, ciphers);
    const plain = await new Promise(resolve => {
      get(`http://${hostname}:${port}/acme/directory`, res => {
        res.resume();
        resolve(res.statusCode);
      }).on('error', () => resolve('refused'));
    });
    assert.equal(plain, 'refused');
  });
});
