import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseConfig } from '../../src/config.ts';
import { cpCps, publicFacts, renderStatement } from '../../src/http/cp-cps.tsx';
import { shipped } from '../../src/shipped.ts';
import { startCa } from '../kit/ca.ts';
import { Folder, openssl } from '../kit/hierarchy.ts';
import { httpClient } from '../kit/http-client.ts';
import { issue } from '../kit/issue.ts';
import { opened } from '../kit/opened.ts';

const policyOids = ['1.3.6.1.4.1.99999.1', '1.3.6.1.4.1.99999.2'];

describe('certificate policy and practice statement', () => {
  const ca = opened(() => startCa({ config: { policy: { federation: 'Tom & "Jerry" <b>e.V.</b>', policyOids, proofDays: 123 } } }));
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const client = httpClient(ca.app.addresses.public, ca.root);
    const answer = await client.send('GET', path, headers);
    client.close();
    return answer;
  };

  it('is a page without scripts, with what this server was started with, and nothing of it is markup', async () => {
    const { status, headers, body } = await get('/cp-cps');
    assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8']);
    assert.match(String(headers['content-security-policy']), /default-src 'none'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    const html = body.toString();
    assert.ok(html.includes('Tom &amp; &quot;Jerry&quot; &lt;b>e.V.&lt;/b>'));
    assert.ok(html.includes('such as the 123 days'));
    assert.ok(html.includes(policyOids.join(', ')));
    assert.ok(html.includes(`<code>${ca.publicUrl}/cp-cps</code>`));
    assert.ok(html.includes('<h4 id="4.9.8"><a href="#4.9.8">4.9.8 Maximum latency'));
    assert.doesNotMatch(html, /<script|\{\{|undefined|\[object/);
    const ids = new Set([...html.matchAll(/ id="([^"]+)"/g)].map(m => m[1]));
    for (const [, target = ''] of html.matchAll(/href="([^"]*)"/g)) assert.ok(target.startsWith('#') && ids.has(target.slice(1)), target);
  });

  it('says where something is still to be filled in', async () => {
    assert.ok((await get('/cp-cps')).body.toString().includes('<mark>to be filled in</mark>'));
    assert.ok((await get('/cp-cps.md')).body.toString().includes('(to be filled in)'));
  });

  it('is there as text too', async () => {
    const { status, headers, body } = await get('/cp-cps.md');
    assert.deepEqual([status, headers['content-type']], [200, 'text/markdown; charset=utf-8']);
    const text = body.toString();
    assert.ok(text.startsWith('# Certificate policy and certification practice statement\n'));
    assert.ok(text.includes('such as the 123 days'));
    assert.doesNotMatch(text, /\{\{/);
  });

  it('has an ETag, and is not sent again to who has it', async () => {
    for (const path of ['/cp-cps', '/cp-cps.md']) {
      const { headers } = await get(path);
      const etag = String(headers['etag']);
      assert.match(etag, /^"[0-9a-f]{64}"$/);
      const again = await get(path, { 'If-None-Match': etag });
      assert.deepEqual([again.status, again.body.length, again.headers['etag']], [304, 0, etag]);
      assert.equal((await get(path, { 'If-None-Match': '"other"' })).status, 200);
    }
    assert.notEqual((await get('/cp-cps')).headers['etag'], (await get('/cp-cps.md')).headers['etag']);
  });

  it('is what the policies of a certificate point to', async () => {
    const { client } = await ca.member();
    const { chain } = await issue(client, ca.net, ['policy.test']);
    const folder = new Folder();
    try {
      const text = openssl('x509', '-noout', '-text', '-in', folder.write('chain.pem', chain));
      for (const oid of policyOids) assert.match(text, new RegExp(`Policy: ${oid}\\s+CPS: ${ca.publicUrl}/cp-cps\\n`));
    } finally {
      folder.remove();
    }
  });
});

describe('the rendering of the practice statement', () => {
  const config = parseConfig({ mail: { transport: 'smtp://user:s3cret@mail.example:587' }, database: 'postgres://u:s3cret@h/d' }, '/srv', {
    XMPP_CA_KEY: Buffer.alloc(32, 7).toString('base64'),
  });

  it('tells nothing of the configuration but what is public', () => {
    const said = JSON.stringify([publicFacts(config), ...Object.values(cpCps(config, 0)).map(d => Buffer.from(d.content.body).toString())]);
    assert.doesNotMatch(said, /s3cret|\/srv|BwcHBw/);
  });

  it('knows each place of the document, and leaves no fact without one', () => {
    const places = [...readFileSync(shipped('docs/cp-cps.md'), 'utf8').matchAll(/\{\{(.*?)\}\}/g)].map(m => m[1] ?? '');
    assert.deepEqual([...new Set(places)].sort(), Object.keys(publicFacts(config)).sort());
    assert.throws(() => renderStatement('# a\n\n{{b}}', {}), /nothing is known of \{\{b\}\}/);
  });

  it('escapes markup, in the document and in facts', () => {
    const html = renderStatement('# T <i>\n\n## 1. A & <b>\n\n<script>x</script> a <img src=x> {{f}}\n\n<div onclick=y>\n', {
      f: '<u>{{f}}</u>',
    });
    assert.doesNotMatch(html, /<(script|img|div|u|i|b)\b/);
    assert.ok(html.includes('&lt;u>{{f}}&lt;/u>'));
  });
});
