import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { operations } from '../src/operations/table.ts';
import { commitCertificate, firstFence, moveCertificate } from '../src/store/certificates.ts';
import { holdServeLock, openDatabase } from '../src/store/open.ts';
import { AcmeClient, type Json, newKey, thumbprintOf } from './kit/acme-client.ts';
import { issue } from './kit/issue.ts';
import { type Loopback, loopback } from './kit/loopback.ts';
import { freshPostgres } from './kit/postgres.ts';
import { makeSite, type Ran, runCommand, type ServerProcess, type Site, startServer, until } from './kit/process.ts';
import { aCertificate } from './kit/records.ts';
import { startWorld, type World } from './kit/world.ts';

const lines = (text: string): string[] => text.split('\n').filter(line => line !== '');

/** Processes are slow to start, and machines have several cores. */
async function fewAtOnce<T>(cases: T[], check: (each: T) => Promise<void>): Promise<void> {
  const left = [...cases];
  const work = async () => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) await check(each);
  };
  await Promise.all([work(), work(), work()]);
}

/** Exit 1 (or another), nothing on stdout, one line that says why. */
function refused(ran: Ran, why: RegExp, code = 1): void {
  assert.deepEqual({ code: ran.code, stdout: ran.stdout }, { code, stdout: '' }, ran.stderr);
  assert.equal(lines(ran.stderr).length, 1, ran.stderr);
  assert.match(ran.stderr, why);
}

describe('the words of the command line', function () {
  this.timeout(120_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-main-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  // Whatever is asked here, nothing is made.
  afterEach(() => assert.deepEqual(readdirSync(folder), []));

  const run = (...args: string[]) => runCommand(args, { cwd: folder });

  it('are shown with --help, those of every command too', async () => {
    const help = await run('--help');
    assert.deepEqual({ code: help.code, stderr: help.stderr }, { code: 0, stderr: '' });
    for (const word of ['serve', 'init', ...operations.map(o => o.name.split(' ')[0] ?? '')])
      assert.match(help.stdout, new RegExp(`^  ${word}\\b`, 'm'));
    const member = await run('member', '--help');
    assert.equal(member.code, 0);
    assert.match(member.stdout, /add .*suspend /s);
    const add = await run('eab', 'create', '--help');
    assert.equal(add.code, 0);
    assert.match(add.stdout, /--member <member>.*--label <label>.*--uses <uses>.*--expires <expires>/s);
    assert.match((await run('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('that are wrong end with status 2', async () => {
    const wrong: [string[], RegExp][] = [
      [[], /Usage: xmpp-ca/],
      [['member'], /Usage: xmpp-ca member/],
      [['nonsense'], /unknown command 'nonsense'/],
      [['member', 'nonsense'], /unknown command 'nonsense'/],
      [['member', 'list', '--nonsense'], /unknown option '--nonsense'/],
      [['serve', 'nonsense'], /too many arguments/],
      [['member', 'add', '--name', 'Club'], /required option '--email <email>'/],
      [['member', 'show'], /missing required argument 'id'/],
      [['cert', 'list', '--limit'], /argument missing/],
    ];
    await fewAtOnce(wrong, async ([args, why]) => {
      const { code, stdout, stderr } = await run(...args);
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, args.join(' '));
      assert.match(stderr, why, args.join(' '));
    });
  });

  it('with values that are wrong end with status 2 and one line that names the option', async () => {
    const thumbprint = 'x'.repeat(43);
    const wrong: [string, RegExp][] = [
      ['member add --name Club --email nonsense', /--email: /],
      ['member add --name  --email a@club.test', /--name: /],
      ['member show M!', /id: /],
      ['eab create --member ../etc', /--member: /],
      ['eab create --member m --uses 0', /--uses: /],
      ['eab create --member m --uses some', /--uses: /],
      ['eab create --member m --expires 0', /--expires: /],
      ['directory create --member m --accounts 1.5', /--accounts: /],
      ['directory create --member m --profile nonsense', /--profile: /],
      ['thumbprint add --member m --thumbprint short', /--thumbprint: /],
      [`thumbprint add --member M --thumbprint ${thumbprint}!`, /--member: .*--thumbprint: /],
      ['cert show xyz', /serial: /],
      ['cert revoke 01ab --reason nonsense', /--reason: /],
      ['cert revoke 01ab --reason 8', /--reason: /],
      ['cert list --limit many', /--limit: /],
      ['outbox list --state lost', /--state: /],
    ];
    await fewAtOnce(wrong, async ([words, why]) => refused(await run(...words.split(' ')), why, 2));
  });
});

describe('a configuration that is wrong', function () {
  this.timeout(120_000);
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-main-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('names every wrong key at once, and starts nothing', async () => {
    const config = `
      publicUrl: https://ca.test/path
      listen: nowhere
      nonsense: 1
      tls: { cert: a.pem }
      status: { listen: "127.0.0.1:99999", publicUrl: "https://ca.test", more: 1 }
      database: mysql://here
      validation: { methods: [http-02], httpPort: 0, resolvers: ["resolver.test:53"] }
      mail: { from: nobody, transport: pigeon }
      policy: { maxNames: 101, termsOfService: "no url" }
      log: loud
    `;
    await writeFile(join(folder, 'config.yaml'), config);
    const keys = [
      'publicUrl',
      'listen',
      'nonsense',
      'tls',
      'status.listen',
      'status.publicUrl',
      'status.more',
      'database',
      'validation.methods.0',
      'validation.httpPort',
      'validation.resolvers.0',
      'mail.from',
      'mail.transport',
      'policy.maxNames',
      'policy.termsOfService',
      'log',
    ];
    for (const words of [['serve'], ['init'], ['member', 'list']]) {
      const env = { XMPP_CA_KEY: 'short', DATABASE_URL: 'nonsense' };
      const { code, stdout, stderr } = await runCommand(words, { cwd: folder, env });
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
      for (const key of [...keys, 'XMPP_CA_KEY', 'DATABASE_URL']) assert.match(stderr, new RegExp(`configuration: ${key}: `), key);
      assert.equal(lines(stderr).length, keys.length + 2, stderr);
      assert.deepEqual(readdirSync(folder), ['config.yaml']);
    }
  });

  it('is no YAML, or is not there', async () => {
    await writeFile(join(folder, 'config.yaml'), 'listen: [');
    refused(await runCommand(['serve'], { cwd: folder }), /config\.yaml: /);
    refused(await runCommand(['serve', '--config', 'none.yaml'], { cwd: folder }), /none\.yaml: .*ENOENT/);
    refused(await runCommand(['init'], { cwd: folder, env: { XMPP_CA_CONFIG: 'other.yaml' } }), /other\.yaml: .*ENOENT/);
    assert.deepEqual(readdirSync(folder), ['config.yaml']);
  });
});

describe('where configuration comes from', function () {
  this.timeout(120_000);

  it('is --config before or after the words, else XMPP_CA_CONFIG, else ./config.yaml; paths are relative to it', async () => {
    const site = await makeSite({ dataDir: 'here', database: undefined });
    const elsewhere = await mkdtemp(join(tmpdir(), 'xmpp-ca-main-'));
    try {
      const file = join(site.folder, 'config.yaml');
      await site.json('member', 'add', '--name', 'Club', '--email', 'a@club.test');
      assert.ok(existsSync(join(site.folder, 'here/ca.db')));
      for (const args of [
        ['--config', file, '--json', 'member', 'list'],
        ['member', '--config', file, '--json', 'list'],
        ['member', 'list', '--json', '--config', file],
      ]) {
        const { stdout, stderr } = await runCommand(args, { cwd: elsewhere });
        assert.equal(stderr, '');
        assert.equal(JSON.parse(stdout).length, 1, args.join(' '));
      }
      const { stdout } = await runCommand(['member', 'list', '--json'], { cwd: elsewhere, env: { XMPP_CA_CONFIG: file } });
      assert.equal(JSON.parse(stdout).length, 1);
      // Another database wins by the environment; the key-encryption key is the site's.
      const other = `sqlite:${join(site.folder, 'other.db')}`;
      const empty = await runCommand(['member', 'list', '--json'], { cwd: site.folder, env: { DATABASE_URL: other } });
      assert.equal(empty.stdout, '[]\n');
      assert.deepEqual(await readdir(elsewhere), []);
    } finally {
      await rm(elsewhere, { recursive: true, force: true });
      await site.close();
    }
  });
});

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

describe('commands', function () {
  this.timeout(240_000);
  let site: Site;
  let world: World;
  let member: string;
  before(async () => {
    world = await startWorld();
    site = await makeSite({ validation: { ...world.validation, methods: ['http-01', 'email-mailbox-01'] } });
    // Before any server has run.
    const init = await site.json('init');
    assert.deepEqual(Object.keys(init), ['directory', 'root', 'issuing', 'adminToken', 'mail', 'database']);
    assert.equal(new X509Certificate(await readFile(init.root)).ca, true);
    member = (await site.json('member', 'add', '--name', 'Example Club', '--email', 'a@club.test,b@club.test')).id;
  });
  after(async () => {
    await site.close();
    await world.close();
  });

  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
  const mailText = async () => {
    const folder = join(site.folder, 'data/mail');
    const files = (await readdir(folder).catch(() => [])).filter(f => f.endsWith('.eml'));
    return Promise.all(files.map(f => readFile(join(folder, f), 'utf8')));
  };

  it('print words for people, and with --json exactly one JSON value', async () => {
    const words = await site.run('member', 'show', member);
    assert.match(words.stdout, new RegExp(`^id: +${member}\nname: +Example Club\n`));
    const { stdout, stderr } = await site.run('member', 'show', '--json', member);
    assert.equal(stderr, '');
    assert.equal(stdout, `${JSON.stringify(JSON.parse(stdout))}\n`);
    assert.equal((await site.run('outbox', 'list')).stdout, 'none\n');
    assert.equal((await site.run('--json', 'outbox', 'list')).stdout, '[]\n');
  });

  it('member: add, list, show, suspend, activate', async () => {
    const shown = await site.json('member', 'show', member);
    assert.deepEqual(
      { ...shown, createdAt: '' },
      { id: member, name: 'Example Club', status: 'active', contacts: ['a@club.test', 'b@club.test'], createdAt: '' },
    );
    assert.match(shown.createdAt, time);
    assert.deepEqual(await site.json('member', 'list'), [shown]);
    assert.equal((await site.json('member', 'suspend', member)).status, 'suspended');
    refused(await site.run('member', 'suspend', member), /is suspended, not active/);
    assert.equal((await site.json('member', 'activate', member)).status, 'active');
    refused(await site.run('member', 'activate', member), /is active, not suspended/);
    refused(await site.run('member', 'show', 'nobody'), /There is no member nobody/);
  });

  it('eab: create, list, revoke', async () => {
    const made = await site.json('eab', 'create', '--member', member, '--label', 'Ghent', '--uses', 'any', '--expires', '7');
    assert.deepEqual(Object.keys(made), ['kid', 'hmacKey', 'directory', 'uses', 'expires']);
    assert.match(made.hmacKey, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(made.uses, 'any');
    assert.equal(made.directory, `${site.publicUrl}/acme/directory`);
    assert.equal((await site.json('eab', 'create', '--member', member)).uses, 1);
    const list = await site.json('eab', 'list');
    assert.equal(list.length, 2);
    assert.equal(JSON.stringify(list).includes(made.hmacKey), false, 'shown once');
    assert.match((await site.json('eab', 'revoke', made.kid)).revokedAt, time);
    refused(await site.run('eab', 'revoke', made.kid), /revoked already/);
    refused(await site.run('eab', 'revoke', 'none'), /There is no key none/);
    refused(await site.run('eab', 'create', '--member', 'nobody'), /There is no member nobody/);
  });

  it('directory: create, list, revoke', async () => {
    const words = ['--profile', 'xmpp-server-short', '--domains', 'IM.test,b.test', '--accounts', '3', '--expires', '9'];
    const made = await site.json('directory', 'create', '--member', member, ...words);
    assert.deepEqual([made.profile, made.domains, made.accounts], ['xmpp-server-short', ['im.test', 'b.test'], 3]);
    const secret = /\/acme\/m\/([a-z2-7]{32})\/directory$/.exec(made.directory)?.[1] ?? '';
    const bare = await site.json('directory', 'create', '--member', member);
    assert.deepEqual([bare.accounts, bare.expires, bare.domains], [1, undefined, undefined]);
    const list = await site.run('directory', 'list', '--json');
    assert.equal(JSON.parse(list.stdout).length, 2);
    assert.equal(secret.length === 32 && list.stdout.includes(secret), false, 'shown once');
    assert.match((await site.json('directory', 'revoke', made.id)).revokedAt, time);
    refused(await site.run('directory', 'revoke', made.id), /revoked already/);
    refused(await site.run('directory', 'revoke', 'none'), /There is no directory none/);
    refused(await site.run('directory', 'create', '--member', member, '--domains', 'no_domain'), /no_domain/);
  });

  it('thumbprint: add', async () => {
    const thumbprint = thumbprintOf(newKey());
    const made = await site.json('thumbprint', 'add', '--member', member, '--thumbprint', thumbprint);
    assert.deepEqual([made.thumbprint, made.memberId], [thumbprint, member]);
    refused(await site.run('thumbprint', 'add', '--member', member, '--thumbprint', thumbprint), /registered already/);
  });

  it('domain: prove, confirm, list, revoke, with the code in the mail when the command ends', async () => {
    const domain = 'proved.test';
    refused(await site.run('domain', 'prove', '--member', member, '--domain', domain), /no mailbox to ask/);
    world.dns.set(domain, 'MX', [{ exchange: `mail.${domain}`, preference: 10 }]);
    refused(await site.run('domain', 'prove', '--member', member, '--domain', domain, '--mailbox', 'root'), /hostmaster@proved\.test/);
    refused(await site.run('domain', 'prove', '--member', member, '--domain', 'com'), /com/);
    const begun = await site.json('domain', 'prove', '--member', member, '--domain', 'PROVED.test', '--mailbox', 'postmaster');
    assert.deepEqual([begun.domain, begun.mailbox], [domain, `postmaster@${domain}`]);
    const mail = (await mailText()).find(text => text.includes(begun.mailbox)) ?? '';
    const code = /^[a-z2-7]{32}$/m.exec(mail)?.[0] ?? '';
    assert.match(mail, /^Auto-Submitted: auto-generated$/m);
    refused(await site.run('domain', 'confirm', '--member', member, '--domain', domain, '--code', 'wrong'), /not the code/);
    const confirmed = await site.json('domain', 'confirm', '--member', member, '--domain', domain, '--code', code.toUpperCase());
    assert.deepEqual([confirmed.domain, confirmed.status], [domain, 'valid']);
    refused(await site.run('domain', 'confirm', '--member', member, '--domain', domain, '--code', code), /begin with "domain prove"/);
    const [proof] = await site.json('domain', 'list', '--member', member, '--domain', domain);
    assert.deepEqual([proof.id, proof.status, proof.mailbox], [begun.id, 'valid', begun.mailbox]);
    assert.deepEqual(await site.json('domain', 'list', '--domain', 'other.test'), []);
    assert.equal((await site.json('domain', 'revoke', proof.id)).status, 'revoked');
    refused(await site.run('domain', 'revoke', proof.id), /revoked already/);
    refused(await site.run('domain', 'revoke', 'none'), /There is no proof none/);
  });

  it('crl: publish', async () => {
    const [one] = await site.json('crl', 'publish');
    const [two] = await site.json('crl', 'publish');
    assert.ok(two.number > one.number);
    assert.match(one.url, /^http:\/\/localhost:14080\/crl\/[0-9a-f]{16}\.crl$/);
    assert.match(one.thisUpdate, time);
  });

  it('outbox: list, retry', async () => {
    assert.deepEqual(await site.json('outbox', 'list'), []);
    const sent = await site.json('outbox', 'list', '--state', 'sent');
    assert.ok(sent.length > 0);
    assert.deepEqual([sent[0].kind, sent[0].state, sent[0].attempts], ['proof-code', 'sent', 1]);
    const db = await openDatabase(site.database);
    await db('outbox').where({ id: sent[0].id }).update({ state: 'dead', last_error: 'the mail server answered 550' });
    await db.destroy();
    const [dead] = await site.json('outbox', 'list');
    assert.deepEqual([dead.id, dead.state, dead.lastError], [sent[0].id, 'dead', 'the mail server answered 550']);
    const [retried] = await site.json('outbox', 'retry', '--id', dead.id);
    // What the code was for is over by now.
    assert.deepEqual([retried.id, retried.state], [dead.id, 'dead']);
    assert.deepEqual(await site.json('outbox', 'retry', '--id', 'none'), []);
  });

  describe('beside a running server', () => {
    let server: ServerProcess;
    let client: AcmeClient;
    let serial: string;
    before(async () => {
      server = site.serve();
      await server.ready;
      client = new AcmeClient(site.publicUrl, server.address, await readFile(join(site.folder, 'data/root.pem'), 'utf8'));
      await client.open();
    });
    after(async () => {
      client.close();
      const { code, stderr } = await server.end();
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    });

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
      const made = await Promise.all([1, 2, 3, 4].map(n => site.run('member', 'add', '--name', `Club ${n}`, '--email', 'x@club.test')));
      assert.deepEqual(
        made.map(m => [m.code, m.stderr]),
        made.map(() => [0, '']),
      );
    });
  });
});
