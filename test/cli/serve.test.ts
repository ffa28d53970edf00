import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { openDatabase } from '../../src/store/open.ts';
import { AcmeClient, type Json } from '../kit/acme-client.ts';
import { issue } from '../kit/issue.ts';
import { type Loopback, loopback } from '../kit/loopback.ts';
import { makeSite, type ServerProcess, type Site, startServer, until } from '../kit/process.ts';
import { lines } from '../kit/ran.ts';
import { startWorld, type World } from '../kit/world.ts';

describe('serve', function () {
  this.timeout(180_000);
  let site: Site;
  let world: World;
  let around: Loopback;
  const clients: AcmeClient[] = [];
  beforeEach(async () => {
    around = loopback();
    world = await startWorld();
    site = await makeSite({ validation: { ...world.validation, methods: ['http-01'] } });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await site.close();
    await world.close();
    await around.close();
  });

  const configure = (settings: Record<string, unknown>) =>
    readFile(join(site.folder, 'config.yaml'), 'utf8').then(text =>
      writeFile(join(site.folder, 'config.yaml'), JSON.stringify({ ...JSON.parse(text), ...settings })),
    );

  async function clientAt(server: ServerProcess): Promise<AcmeClient> {
    const client = new AcmeClient(site.publicUrl, server.address, await readFile(join(site.folder, 'data/root.pem'), 'utf8'));
    clients.push(client);
    const { id } = await site.json('member', 'add', '--name', 'Club', '--email', 'a@club.test');
    const answer = await client.register({ eab: await site.json('eab', 'create', '--member', id) });
    assert.equal(answer.status, 201);
    return client;
  }

  it('prints what a newcomer needs, and `ready` last; each signal ends it with status 0; a second start finds all as it was', async () => {
    const server = site.serve();
    await server.ready;
    const text = server.output.stdout;
    assert.match(text, /directory: +https:\/\/localhost:14000\/acme\/directory/);
    assert.ok(text.includes(join(site.folder, 'data/root.pem')));
    assert.ok(text.includes(join(site.folder, 'data/mail')));
    assert.ok(text.includes(join(site.folder, 'data/admin-token')));
    assert.doesNotMatch(text, /xca_/);
    assert.deepEqual(
      text.match(/^ {2}npx xmpp-ca \w+ \w+/gm)?.map(l => l.trim()),
      ['npx xmpp-ca member add', 'npx xmpp-ca eab create', 'npx xmpp-ca domain prove'],
    );
    assert.match(
      lines(text).at(-1) ?? '',
      /^ready public=https:\/\/127\.0\.0\.1:\d+ status=http:\/\/127\.0\.0\.1:\d+ admin=https:\/\/127\.0\.0\.1:\d+$/,
    );
    const root = await readFile(join(site.folder, 'data/root.pem'), 'utf8');
    const client = await clientAt(server);
    const { chain } = await issue(client, world, ['im.test']);
    const first = await server.end('SIGTERM');
    assert.deepEqual({ code: first.code, signal: first.signal, stderr: first.stderr }, { code: 0, signal: null, stderr: '' });
    assert.equal(first.stdout, text, 'nothing more is printed');

    const again = site.serve();
    await again.ready;
    assert.equal(await readFile(join(site.folder, 'data/root.pem'), 'utf8'), root);
    const [certificate] = await site.json('cert', 'list');
    assert.ok(chain.startsWith(certificate.pem));
    const second = await again.end('SIGINT');
    assert.deepEqual({ code: second.code, signal: second.signal, stderr: second.stderr }, { code: 0, signal: null, stderr: '' });
  });

  it('ends while a challenge is looked at, and goes on with it after the next start', async () => {
    let held: (() => void) | undefined;
    const asked = new Promise<void>(resolve => {
      held = resolve;
    });
    // It takes the connection and never says a word.
    const httpPort = await around.raw(() => held?.());
    await configure({ validation: { ...world.validation, httpPort, methods: ['http-01'] } });
    const server = site.serve();
    await server.ready;
    const client = await clientAt(server);
    const { json: order } = await client.newOrder(['im.test']);
    const { json: authorization } = await client.read(order.authorizations[0]);
    const challenge = authorization.challenges.find((c: Json) => c.type === 'http-01');
    assert.equal((await client.post(challenge.url, {})).json.status, 'processing');
    await asked;
    const ended = await server.end('SIGTERM');
    assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
    const db = await openDatabase(site.database);
    assert.equal((await db('challenges').where({ type: 'http-01' }).first()).status, 'processing', 'its end was not waited for');
    await db.destroy();

    world.pages.set(`http://im.test/.well-known/acme-challenge/${challenge.token}`, client.keyAuthorization(challenge.token));
    await configure({ validation: { ...world.validation, methods: ['http-01'] } });
    const next = site.serve();
    await next.ready;
    const resumed = new AcmeClient(site.publicUrl, next.address, await readFile(join(site.folder, 'data/root.pem'), 'utf8'), client.key);
    clients.push(resumed);
    resumed.kid = client.kid;
    await resumed.open();
    const done = await resumed.poll(order.authorizations[0], a => a.status !== 'pending');
    assert.equal(done.status, 'valid');
    assert.equal((await next.end()).code, 0);
  });

  it('ends while clients hold connections open, idle or in the middle of a request', async () => {
    const server = site.serve();
    await server.ready;
    await clientAt(server);
    const { port } = new URL(server.status);
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => {});
    await new Promise(resolve => socket.once('connect', resolve));
    socket.write('POST /ocsp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ocsp-request\r\nContent-Length: 100\r\n\r\nabc');
    const ended = await server.end('SIGTERM');
    socket.destroy();
    assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
  });

  it('ends while a mail server keeps it waiting, and leaves the message for later', async () => {
    let greeted: (() => void) | undefined;
    const called = new Promise<void>(resolve => {
      greeted = resolve;
    });
    const port = await around.raw(() => greeted?.());
    await configure({ mail: { transport: `smtp://127.0.0.1:${port}` } });
    const server = site.serve();
    await server.ready;
    await clientAt(server);
    await called;
    const ended = await server.end('SIGTERM');
    assert.equal(ended.code, 0, ended.stderr);
    const waiting = await openDatabase(site.database);
    const [message] = await waiting('outbox').select('state', 'attempts');
    await waiting.destroy();
    assert.deepEqual({ ...message }, { state: 'queued', attempts: 0 }, 'its end was not waited for');
  });

  it('that is asked to end while it starts ends with status 0', async () => {
    const server = site.serve();
    await until(async () => existsSync(join(site.folder, 'data')), 5);
    const ended = await server.end('SIGTERM');
    // Before the program listens to signals, the signal itself ends it.
    assert.ok(ended.code === 0 || ended.signal === 'SIGTERM', ended.stderr);
    const next = site.serve();
    await next.ready;
    assert.equal((await next.end()).code, 0);
  });

  it('with --json prints exactly one JSON value, with its addresses', async () => {
    const server = startServer({ cwd: site.folder, args: ['--json'] });
    await until(async () => server.output.stdout.endsWith('\n'));
    const facts = JSON.parse(server.output.stdout);
    assert.match(facts.public, /^https:\/\/127\.0\.0\.1:\d+$/);
    assert.match(facts.status, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.match(facts.admin, /^https:\/\/127\.0\.0\.1:\d+$/);
    assert.equal((await fetch(`${facts.status}/nothing`)).status, 404);
    const { code, stdout } = await server.end();
    assert.deepEqual({ code, stdout }, { code: 0, stdout: `${JSON.stringify(facts)}\n` });
  });
});
