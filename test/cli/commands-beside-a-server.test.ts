import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commitCertificate, firstFence, moveCertificate } from '../../src/store/certificates.ts';
import { openDatabase } from '../../src/store/open.ts';
import { AcmeClient, type Json } from '../kit/acme-client.ts';
import { issue } from '../kit/issue.ts';
import { readMails } from '../kit/mails.ts';
import { makeSite, runProcess, type ServerProcess, type Site, until } from '../kit/process.ts';
import { refused } from '../kit/ran.ts';
import { aCertificate } from '../kit/records.ts';
import { startWorld, type World } from '../kit/world.ts';

describe('commands beside a running server', function () {
  this.timeout(240_000);
  let site: Site;
  let world: World;
  let member: string;
  let server: ServerProcess;
  let client: AcmeClient;
  let serial: string;
  before(async () => {
    world = await startWorld();
    site = await makeSite({ validation: { ...world.validation, methods: ['http-01', 'email-mailbox-01'] } });
    member = (await site.json('member', 'add', '--name', 'Example Club', '--email', 'a@club.test,b@club.test')).id;
    server = site.serve();
    await server.ready;
    client = new AcmeClient(site.publicUrl, server.address, await readFile(join(site.folder, 'data/root.pem'), 'utf8'));
    await client.open();
  });
  after(async () => {
    client.close();
    const { code, stderr } = await server.end();
    await site.close();
    await world.close();
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
  const mailText = () => readMails(join(site.folder, 'data/mail'));

  it('open doors that the server honours at once', async () => {
    const eab = await site.json('eab', 'create', '--member', member);
    assert.equal((await client.register({ eab })).status, 201);
    const { chain } = await issue(client, world, ['im.test']);
    const leaf = new X509Certificate(chain);
    const [listed] = await site.json('cert', 'list', '--name', 'IM.test', '--member', member);
    serial = listed.serial;
    assert.equal(leaf.serialNumber.toLowerCase(), serial);
    assert.deepEqual([listed.status, listed.names, listed.profile, listed.memberId], ['issued', ['im.test'], 'xmpp-server', member]);
  });

  it('are told of by mail within the server’s next turns', async () => {
    await until(async () => (await mailText()).some(text => /^Subject: Certificate issued for im\.test$/m.test(text)));
  });

  it('cert: list, show, revoke; the status listener says so at once, the CRL soon', async () => {
    assert.deepEqual(await site.json('cert', 'list', '--name', 'none.test'), []);
    const colons = `00:${serial.match(/../g)?.join(':').toUpperCase()}`;
    const shown = await site.json('cert', 'show', colons);
    assert.equal(shown.serial, serial);
    refused(await site.run('cert', 'show', '01ab'), /There is no certificate 01ab/);
    const revoked = await site.json('cert', 'revoke', serial, '--reason', 'SUPERSEDED');
    assert.deepEqual([revoked.serial, revoked.status, revoked.reason], [serial, 'revoked', 'superseded']);
    assert.match(revoked.revokedAt, time);
    refused(await site.run('cert', 'revoke', serial), /was revoked at/);
    assert.equal((await site.json('cert', 'show', serial)).status, 'revoked');
    await until(async () => {
      const crl = Buffer.from(await (await fetch(`${server.status}/crl/${shown.issuer}.crl`)).arrayBuffer());
      return crl.includes(Buffer.from(serial, 'hex'));
    });
    const texts = await mailText();
    assert.ok(
      texts.some(text => /^Subject: .*revoked/im.test(text)),
      'the command delivered its own mail',
    );
  });

  it('cert: list shows the newest first, and says on stderr where there are more', async () => {
    const db = await openDatabase(site.database);
    const older = aCertificate({ orderId: 'older', committedAt: Math.floor(Date.now() / 1000) - 86400 });
    await commitCertificate(db, older, 30);
    await moveCertificate(db, older.serial, 'abandoned', firstFence);
    await db.destroy();
    const all = await site.run('cert', 'list', '--json');
    assert.deepEqual([all.stderr, JSON.parse(all.stdout).map((c: Json) => c.serial)], ['', [serial, older.serial]]);
    const more = 'xmpp-ca: there are more than these 1; --limit shows more\n';
    const one = await site.run('cert', 'list', '--json', '--limit', '1');
    assert.deepEqual([one.code, one.stderr, JSON.parse(one.stdout).map((c: Json) => c.serial)], [0, more, [serial]]);
    const plain = await site.run('cert', 'list', '--limit', '1');
    assert.deepEqual([plain.code, plain.stderr], [0, more]);
    assert.deepEqual(plain.stdout.match(/^serial: +\S+$/gm)?.length, 1);
  });

  it('refuse to revoke the authority’s own certificates', async () => {
    const db = await openDatabase(site.database);
    const own = await db('certificates').whereNull('order_id').first('serial');
    await db.destroy();
    refused(await site.run('cert', 'revoke', own.serial), /authority's own/);
  });

  it('suspend a member whose orders are refused from then on', async () => {
    await site.json('member', 'suspend', member);
    const refusal = await client.newOrder(['im.test']);
    assert.deepEqual([refusal.status, refusal.json.type], [403, 'urn:ietf:params:acme:error:unauthorized']);
    assert.match(refusal.json.detail, /suspended/);
    await site.json('member', 'activate', member);
    assert.equal((await client.newOrder(['im.test'])).status, 201);
  });

  it('account: list, show, deactivate, which the server honours', async () => {
    const [account] = await site.json('account', 'list', '--member', member);
    assert.equal(account.url, client.kid);
    assert.deepEqual(await site.json('account', 'show', account.id), account);
    assert.deepEqual(await site.json('account', 'show', account.url), account);
    assert.equal((await site.json('account', 'deactivate', account.url)).status, 'deactivated');
    refused(await site.run('account', 'deactivate', account.id), /is deactivated already/);
    refused(await site.run('account', 'show', 'none'), /There is no account none/);
    const refusal = await client.newOrder(['im.test']);
    assert.deepEqual([refusal.status, refusal.json.type], [401, 'urn:ietf:params:acme:error:unauthorized'], `${refusal.body}`);
    assert.deepEqual(await site.json('account', 'list', '--member', 'other'), []);
  });

  it('run many at once without being locked out', async () => {
    const add = (n: number) => runProcess(['member', 'add', '--name', `Club ${n}`, '--email', 'x@club.test'], { cwd: site.folder });
    const made = await Promise.all([1, 2, 3, 4].map(add));
    assert.deepEqual(
      made.map(m => [m.code, m.stderr]),
      made.map(() => [0, '']),
    );
  });
});
