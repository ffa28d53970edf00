import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { operations } from '../../src/operations/table.ts';
import { runCommand } from '../kit/process.ts';
import { refused } from '../kit/ran.ts';

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
    for (const [args, why] of wrong) {
      const { code, stdout, stderr } = await run(...args);
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, args.join(' '));
      assert.match(stderr, why, args.join(' '));
    }
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
    for (const [words, why] of wrong) refused(await run(...words.split(' ')), why, 2);
  });
});
