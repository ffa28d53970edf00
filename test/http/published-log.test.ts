import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { recordAlone } from '../../src/ca/audit/record.ts';
import { sealAudit } from '../../src/ca/audit/seal.ts';
import { type ReadPublished, verifyPublished } from '../../src/ca/audit/verify-published.ts';
import { ocspResponder } from '../../src/ca/revocation/answer-ocsp.ts';
import { revoke } from '../../src/ca/revocation/revoke.ts';
import { statusServer } from '../../src/http/status.ts';
import { operator } from '../../src/model/audit.ts';
import { currentLog } from '../../src/store/log.ts';
import { noteSigner } from '../../src/tlog/note.ts';
import { openProof } from '../../src/tlog/proof.ts';
import { issued, openTestCtx, type TestCtx } from '../kit/ctx.ts';

describe('the published log', () => {
  let at: TestCtx;
  let server: Server;
  let base: string;
  let key: { name: string; publicKey: Uint8Array };
  before(async () => {
    at = await openTestCtx();
    server = statusServer(at.ctx, ocspResponder(at.ctx));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/log`;
    const log = await currentLog(at.ctx.db);
    assert.ok(log);
    key = { name: log.origin, publicKey: log.publicKey };
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
    await at.ctx.background.settled();
    await at.close();
  });

  const read = async (path: string): Promise<Uint8Array> => {
    const answer = await fetch(`${base}/${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  const fill = async (n: number) => {
    for (let i = 0; i < n; i++) await recordAlone(at.ctx, operator, { action: 'key.blocked', subject: { key: `${i}` } });
    await sealAudit(at.ctx);
  };

  it('is nothing before something was signed', async () => {
    assert.equal((await fetch(`${base}/checkpoint`)).status, 404);
  });

  it('is checked from its beginning, and then from what was known', async () => {
    const certificate = await issued(at, ['im.club.test']);
    const other = await issued(at, ['other.test']);
    await revoke(at.ctx, certificate, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
    await fill(3);
    const first = await verifyPublished(read, key, { names: ['club.test'] });
    assert.deepEqual([first.certificates, first.revocations, first.entries], [4, 1, first.checkpoint.size]);
    assert.deepEqual(
      first.found.map(({ type, serial }) => [type, serial]),
      [
        ['certificate', certificate.serial],
        ['revocation', certificate.serial],
      ],
    );
    assert.deepEqual(first.found[0]?.names, ['im.club.test']);
    for (const wanted of ['im.club.test', 'test']) assert.ok((await verifyPublished(read, key, { names: [wanted] })).found.length >= 2);
    assert.deepEqual((await verifyPublished(read, key, { names: ['lub.test', 'a.im.club.test'] })).found, []);
    // Past the width of a tile, and of a second one.
    await fill(300);
    await fill(300);
    await revoke(at.ctx, other, { reason: 'keyCompromise', revoker: { kind: 'operator' }, actor: operator });
    const wild = await issued(at, ['*.club.test']);
    await revoke(at.ctx, wild, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
    await sealAudit(at.ctx);
    const second = await verifyPublished(read, key, { known: first.note, names: ['other.test', 'a.club.test'] });
    assert.deepEqual([second.certificates, second.revocations], [1, 2]);
    assert.deepEqual(
      second.found.map(({ type, serial, names }) => [type, serial, names]),
      [
        ['revocation', other.serial, ['other.test']],
        ['certificate', wild.serial, ['*.club.test']],
        ['revocation', wild.serial, undefined],
      ],
      'also of a certificate that came before',
    );
    assert.equal((await verifyPublished(read, key, { known: second.note })).entries, 0);
  });

  it('has a proof for each certificate', async () => {
    const certificate = await issued(at, ['proved.test']);
    assert.equal((await fetch(`${base}/proof/${certificate.serial}`)).status, 404, 'not sealed yet');
    await sealAudit(at.ctx);
    const opened = openProof(Buffer.from(await read(`proof/${certificate.serial}`)).toString(), key);
    assert.ok(opened);
    const entry = JSON.parse(Buffer.from(opened.entry).toString());
    assert.equal(entry.certificate, Buffer.from(certificate.der ?? []).toString('base64'));
    assert.equal((await fetch(`${base}/proof/ffff`)).status, 404);
  });

  it('is served as tiles are, with their headers', async () => {
    const size = Number(
      Buffer.from(await read('checkpoint'))
        .toString()
        .split('\n')[1],
    );
    assert.ok(size > 512);
    const answers: [path: string, status: number, type?: string, cache?: RegExp][] = [
      ['checkpoint', 200, 'text/plain; charset=utf-8', /max-age=1$/],
      ['tile/0/000', 200, 'application/octet-stream', /max-age=31536000, immutable/],
      ['tile/0/001', 200, 'application/octet-stream', /immutable/],
      [`tile/0/002.p/${size - 512}`, 200, 'application/octet-stream', /immutable/],
      [`tile/0/002.p/1`, 200],
      ['tile/0/000.p/7', 200],
      ['tile/1/000.p/2', 200],
      ['tile/entries/000', 200, 'application/octet-stream', /immutable/],
      [`tile/entries/002.p/${size - 512}`, 200],
      [`tile/0/002.p/${size - 511}`, 404],
      ['tile/0/002', 404],
      ['tile/1/000', 404],
      ['tile/2/000.p/1', 404],
      ['tile/entries/002', 404],
      ['tile/0/0', 404],
      ['', 404],
      ['checkpoint/', 404],
      ['proof/../checkpoint', 200],
      ['proof/%2e%2e', 404],
    ];
    for (const [path, status, type, cache] of answers) {
      const answer = await fetch(`${base}/${path}`);
      assert.equal(answer.status, status, path);
      if (type) assert.equal(answer.headers.get('content-type'), type, path);
      if (cache) assert.match(answer.headers.get('cache-control') ?? '', cache, path);
    }
    assert.equal((await read('tile/0/000')).length, 8192);
    assert.equal(Buffer.compare(await read('tile/0/000.p/7'), (await read('tile/0/000')).subarray(0, 7 * 32)), 0);
    const refused = await fetch(`${base}/checkpoint`, { method: 'POST', body: 'x' });
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD']);
    const head = await fetch(`${base}/checkpoint`, { method: 'HEAD' });
    assert.deepEqual([head.status, (await head.arrayBuffer()).byteLength], [200, 0]);
  });

  it('compresses entries for who can read that', async () => {
    const { request } = await import('node:http');
    const raw = await new Promise<{ encoding: string | undefined; body: Buffer }>((resolve, reject) =>
      request(`${base}/tile/entries/000`, { headers: { 'Accept-Encoding': 'gzip' } }, async res => {
        const chunks: Buffer[] = [];
        for await (const chunk of res) chunks.push(chunk);
        resolve({ encoding: res.headers['content-encoding'], body: Buffer.concat(chunks) });
      })
        .on('error', reject)
        .end(),
    );
    assert.equal(raw.encoding, 'gzip');
    assert.equal(Buffer.compare(gunzipSync(raw.body), await read('tile/entries/000')), 0);
  });

  const altered =
    (which: RegExp, change: (bytes: Buffer) => Uint8Array): ReadPublished =>
    async path =>
      which.test(path) ? change(Buffer.from(await read(path))) : read(path);
  const flip = (at: number) => (bytes: Buffer) => {
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };
  const cases: [string, ReadPublished, RegExp][] = [
    ['a checkpoint that was altered', altered(/^checkpoint$/, flip(20)), /its checkpoint is not signed by/],
    ['an entry that was altered', altered(/^tile\/entries\/001$/, flip(40)), /entry 256 is not that of the tree/],
    ['a tile that was altered with nothing else', altered(/^tile\/0\/001$/, flip(64)), /entry 258 is not that of the tree/],
    ['a bundle that is cut short', altered(/^tile\/entries\/000$/, bytes => bytes.subarray(0, -3)), /is cut short/],
    [
      'a bundle with an entry too few',
      altered(/^tile\/entries\/000$/, bytes => bytes.subarray(0, bytes.length - 2 - bytes.readUInt16BE(0))),
      /cut short|entries, not 256|not that of the tree/,
    ],
    ['a bundle of entries without end', altered(/^tile\/entries\/000$/, () => Buffer.alloc(2_000_000)), /has more entries, not 256/],
    ['a tile that is too short', altered(/^tile\/0\/000$/, bytes => bytes.subarray(32)), /has 8160 bytes, not 8192/],
  ];
  for (const [what, from, message] of cases)
    it(`is refused for ${what}`, async () => {
      await assert.rejects(verifyPublished(from, key, {}), message);
    });

  it('is refused with another key, and where it goes on from something else', async () => {
    const other = noteSigner(key.name, generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }));
    await assert.rejects(verifyPublished(read, other, {}), /not signed by/);
    const known = Buffer.from(await read('checkpoint')).toString();
    await assert.rejects(verifyPublished(read, key, { known: known.replace('\n', '\n1') }), /known checkpoint is not signed/);
    // A log that was rolled back, and one that was rewritten: both are signed.
    await fill(1);
    const later = Buffer.from(await read('checkpoint')).toString();
    const rolledBack: ReadPublished = async path => (path === 'checkpoint' ? Buffer.from(known) : read(path));
    await assert.rejects(
      verifyPublished(rolledBack, key, { known: later }),
      /it ends at \d+, and a checkpoint of size \d+ was signed before/,
    );
    const forked = altered(/^tile\/0\//, flip(3));
    await assert.rejects(verifyPublished(forked, key, { known }), /no part of what is signed|not that of the tree/);
  });
});
