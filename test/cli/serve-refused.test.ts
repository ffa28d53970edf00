import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { holdServeLock } from '../../src/store/open.ts';
import { type Loopback, loopback } from '../kit/loopback.ts';
import { freshPostgres } from '../kit/postgres.ts';
import { makeSite, runCommand, type Site } from '../kit/process.ts';
import { refused } from '../kit/ran.ts';

describe('a server that cannot start', function () {
  this.timeout(180_000);
  let site: Site;
  let around: Loopback;
  beforeEach(async () => {
    around = loopback();
    site = await makeSite();
  });
  afterEach(async () => {
    await site.close();
    await around.close();
  });

  const configure = (settings: Record<string, unknown>) =>
    readFile(join(site.folder, 'config.yaml'), 'utf8').then(text =>
      writeFile(join(site.folder, 'config.yaml'), JSON.stringify({ ...JSON.parse(text), ...settings })),
    );

  it('is refused a port in use, in one line that names it', async () => {
    const port = await around.raw(() => {});
    await configure({ listen: `127.0.0.1:${port}` });
    refused(await site.run('serve'), new RegExp(`xmpp-ca: listen: 127\\.0\\.0\\.1:${port} is in use`));
    await configure({ listen: '127.0.0.1:0', status: { listen: `127.0.0.1:${port}`, publicUrl: 'http://localhost:14080' } });
    refused(await site.run('serve'), new RegExp(`xmpp-ca: status\\.listen: 127\\.0\\.0\\.1:${port} is in use`));
    await configure({ listen: '127.0.0.1:0', status: { listen: '127.0.0.1:0' }, admin: { listen: `127.0.0.1:${port}` } });
    refused(await site.run('serve'), new RegExp(`xmpp-ca: admin\\.listen: 127\\.0\\.0\\.1:${port} is in use`));
    await configure({ listen: '192.0.2.1:0', status: { listen: '127.0.0.1:0', publicUrl: 'http://localhost:14080' } });
    refused(await site.run('serve'), /xmpp-ca: listen: 192\.0\.2\.1:0 cannot be listened on \(EADDRNOTAVAIL\)/);
  });

  it('is refused a TLS file that cannot be read or is none, in one line that names it', async () => {
    await configure({ tls: { cert: 'cert.pem', key: 'key.pem' } });
    refused(await site.run('serve'), /xmpp-ca: tls\.cert: .*cert\.pem cannot be read \(ENOENT\)/);
    await writeFile(join(site.folder, 'cert.pem'), 'nonsense');
    refused(await site.run('serve'), /xmpp-ca: tls\.key: .*key\.pem cannot be read \(ENOENT\)/);
    await writeFile(join(site.folder, 'key.pem'), 'nonsense');
    refused(await site.run('serve'), /xmpp-ca: tls\b.*(cert|key)\.pem/);
    await configure({ tls: undefined, admin: { listen: '127.0.0.1:0', tls: { cert: 'cert.pem', key: 'none.pem' } } });
    refused(await site.run('serve'), /xmpp-ca: admin\.tls\.key: .*none\.pem cannot be read \(ENOENT\)/);
  });

  it('is refused a database that cannot be reached, in one line without the password', async () => {
    const port = await around.raw(socket => socket.destroy());
    await configure({ database: `postgres://ca:s3cret@127.0.0.1:${port}/ca` });
    for (const words of [['serve'], ['member', 'list']]) {
      const ran = await site.run(...words);
      refused(ran, new RegExp(`127\\.0\\.0\\.1:${port}/ca cannot be reached`));
      assert.doesNotMatch(ran.stderr, /s3cret/);
    }
    const url = new URL(await freshPostgres());
    url.password = 'wr0ng';
    await configure({ database: url.href });
    const ran = await site.run('serve');
    refused(ran, /cannot be reached: password authentication failed/);
    assert.doesNotMatch(ran.stderr, /wr0ng/);
    await configure({ database: 'sqlite:/dev/null/ca.db' });
    refused(await site.run('serve'), /dev\/null/);
  });

  it('is refused beside another on one SQLite file, which goes on', async () => {
    const server = site.serve();
    await server.ready;
    refused(await site.run('serve'), /another server runs on .*ca\.db; several need PostgreSQL/);
    assert.equal((await fetch(`${server.status}/nothing`)).status, 404);
    assert.equal((await server.end()).code, 0);
    holdServeLock(site.database)();
  });

  it('is refused another key-encryption key, in one line', async () => {
    assert.equal((await site.run('init')).code, 0);
    const env = { XMPP_CA_KEY: Buffer.alloc(32, 1).toString('base64') };
    refused(await runCommand(['serve'], { cwd: site.folder, env }), /made with another key-encryption key/);
  });
});
