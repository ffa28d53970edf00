import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { engines, startCa } from '../kit/ca.ts';
import { httpClient } from '../kit/http-client.ts';
import { issue } from '../kit/issue.ts';
import { opened } from '../kit/opened.ts';
import { ocspRequest, readOcsp } from '../kit/status.ts';

const run = promisify(execFile);

interface Plain {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

for (const engine of engines) {
  describe(`status listener (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));

    const send = async (
      method: string,
      path: string,
      body?: Uint8Array,
      type = 'application/ocsp-request',
      more: Record<string, string> = {},
    ) => {
      const client = httpClient(ca.statusUrl);
      const { status, headers, body: received } = await client.send(method, path, { ...(body && { 'Content-Type': type }), ...more }, body);
      client.close();
      return {
        status,
        type: headers['content-type'] as string | undefined,
        allow: headers['allow'],
        headers: headers as IncomingHttpHeaders,
        body: received,
      };
    };

    /** A target in absolute form (RFC 9112 §3.2.2), as a proxy sends it. */
    const sendWhole = async (method: string, target: string, body?: Uint8Array) => {
      const { hostname, port } = new URL(ca.statusUrl);
      const headers = { 'Content-Type': 'application/ocsp-request' };
      const asked = request({ hostname, port, method, path: target, agent: false, ...(body && { headers }) }).end(body);
      const [res] = (await once(asked, 'response')) as [IncomingMessage];
      return { status: res.statusCode, type: res.headers['content-type'], body: await buffer(res) };
    };

    const ask = (method: string, path: string, headers: Record<string, string> = {}) => send(method, path, undefined, undefined, headers);
    const httpDate = (seconds: number) => new Date(seconds * 1000).toUTCString();
    const maxAge = ({ headers }: Plain) => {
      const found = /^max-age=(\d+), public, no-transform, must-revalidate$/.exec(headers['cache-control'] ?? '')?.[1];
      return found === undefined ? undefined : Number(found);
    };
    /** GET, HEAD and conditional requests agree. */
    const revalidates = async (path: string, first: Plain) => {
      const etag = first.headers.etag ?? '';
      const modified = first.headers['last-modified'] ?? '';
      assert.match(etag, /^"[0-9a-f]+"$/, 'a strong validator');
      const before = httpDate(Date.parse(modified) / 1000 - 1);
      for (const [headers, status] of [
        [{ 'If-None-Match': etag }, 304],
        [{ 'If-None-Match': `"x", W/${etag}` }, 304],
        [{ 'If-None-Match': '*' }, 304],
        [{ 'If-None-Match': '"x"' }, 200],
        [{ 'If-Modified-Since': modified }, 304],
        [{ 'If-Modified-Since': before }, 200],
        [{ 'If-Modified-Since': 'yesterday' }, 200],
        [{ 'If-None-Match': '"x"', 'If-Modified-Since': modified }, 200],
      ] as [Record<string, string>, number][]) {
        const again = await ask('GET', path, headers);
        assert.equal(again.status, status, JSON.stringify(headers));
        assert.equal(again.body.length, status === 304 ? 0 : first.body.length);
        assert.deepEqual([again.headers.etag, again.headers['cache-control']], [etag, first.headers['cache-control']]);
      }
      const head = await ask('HEAD', path);
      assert.deepEqual([head.status, head.body.length, head.headers['content-length']], [200, 0, String(first.body.length)]);
      assert.equal(head.headers.etag, etag);
    };

    const issuerId = () => ca.ctx.authority.active.id;
    const file = async (name: string, content: string | Uint8Array) => {
      const path = join(ca.folder, name);
      await writeFile(path, content);
      return path;
    };
    const openssl = async (...args: string[]) => {
      const { stdout, stderr } = await run('openssl', args);
      return stdout + stderr;
    };

    let count = 0;
    const issued = async (more: object = {}) => {
      const { client } = await ca.member();
      const { chain, key } = await issue(client, ca.net, [`s${++count}.test`], { more });
      const [leaf = '', issuer = ''] = chain.split(/(?<=-----END CERTIFICATE-----\n)/);
      const files = {
        leaf: await file(`leaf${count}.pem`, leaf),
        issuer: await file('issuer.pem', issuer),
        root: await file('root.pem', ca.root),
      };
      const certificate = new X509Certificate(leaf);
      const revoke = (reason?: number) =>
        client.post(client.directory.revokeCert, {
          certificate: certificate.raw.toString('base64url'),
          ...(reason !== undefined && { reason }),
        });
      return { client, key, certificate, files, revoke };
    };
    type Files = Awaited<ReturnType<typeof issued>>['files'];
    const askOcsp = (files: Files, ...more: string[]) =>
      openssl(
        'ocsp',
        '-issuer',
        files.issuer,
        '-cert',
        files.leaf,
        '-url',
        `${ca.statusUrl}/ocsp`,
        '-CAfile',
        files.root,
        '-resp_text',
        ...more,
      );
    const crlText = async () => {
      await ca.run('crl publish');
      const { body } = await send('GET', `/crl/${issuerId()}.crl`);
      return openssl('crl', '-inform', 'DER', '-in', await file('now.crl', body), '-noout', '-text');
    };

    it('OCSP says good, signed by a delegated responder, with the nonce', async () => {
      const { files } = await issued();
      const text = await askOcsp(files);
      assert.match(text, /Response verify OK/);
      assert.match(text, /leaf\d+\.pem: good/);
      assert.match(text, /OCSP Nonce/);
      assert.match(text, /OCSP Signing/);
      assert.match(text, /OCSP No Check/i);
      assert.doesNotMatch(text, /no nonce in response/i);
      const without = await askOcsp(files, '-no_nonce');
      assert.match(without, /Response verify OK/);
      assert.doesNotMatch(without, /OCSP Nonce/);
    });

    it('OCSP and CRL name the reason of a revocation; without one, none', async () => {
      for (const [reason, text] of [
        [undefined, undefined],
        [0, undefined],
        [1, 'Key Compromise'],
        [4, 'Superseded'],
        [5, 'Cessation Of Operation'],
      ] as const) {
        const { files, revoke, certificate } = await issued();
        assert.equal((await revoke(reason)).status, 200);
        const ocsp = await askOcsp(files);
        assert.match(ocsp, /Response verify OK/);
        assert.match(ocsp, /: revoked/);
        const entry =
          new RegExp(`Serial Number: ${certificate.serialNumber}\\n([^]*?)(?=    Serial Number|    Signature)`, 'i').exec(
            await crlText(),
          )?.[1] ?? '';
        assert.match(entry, /Revocation Date/);
        if (text === undefined) {
          assert.doesNotMatch(ocsp, /Revocation Reason/);
          assert.doesNotMatch(entry, /Reason Code/);
        } else {
          assert.match(ocsp, new RegExp(text.replaceAll(' ', ''), 'i'));
          assert.match(entry, new RegExp(text, 'i'));
        }
      }
    });

    it('the CRL that the certificate points at makes openssl refuse it once revoked', async () => {
      const { files, revoke, certificate } = await issued();
      assert.ok((await openssl('x509', '-in', files.leaf, '-noout', '-text')).includes(`URI:http://localhost:14080/crl/${issuerId()}.crl`));
      const verify = async () => {
        await ca.run('crl publish');
        const crls = [];
        for (const id of [issuerId(), ca.ctx.authority.root.id]) {
          const { status, type, body } = await send('GET', `/crl/${id}.crl`);
          assert.deepEqual([status, type], [200, 'application/pkix-crl'], id);
          crls.push(await openssl('crl', '-inform', 'DER', '-in', await file(`${id}.crl`, body), '-outform', 'PEM'));
        }
        const crlFile = await file('both.pem', crls.join(''));
        return run('openssl', [
          'verify',
          '-x509_strict',
          '-crl_check_all',
          '-CRLfile',
          crlFile,
          '-CAfile',
          files.root,
          '-untrusted',
          files.issuer,
          files.leaf,
        ]).then(
          ({ stdout }) => stdout,
          error => String(error.stdout) + String(error.stderr),
        );
      };
      assert.match(await verify(), /: OK/);
      await revoke();
      assert.match(await verify(), /certificate revoked/);
      assert.ok(certificate.serialNumber);
    });

    it('OCSP by GET is the same as by POST', async () => {
      const { files } = await issued();
      const path = join(ca.folder, 'request.der');
      await openssl('ocsp', '-issuer', files.issuer, '-cert', files.leaf, '-no_nonce', '-reqout', path);
      const der = await readFile(path);
      const posted = await send('POST', '/ocsp', der);
      assert.deepEqual([posted.status, posted.type], [200, 'application/ocsp-response']);
      const base64 = der.toString('base64');
      for (const way of [encodeURIComponent(base64), base64]) {
        const got = await send('GET', `/ocsp/${way}`);
        assert.deepEqual([got.status, got.type], [200, 'application/ocsp-response']);
        const answer = await file('answer.der', got.body);
        const text = await openssl(
          'ocsp',
          '-respin',
          answer,
          '-issuer',
          files.issuer,
          '-cert',
          files.leaf,
          '-CAfile',
          files.root,
          '-no_nonce',
        );
        assert.match(text, /: good/);
      }
    });

    it('OCSP by GET can be kept by caches, for an hour at most and no longer than the answer holds (RFC 9919 §6, §7.2)', async () => {
      const { certificate, revoke } = await issued();
      const request = ocspRequest(ca.ctx, certificate.serialNumber);
      const path = `/ocsp/${encodeURIComponent(Buffer.from(request).toString('base64'))}`;
      const first = await send('GET', path);
      assert.deepEqual([first.status, first.type], [200, 'application/ocsp-response']);
      assert.equal(readOcsp(first.body).status, 'good');
      assert.equal(first.headers['last-modified'], httpDate(ca.clock.now));
      assert.equal(first.headers.expires, httpDate(ca.clock.now + 86400));
      assert.equal(maxAge(first), 3600);
      assert.equal(first.headers.etag, `"${createHash('sha256').update(first.body).digest('hex')}"`);
      await revalidates(path, first);
      const posted = await send('POST', '/ocsp', request);
      assert.ok(posted.body.equals(first.body));
      for (const name of ['cache-control', 'expires', 'etag', 'last-modified']) assert.equal(posted.headers[name], undefined, name);
      await revoke();
      const gone = await ask('GET', path, { 'If-None-Match': first.headers.etag ?? '' });
      assert.deepEqual([gone.status, readOcsp(gone.body).status], [200, 'revoked']);
    });

    it('OCSP answers that are one asker’s, or refusals, are not to be kept; nothing authoritative says so (RFC 9919 §7.2)', async () => {
      const { certificate } = await issued();
      const get = (request: Uint8Array) => send('GET', `/ocsp/${encodeURIComponent(Buffer.from(request).toString('base64'))}`);
      const own = await get(ocspRequest(ca.ctx, certificate.serialNumber, { nonce: Buffer.alloc(32, 7) }));
      assert.deepEqual([readOcsp(own.body).status, own.headers['cache-control'], own.headers.expires], ['good', undefined, undefined]);
      const refused = await get(ocspRequest(ca.ctx, '7fffffff'));
      assert.deepEqual([readOcsp(refused.body).status, refused.headers['cache-control']], ['error 6', 'no-store']);
      for (const request of [ocspRequest(ca.ctx, '7fffffff'), Buffer.of(0x30, 0)]) {
        const posted = await send('POST', '/ocsp', request);
        assert.deepEqual([posted.type, posted.headers['cache-control']], ['application/ocsp-response', 'no-store']);
      }
    });

    it('OCSP answers have a Date, a Content-Type and a Content-Length, however they were asked for (RFC 6960 §A.2, RFC 9919 §6)', async () => {
      const { certificate } = await issued();
      for (const request of [
        ocspRequest(ca.ctx, certificate.serialNumber),
        ocspRequest(ca.ctx, certificate.serialNumber, { nonce: Buffer.alloc(32, 7) }),
        ocspRequest(ca.ctx, '7fffffff'),
      ])
        for (const got of [
          await send('GET', `/ocsp/${encodeURIComponent(Buffer.from(request).toString('base64'))}`),
          await send('POST', '/ocsp', request),
        ]) {
          assert.deepEqual([got.type, got.headers['content-length']], ['application/ocsp-response', String(got.body.length)]);
          assert.ok(Date.parse(got.headers.date ?? ''));
        }
    });

    it('a CRL and the issuer’s certificate can be kept by caches; a new CRL is served at once', async () => {
      const path = `/crl/${issuerId()}.crl`;
      await ca.run('crl publish');
      const first = await send('GET', path);
      assert.deepEqual([first.status, first.type, maxAge(first)], [200, 'application/pkix-crl', 3600]);
      assert.equal(first.headers['last-modified'], httpDate(ca.clock.now));
      await revalidates(path, first);
      // The next one comes by the clock a day after.
      ca.later(86400 - 60);
      assert.equal(maxAge(await send('GET', path)), 60);
      await ca.run('crl publish');
      const second = await ask('GET', path, { 'If-None-Match': first.headers.etag ?? '' });
      assert.deepEqual([second.status, maxAge(second)], [200, 3600]);
      assert.ok(!second.body.equals(first.body));
      const certificate = `/issuer/${issuerId()}.cer`;
      const issuer = await send('GET', certificate);
      assert.deepEqual([issuer.type, maxAge(issuer)], ['application/pkix-cert', 86400]);
      await revalidates(certificate, issuer);
      assert.equal((await send('GET', `/crl/${issuerId()}/99999.crl`)).status, 404);
    });

    it('the root’s CRL, which is signed once a year, can be kept for an hour on every day of it', async () => {
      const path = `/crl/${ca.ctx.authority.root.id}.crl`;
      ca.later(30 * 86400);
      const first = await ask('GET', path);
      assert.deepEqual([first.status, maxAge(first)], [200, 3600]);
      ca.later(-30 * 86400);
    });

    it('OCSP answers unauthorized, never good, for what was never issued, is short-lived, or is over', async () => {
      const { files } = await issued();
      const short = await issued({ profile: 'xmpp-server-short' });
      await short.revoke();
      const refusal = '30030a0106';
      const ask = async (...which: string[]) => {
        const path = join(ca.folder, 'request.der');
        await openssl('ocsp', '-issuer', files.issuer, ...which, '-reqout', path);
        return (await send('POST', '/ocsp', await readFile(path))).body.toString('hex');
      };
      assert.equal(await ask('-serial', '0x7fffffff'), refusal);
      assert.equal(await ask('-cert', short.files.leaf), refusal);
      assert.notEqual(await ask('-cert', files.leaf), refusal);
      assert.equal(await ask('-cert', files.leaf, '-serial', '0x7fffffff'), refusal);
      const other = await file('other.pem', ca.root);
      await openssl('ocsp', '-issuer', other, '-cert', files.leaf, '-reqout', join(ca.folder, 'other.der'));
      assert.equal((await send('POST', '/ocsp', await readFile(join(ca.folder, 'other.der')))).body.toString('hex'), refusal);
      ca.later(91 * 86400);
      assert.equal(await ask('-cert', files.leaf), refusal);
      assert.ok(!(await crlText()).includes(short.certificate.serialNumber), 'and stands in no CRL');
    });

    it('a request that is none is malformedRequest', async () => {
      for (const body of [Buffer.from('hello'), Buffer.of(0x30, 0), Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff)])
        assert.equal((await send('POST', '/ocsp', body)).body.toString('hex'), '30030a0101');
      assert.equal((await send('GET', '/ocsp/!!!!')).body.toString('hex'), '30030a0101');
      assert.equal((await send('GET', '/ocsp/%ff')).status, 400);
    });

    it('takes a media type in any case and with parameters, and a whole URL as the target (RFC 9110 §8.3.1, RFC 9112 §3.2.2)', async () => {
      const { certificate } = await issued();
      const request = ocspRequest(ca.ctx, certificate.serialNumber);
      const good = (answer: { status: number | undefined; type: string | undefined; body: Buffer }) => {
        assert.deepEqual([answer.status, answer.type], [200, 'application/ocsp-response']);
        assert.equal(readOcsp(answer.body).status, 'good');
      };
      for (const [target, type] of [
        ['/ocsp', 'Application/OCSP-Request'],
        ['/ocsp', 'application/ocsp-request; version=1'],
      ] as const)
        good(await send('POST', target, request, type));
      for (const target of ['http://localhost:14080/ocsp', 'HTTP://localhost/ocsp?x']) good(await sendWhole('POST', target, request));
      assert.equal((await sendWhole('GET', `http://localhost:14080/crl/${issuerId()}.crl`)).status, 200);
      for (const type of ['application/ocsp-requests', 'text/application/ocsp-request'])
        assert.equal((await send('POST', '/ocsp', request, type)).status, 415, type);
      for (const target of ['http://localhost', 'https://localhost/ocsp'])
        assert.equal((await sendWhole('GET', target)).status, 404, target);
    });

    it('limits: Content-Type, length, methods, paths', async () => {
      assert.equal((await send('POST', '/ocsp', Buffer.of(0x30, 0), 'text/plain')).status, 415);
      assert.equal((await send('POST', '/ocsp', Buffer.alloc(20_000))).status, 413);
      const { status, allow } = await send('GET', '/ocsp');
      assert.deepEqual([status, allow], [405, 'POST']);
      for (const path of [`/crl/${issuerId()}.crl`, `/issuer/${issuerId()}.cer`, '/ocsp/MAA%3D']) {
        const answer = await send('POST', path, Buffer.of(1));
        assert.deepEqual([answer.status, answer.allow], [405, 'GET, HEAD']);
        const head = await send('HEAD', path);
        assert.deepEqual([head.status, head.body.length], [200, 0]);
      }
      for (const path of ['/', '/crl/ffff.crl', '/crl/../x', '/issuer/ffff.cer', '/acme/directory', '/root.pem', '/ocspx', '//']) {
        const answer = await send('GET', path);
        assert.equal(answer.status, 404, path);
        assert.equal(answer.type, 'text/plain');
      }
    });

    it('the issuing CA’s certificate is there, and nothing that is a trust anchor', async () => {
      const { status, type, body } = await send('GET', `/issuer/${issuerId()}.cer`);
      assert.deepEqual([status, type], [200, 'application/pkix-cert']);
      assert.ok(new X509Certificate(body).verify(new X509Certificate(ca.root).publicKey));
      assert.equal((await send('GET', `/issuer/${ca.ctx.authority.root.id}.cer`)).status, 404);
    });
  });
}
