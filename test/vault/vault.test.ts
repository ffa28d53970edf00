import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseConfig } from '../../src/config.ts';
import { addKey, dropKeys } from '../../src/vault/key-file.ts';
import { createVault, keyIdOf, openVault } from '../../src/vault/vault.ts';
import { flushedFolders } from '../kit/flushed.ts';

const key = Buffer.alloc(32, 7);
const vault = createVault(key, randomBytes);
const place = { in: 'eab_keys.secret', row: 'kid' } as const;
const secret = Buffer.from('secret');

describe('vault', () => {
  it('opens what it sealed', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => assert.deepEqual(Buffer.from(vault.open(place, vault.seal(place, bytes))), Buffer.from(bytes))),
    );
  });
  it('seals the same secret differently each time', () => assert.notDeepEqual(vault.seal(place, secret), vault.seal(place, secret)));
  it('begins with the key’s name, which is not the key', () => {
    const sealed = Buffer.from(vault.seal(place, secret));
    assert.equal(sealed.subarray(0, 8).toString('hex'), vault.keyId);
    assert.equal(sealed.length, 8 + 12 + secret.length + 16);
    assert.ok(!sealed.includes(secret) && !key.toString('hex').includes(vault.keyId));
  });
  for (const [what, other] of [
    ['table', { ...place, in: 'webhooks.secret' }],
    ['column', { ...place, in: 'eab_keys.label_sealed' }],
    ['row', { ...place, row: 'other' }],
  ] as const)
    it(`refuses a ciphertext that was moved to another ${what}`, () => {
      assert.throws(() => vault.open(other, vault.seal(place, secret)));
    });
  it('opens what an earlier version has sealed', () => {
    const sealed = Buffer.from('4bb06f8e4e3a7715090909090909090909090909003070faca5b9d9e5ef908e0c3faf442f033cdfee669', 'hex');
    assert.deepEqual(Buffer.from(vault.open(place, sealed)), secret);
  });
  it('refuses another key and names both, but tells neither', () => {
    const other = createVault(Buffer.alloc(32, 8), randomBytes);
    assert.throws(
      () => other.open(place, vault.seal(place, secret)),
      new RegExp(`another key-encryption key \\(${vault.keyId}, not ${other.keyId}\\)`),
    );
  });
  it('refuses every bit that was flipped and every cut', () => {
    const sealed = Buffer.from(vault.seal(place, secret));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const wrong = Buffer.from(sealed);
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => vault.open(place, wrong));
    }
    for (let length = 0; length < sealed.length; length++) assert.throws(() => vault.open(place, sealed.subarray(0, length)));
  });

  describe('mac', () => {
    it('is the same for the same parts and another for any other', () => {
      const hex = (purpose: string, ...parts: (string | Uint8Array)[]) => Buffer.from(vault.mac(purpose, ...parts)).toString('hex');
      assert.equal(hex('p', 'a', 'b'), hex('p', Buffer.from('a'), 'b'));
      const all = [
        hex('p', 'a', 'b'),
        hex('p', 'ab'),
        hex('p', 'ab', ''),
        hex('p', '', 'ab'),
        hex('p', 'b', 'a'),
        hex('q', 'a', 'b'),
        hex('p', 'a', 'b', ''),
        hex('p'),
      ];
      assert.equal(new Set(all).size, all.length);
      assert.ok(all.every(mac => mac.length === 64));
    });
    it('depends on the key', () => assert.notDeepEqual(createVault(Buffer.alloc(32, 8), randomBytes).mac('p', 'a'), vault.mac('p', 'a')));
    it('never is the same for different lists of parts', () => {
      const parts = fc.array(fc.string({ maxLength: 3 }), { maxLength: 4 });
      fc.assert(
        fc.property(parts, parts, (a, b) => {
          assert.equal(Buffer.from(vault.mac('p', ...a)).equals(vault.mac('p', ...b)), JSON.stringify(a) === JSON.stringify(b));
        }),
      );
    });
  });

  describe('of several keys', () => {
    const [old, anew] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const before = createVault(old, randomBytes);
    const both = createVault(() => keys, randomBytes);
    const keys = [anew, old];
    const place = { in: 'members.personal', row: 'r' } as const;

    it('seals under the newest, and opens under all', () => {
      assert.deepEqual(both.keyIds, [both.keyId, before.keyId]);
      const sealed = both.seal(place, secret);
      assert.equal(Buffer.from(sealed).subarray(0, 8).toString('hex'), both.keyId);
      for (const bytes of [sealed, before.seal(place, secret)]) assert.deepEqual(Buffer.from(both.open(place, bytes)), Buffer.from(secret));
      assert.throws(() => before.open(place, sealed), new RegExp(`${both.keyId}, not ${before.keyId}`));
    });
    it('does not open under one what names another', () => {
      const sealed = Buffer.from(before.seal(place, secret));
      Buffer.from(both.keyId, 'hex').copy(sealed);
      assert.throws(() => both.open(place, sealed));
    });
    it('knows its MACs under all, and makes them under the newest', () => {
      assert.deepEqual(both.macs('p', 'a'), [both.mac('p', 'a'), before.mac('p', 'a')]);
      for (const mac of [both.mac('p', 'a'), before.mac('p', 'a')]) assert.ok(both.isMac(mac, 'p', 'a'));
      assert.ok(!before.isMac(both.mac('p', 'a'), 'p', 'a'));
      assert.ok(!both.isMac(before.mac('p', 'a'), 'q', 'a') && !both.isMac(new Uint8Array(), 'p', 'a'));
    });
    it('takes up others as its source has them', () => {
      let source = [old];
      const vault = createVault(() => source, randomBytes);
      assert.equal(vault.keyId, before.keyId);
      source = [anew, old];
      assert.equal(vault.keyId, both.keyId);
    });
  });

  describe('key file', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'xmpp-ca-vault-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));
    const open = (env: NodeJS.ProcessEnv = {}) => openVault(parseConfig({ dataDir: 'data' }, folder, env), randomBytes);
    const file = () => join(folder, 'data', 'keys', 'kek');

    it('is made on the first start, for its owner only, and used from then on', () => {
      const first = open();
      assert.equal(statSync(file()).mode & 0o777, 0o600);
      assert.equal(statSync(join(folder, 'data', 'keys')).mode & 0o777, 0o700);
      assert.equal(Buffer.from(readFileSync(file(), 'utf8'), 'base64').length, 32);
      assert.equal(open().keyId, first.keyId);
      assert.deepEqual(readdirSync(join(folder, 'data', 'keys')), ['kek']);
    });
    it('that lies there is never replaced', () => {
      open();
      const before = readFileSync(file());
      open();
      assert.deepEqual(readFileSync(file()), before);
    });
    it('of another size is refused, by its name', () => {
      open();
      writeFileSync(file(), Buffer.alloc(31).toString('base64'));
      assert.throws(open, new RegExp(`${file()} is not a key-encryption key`));
    });
    it('that changes is taken up at the next use; while it is gone or half written, what was read serves', () => {
      const vault = open();
      const [first] = vault.keyIds;
      addKey(file(), randomBytes);
      const [second] = vault.keyIds;
      assert.deepEqual(vault.keyIds, [second, first]);
      assert.notEqual(second, first);
      const text = readFileSync(file(), 'utf8');
      writeFileSync(file(), text.slice(0, 50));
      assert.deepEqual(vault.keyIds, [second, first]);
      rmSync(file());
      assert.deepEqual(vault.keyIds, [second, first]);
      writeFileSync(file(), `\n${text}\n${text}`);
      assert.deepEqual(vault.keyIds, [second, first], 'each key once');
      dropKeys(file(), key => keyIdOf(key) === first);
      assert.deepEqual(vault.keyIds, [second]);
      dropKeys(file(), () => true);
      assert.deepEqual(vault.keyIds, [second], 'the newest is never dropped');
      assert.deepEqual(readdirSync(join(folder, 'data', 'keys')), ['kek']);
    });
    it('keeps mode and owner through a change: the server must go on reading it', () => {
      open();
      // Whoever may give files away calls this for another user.
      const uid = process.getuid?.() === 0 ? 12345 : statSync(file()).uid;
      chownSync(file(), uid, statSync(file()).gid);
      addKey(file(), randomBytes);
      assert.deepEqual([statSync(file()).mode & 0o777, statSync(file()).uid], [0o600, uid]);
    });
    it('outlives a power failure once it is made or changed: its folder is written too', () => {
      const keys = join(folder, 'data', 'keys');
      assert.deepEqual(
        flushedFolders(() => open()),
        [folder, join(folder, 'data'), keys],
      );
      for (const change of [() => addKey(file(), randomBytes), () => dropKeys(file(), () => true)])
        assert.deepEqual(flushedFolders(change), [keys]);
    });
    it('with several keys gives way to the environment with several', () => {
      const two = [Buffer.alloc(32, 3), key].map(k => k.toString('base64')).join(',');
      assert.deepEqual(open({ XMPP_CA_KEY: two }).keyIds[1], vault.keyId);
      for (const wrong of [`${two},`, `,${two}`, 'x', `${two},AAAA`])
        assert.throws(() => open({ XMPP_CA_KEY: wrong }), /XMPP_CA_KEY: is 32 bytes in base64, or several/);
    });
    it('gives way to the environment', () => {
      assert.equal(open({ XMPP_CA_KEY: key.toString('base64') }).keyId, vault.keyId);
      assert.ok(!existsSync(file()));
    });
  });
});
