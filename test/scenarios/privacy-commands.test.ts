import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../kit/acme-client.ts';
import { makeSite, runCommand, type ServerProcess, type Site } from '../kit/process.ts';

describe('keys and personal data, by commands beside a running server', () => {
  let site: Site;
  let server: ServerProcess;
  let id: string;
  before(async function () {
    this.timeout(60_000);
    site = await makeSite();
    server = site.serve();
    await server.ready;
    ({ id } = await site.json('member', 'add', '--name', 'Ada Byron', '--email', 'ada@byron.test'));
  });
  after(async () => {
    await site?.close();
  });
  const there = (...words: string[]) => {
    const data = join(site.folder, 'data');
    const at = ['--server', server.admin, '--ca', join(data, 'root.pem'), '--token-file', join(data, 'admin-token'), '--json'];
    return runCommand([...words, ...at], { cwd: tmpdir() });
  };
  const runThere = async (...words: string[]): Promise<Json> => {
    const { code, stdout, stderr } = await there(...words);
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  };

  it('the server goes on with a new key from one moment to the next', async () => {
    const before = await runThere('vault', 'status');
    const rotated = await site.json('vault', 'rotate');
    assert.notEqual(rotated.key, before.current);
    const after = await runThere('vault', 'status');
    assert.deepEqual([after.current, after.complete], [rotated.key, true]);
    assert.equal((await runThere('member', 'show', id)).name, 'Ada Byron');
    assert.equal((await runThere('member', 'list', '--email', 'ADA@byron.test')).length, 1);
    const added = await runThere('member', 'add', '--name', 'Grace Hopper', '--email', 'grace@hopper.test');
    assert.equal((await site.json('member', 'show', added.id)).name, 'Grace Hopper');
    const refused = await site.run('vault', 'retire');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /codes that were mailed before are good until/);
    assert.equal((await site.json('vault', 'retire', '--force')).retired.length, 1);
    assert.equal((await runThere('vault', 'status')).keys.length, 1);
    assert.equal((await runThere('member', 'show', id)).name, 'Ada Byron');
  }).timeout(120_000);

  it('an export goes into a new file for its owner alone', async () => {
    const file = join(site.folder, 'ada.json');
    assert.deepEqual(await site.json('member', 'export', id, '--output', file), { file });
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const document = JSON.parse(readFileSync(file, 'utf8'));
    assert.deepEqual([document.member.name, document.member.contacts], ['Ada Byron', ['ada@byron.test']]);
    const again = await site.run('member', 'export', id, '--output', file);
    assert.deepEqual([again.code, again.stdout], [1, '']);
    assert.equal((await runThere('member', 'export', id)).member.name, 'Ada Byron');
    const nobody = join(site.folder, 'nobody.json');
    assert.equal((await site.run('member', 'export', 'aaaaaaaaaaaaaaaa', '--output', nobody)).code, 1);
    assert.throws(() => statSync(nobody), 'nothing is left of what was refused');
  }).timeout(120_000);

  it('a member is erased, here as at the server', async () => {
    const refused = await there('member', 'erase', id);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /is active: "member remove" first/);
    assert.ok((await runThere('member', 'erase', id, '--force')).erasedAt);
    assert.equal((await site.json('member', 'show', id)).name, '');
    for (const text of [server.output.stdout, server.output.stderr]) assert.doesNotMatch(text, /Ada|byron/i);
  }).timeout(120_000);

  it('no other command can be given a file', async () => {
    assert.equal((await site.run('member', 'show', id, '--output', 'x')).code, 2);
  });
});
