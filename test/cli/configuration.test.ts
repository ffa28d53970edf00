import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSite, runCommand } from '../kit/process.ts';
import { lines, refused } from '../kit/ran.ts';

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
