import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { operations } from '../../src/operations/table.ts';
import { commitCertificate, firstFence, moveCertificate } from '../../src/store/certificates.ts';
import { openDatabase } from '../../src/store/open.ts';
import { freePort } from '../kit/free-port.ts';
import { makeSite, type Ran, runCommand, type ServerProcess, type Site } from '../kit/process.ts';
import { aCertificate, anId } from '../kit/records.ts';

describe('the command line at another server', function () {
  this.timeout(240_000);
  let site: Site;
  let server: ServerProcess;
  let elsewhere: Site;
  let there: string[];
  before(async () => {
    site = await makeSite();
    elsewhere = await makeSite({ database: 'sqlite:/dev/null/none.db' });
    server = site.serve();
    await server.ready;
    there = ['--server', server.admin, '--ca', join(site.folder, 'data/root.pem'), '--token-file', join(site.folder, 'data/admin-token')];
  });
  after(async () => {
    await site.close();
    await elsewhere.close();
  });

  /** In a folder where nothing could be done. */
  const remote = (words: string[], env: Record<string, string> = {}, options = there) =>
    runCommand([...words, ...options], { cwd: elsewhere.folder, env });
  const json = async (...words: string[]) => {
    const { code, stdout, stderr } = await remote([...words, '--json']);
    assert.deepEqual([code, stderr], [0, ''], stderr);
    return JSON.parse(stdout);
  };
  const said = ({ code, stdout, stderr }: Ran) => ({ code, stdout, stderr });
  const both = async (...words: string[]) => {
    // The far one first: using a token is seen in the list of tokens.
    const far = await remote(words);
    const near = await site.run(...words);
    assert.deepEqual(said(far), said(near), words.join(' '));
    return far;
  };

  it('does the same as on the database, and says the same', async () => {
    const member = await json('member', 'add', '--name', 'Example Club', '--email', 'a@club.test,b@club.test');
    assert.deepEqual(member.contacts, ['a@club.test', 'b@club.test']);
    const eab = await json('eab', 'create', '--member', member.id, '--uses', 'any', '--expires', '7');
    assert.match(eab.hmacKey, /^[\w-]{43}$/);
    assert.equal((await json('eab', 'revoke', eab.kid, '--deactivate-accounts')).kid, eab.kid);
    const directory = await json(
      'directory',
      'create',
      '--member',
      member.id,
      '--domains',
      'im.example.org,b.example.org',
      '--accounts',
      '3',
    );
    assert.deepEqual([directory.domains, directory.accounts], [['im.example.org', 'b.example.org'], 3]);
    assert.equal((await json('member', 'suspend', member.id)).status, 'suspended');
    // The second reading of the audit log finds the first one in it.
    for (const { name } of operations.filter(o => o.page && o.name !== 'audit show')) await both(...name.split(' '), '--json');
    await both('member', 'show', member.id);
    await both('member', 'show', member.id, '--json');
    await both('account', 'show', `${site.publicUrl}/acme/account/none`);
  });

  it('is refused in the same words, with the same exit status', async () => {
    for (const words of [
      ['member', 'show', 'nobody'],
      ['member', 'show', 'M!'],
      ['member', 'add', '--name', 'x', '--email', 'nonsense'],
      ['cert', 'show', 'xyz'],
      ['cert', 'revoke', '01ab', '--reason', '8'],
      ['cert', 'list', '--limit', '0'],
      ['domain', 'revoke'],
      ['nonsense'],
    ])
      assert.notEqual((await both(...words)).code, 0);
  });

  it('lists as many as are wanted, page by page, and says where there are more', async () => {
    for (const name of ['One', 'Two', 'Three']) await site.json('member', 'add', '--name', name, '--email', 'x@club.test');
    const more = await both('member', 'list', '--limit', '2', '--json');
    assert.equal(JSON.parse(more.stdout).length, 2);
    assert.match(more.stderr, /more than these 2; --limit shows more/);
    await both('member', 'list', '--limit', '4', '--json');
  });

  it('shows how far it is, and what is refused on the way', async () => {
    const [one, other] = [anId(), anId()];
    const db = await openDatabase(site.database);
    for (const memberId of [one, other])
      for (let i = 0; i < 201; i++) {
        const certificate = aCertificate({ memberId, orderId: `o-${memberId}-${i}`, notAfter: 4_000_000_000 });
        await db.transaction(trx => commitCertificate(trx, certificate, 60));
        await moveCertificate(db, certificate.serial, 'issued', firstFence, { der: Buffer.from('der') });
      }
    await db.destroy();
    const words = ['cert', 'revoke-all', '--json', '--member'];
    const [far, near] = [await remote([...words, one]), await site.run(...words, other)];
    assert.deepEqual(said(far), said(near));
    assert.deepEqual(JSON.parse(far.stdout), { matched: 201, revoked: 201, remaining: 0 });
    assert.equal(far.stderr, 'xmpp-ca: 200 revoked, where 201 matched\nxmpp-ca: 201 revoked, where 201 matched\n');
    const refused = await both('cert', 'revoke-all');
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    let answer: string | undefined = '';
    const server = createServer((_, res) => {
      res.setHeader('Content-Type', 'application/x-ndjson');
      if (answer === undefined) res.write('{"progress":"half"}\n', () => res.destroy());
      else res.end(answer);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const at = ['--server', `http://127.0.0.1:${(server.address() as AddressInfo).port}`, '--token', 'x'];
    const problem = { type: 'urn:ietf:params:acme:error:serverInternal', status: 500, detail: 'It went wrong.' };
    for (const [body, stderr] of [
      [`{"progress":"half"}\n${JSON.stringify({ problem })}\n`, /^xmpp-ca: half\nxmpp-ca: It went wrong\.\n$/],
      [undefined, /^xmpp-ca: half\nxmpp-ca: .*broke off its answer.*\n$/],
      ['{"progress":"half"}\n{"progress":"mo', /^xmpp-ca: half\nxmpp-ca: .*not as an admin API does\n$/],
    ] as const) {
      answer = body;
      const ran = await remote(['cert', 'revoke-all', '--member', one], {}, at);
      assert.deepEqual([ran.code, ran.stdout], [1, '']);
      assert.match(ran.stderr, stderr);
    }
    server.close();
  });

  it('takes the token by option, file or environment, and is refused with another', async () => {
    const { token } = await json('token', 'create', '--scope', 'read', '--label', 'remote');
    const [base, ca] = [there.slice(0, 2), there.slice(2, 4)];
    assert.equal((await remote(['member', 'list'], { XMPP_CA_TOKEN: token }, [...base, ...ca])).code, 0);
    assert.equal((await remote(['member', 'list'], {}, [...base, ...ca, '--token', token])).code, 0);
    const add = await remote(['member', 'add', '--name', 'x', '--email', 'x@club.test'], { XMPP_CA_TOKEN: token }, [...base, ...ca]);
    assert.deepEqual([add.code, add.stdout], [1, '']);
    assert.match(add.stderr, /^xmpp-ca: This needs a token with the scope "members"; this one has read\.\n$/);
    const wrong = await remote(['member', 'list'], { XMPP_CA_TOKEN: 'wrong' }, [...base, ...ca]);
    assert.deepEqual([wrong.code, wrong.stderr], [1, 'xmpp-ca: The token is unknown, has expired or was revoked.\n']);
  });

  it('says in one line what is wrong with the way there', async () => {
    const [base, ca, token] = [there.slice(0, 2), there.slice(2, 4), there.slice(4)];
    const nonsense = createServer((_, res) => res.writeHead(200).end('hello')).listen(0, '127.0.0.1');
    await once(nonsense, 'listening');
    const plain = `http://127.0.0.1:${(nonsense.address() as AddressInfo).port}`;
    await writeFile(join(elsewhere.folder, 'empty'), '');
    const cases: [string[], number, RegExp][] = [
      [[...base, ...ca], 2, /wants a token: --token, --token-file or XMPP_CA_TOKEN/],
      [[...base, ...ca, '--token-file', 'empty'], 2, /wants a token/],
      [[...base, ...ca, '--token', 'a b'], 2, /characters that no token has/],
      [[...base, ...ca, '--token-file', 'none'], 1, /--token-file: none cannot be read \(ENOENT\)/],
      [[...base, '--ca', 'none', ...token], 1, /--ca: none cannot be read \(ENOENT\)/],
      [['--server', 'nowhere', ...token], 2, /--server: is the origin of an admin listener/],
      [['--server', `${server.admin}/admin`, ...token], 2, /--server: is the origin/],
      [[...there, '--config', 'config.yaml'], 2, /--config is not read with --server/],
      [[...base, ...token], 1, /cannot be reached: .*--ca names a root to trust/],
      [['--server', `https://127.0.0.1:${await freePort()}`, ...ca, ...token], 1, /cannot be reached: .*ECONNREFUSED/],
      [['--server', plain, ...token], 1, /answered 200, and not as an admin API does/],
    ];
    for (const [options, code, why] of cases) {
      const ran = await remote(['member', 'list'], {}, options);
      assert.deepEqual([ran.code, ran.stdout], [code, ''], ran.stderr);
      assert.match(ran.stderr, /^xmpp-ca: [^\n]*\n$/);
      assert.match(ran.stderr, why);
    }
    nonsense.close();
    const local = await remote(['crl', 'root']);
    assert.deepEqual([local.code, local.stdout], [2, '']);
    assert.match(local.stderr, /--server: "crl root" needs a file of the operator's own/);
    for (const word of ['serve', 'init']) {
      const ran = await remote([word]);
      assert.deepEqual([ran.code, ran.stdout], [2, '']);
      assert.match(ran.stderr, /--server: a server is set up and started where it runs/);
    }
  });
});
