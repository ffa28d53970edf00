import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ConfigError, hostAndPort, namePolicy, parseConfig, readConfig } from '../src/config.ts';
import { only } from './kit/mutate.ts';

const refuses = (value: unknown, why: RegExp, env: NodeJS.ProcessEnv = {}) =>
  assert.throws(
    () => parseConfig(value, '/etc/ca', env),
    (error: unknown) => error instanceof ConfigError && why.test(error.message),
  );

describe('config', () => {
  it('has a default for every key', () => {
    const config = parseConfig(undefined, '/srv');
    assert.equal(config.publicUrl, 'https://localhost:8443');
    assert.equal(config.listen, '127.0.0.1:8443');
    assert.deepEqual(config.status, { listen: '127.0.0.1:8080', publicUrl: 'http://localhost:8080', crlShards: 1, crlDays: 7 });
    assert.deepEqual(config.admin, { listen: '127.0.0.1:8444', tls: undefined, requestsPerMinute: 600 });
    assert.equal(config.dataDir, '/srv/data');
    assert.equal(config.database, 'sqlite:/srv/data/ca.db');
    assert.deepEqual(config.keys, { encryptionKeyFile: '/srv/data/keys/kek' });
    assert.deepEqual(config.mail, { transport: 'file:/srv/data/mail', from: 'certmaster@localhost' });
    assert.deepEqual(config.validation.methods, ['email-mailbox-01', 'http-01', 'dns-01', 'tls-alpn-01']);
    assert.equal(config.validation.httpPort, 80);
    assert.equal(config.validation.tlsPort, 443);
    assert.equal(config.validation.allowPrivateAddresses, false);
    assert.deepEqual(config.policy.mailboxes, ['hostmaster', 'postmaster', 'webmaster']);
    assert.equal(config.policy.externalAccountRequired, true);
    assert.equal(config.policy.wildcards, false);
    assert.equal(config.policy.proofDays, 365);
    assert.equal(config.policy.cpsUrl, 'https://localhost:8443/cp-cps');
    assert.equal(parseConfig({ publicUrl: 'https://ca.example' }, '/').policy.cpsUrl, 'https://ca.example/cp-cps');
    assert.deepEqual(config.privacy, { keepAddressDays: 180, keepContactDays: 90 });
  });
  it('has paths that are relative to its folder, and absolute ones as they are', () => {
    const config = parseConfig(
      {
        dataDir: 'd',
        tls: { cert: 'c.pem', key: '/k.pem' },
        admin: { tls: { cert: '/a.pem', key: 'a.key' } },
        database: 'sqlite:x.db',
        mail: { transport: 'file:out', dkim: { domain: 'd', selector: 's', keyFile: 'dkim.pem' } },
        policy: { weakKeyLists: ['a', '/b'] },
      },
      '/etc/ca',
    );
    assert.deepEqual(config.tls, { cert: '/etc/ca/c.pem', key: '/k.pem' });
    assert.deepEqual(config.admin.tls, { cert: '/a.pem', key: '/etc/ca/a.key' });
    assert.equal(config.database, 'sqlite:/etc/ca/x.db');
    assert.equal(config.mail.transport, 'file:/etc/ca/out');
    assert.equal(config.mail.dkim?.keyFile, '/etc/ca/dkim.pem');
    assert.deepEqual(config.policy.weakKeyLists, ['/etc/ca/a', '/b']);
    assert.equal(config.keys.encryptionKeyFile, '/etc/ca/d/keys/kek');
  });
  it('is frozen all through', () => {
    const config = parseConfig({}, '/');
    assert.ok(Object.isFrozen(config) && Object.isFrozen(config.policy) && Object.isFrozen(config.policy.mailboxes));
  });
  it('takes DATABASE_URL and XMPP_CA_KEY from the environment', () => {
    const key = Buffer.alloc(32, 1).toString('base64');
    const config = parseConfig({ database: 'sqlite:a' }, '/', { DATABASE_URL: 'postgres://u:p@h/d', XMPP_CA_KEY: key });
    assert.equal(config.database, 'postgres://u:p@h/d');
    assert.equal(config.keys.encryptionKey, key);
  });

  describe('refuses', () => {
    const wrong: [value: unknown, why: RegExp][] = [
      [{ nonsense: 1 }, /^nonsense: there is no such key$/],
      [{ policy: { wildcard: true } }, /^policy\.wildcard: there is no such key$/],
      [{ publicUrl: 'https://ca.example/' }, /^publicUrl: is an origin/],
      [{ publicUrl: 'https://ca.example/acme' }, /publicUrl/],
      [{ publicUrl: 'ftp://ca.example' }, /publicUrl/],
      [{ publicUrl: 'ca.example' }, /publicUrl/],
      [{ status: { publicUrl: 'https://ca.example' } }, /status\.publicUrl/],
      [{ status: { crlShards: 1001 } }, /status\.crlShards/],
      [{ listen: '8443' }, /listen: is host:port/],
      [{ listen: '127.0.0.1' }, /listen/],
      [{ listen: '127.0.0.1:' }, /listen/],
      [{ tls: 'on' }, /tls/],
      [{ tls: { cert: 'a' } }, /tls/],
      [{ database: 'mysql://x' }, /database: is sqlite:FILE or postgres/],
      [{ validation: { methods: ['http-02'] } }, /validation\.methods/],
      [{ validation: { methods: [] } }, /validation\.methods/],
      [{ validation: { httpPort: 0 } }, /validation\.httpPort/],
      [{ validation: { tlsPort: 65536 } }, /validation\.tlsPort/],
      [{ validation: { resolvers: ['1.1.1.1'] } }, /validation\.resolvers/],
      [{ mail: { from: 'nobody' } }, /mail\.from: is a mail address/],
      [{ mail: { from: 'a@b\nBcc: c@d' } }, /mail\.from/],
      [{ mail: { transport: 'pigeon:x' } }, /mail\.transport/],
      [{ policy: { mailboxes: [] } }, /policy\.mailboxes/],
      [{ privacy: { keepAddressDays: 0 } }, /privacy\.keepAddressDays/],
      [{ privacy: { keepContactDays: 1.5 } }, /privacy\.keepContactDays/],
      [{ policy: { mailboxes: ['a@b'] } }, /policy\.mailboxes/],
      [{ policy: { maxNames: 0 } }, /policy\.maxNames/],
      [{ policy: { maxNames: 101 } }, /policy\.maxNames/],
      [{ policy: { proofDays: 0 } }, /policy\.proofDays/],
      [{ policy: { termsOfService: 'http://x.example' } }, /policy\.termsOfService/],
      [{ policy: { policyOids: ['1.2.x'] } }, /policy\.policyOids/],
      [{ policy: { policyOids: ['3.1.2'] } }, /policy\.policyOids/],
      [{ policy: { policyOids: ['1.3.06'] } }, /policy\.policyOids/],
      [{ policy: { policyOids: ['1.2.3', '1.2.3'] } }, /names a policy twice/],
      [{ policy: { federation: ' ' } }, /policy\.federation/],
      [{ policy: { contact: 'a\u0000b' } }, /policy\.contact: has no control/],
      [{ policy: { cpsUrl: '/cp-cps' } }, /policy\.cpsUrl/],
      [{ policy: { cpsUrl: 'https://münchen.example/' } }, /policy\.cpsUrl/],
      [{ policy: { externalAccountRequired: 'yes' } }, /policy\.externalAccountRequired/],
      ['text', /the file/],
      [[], /the file/],
      [7, /the file/],
    ];
    for (const [value, why] of wrong) it(JSON.stringify(value), () => refuses(value, why));
    it('a key in the environment that is none', () =>
      refuses({}, /^XMPP_CA_KEY: is 32 bytes in base64, or several such keys with commas between, the newest first$/, {
        XMPP_CA_KEY: 'abc',
      }));
    it('a database in the environment that is none', () => refuses({}, /^DATABASE_URL: /, { DATABASE_URL: 'abc' }));
    it('with all mistakes at once', () => {
      const error = only(ConfigError, () => parseConfig({ a: 1, b: 2, listen: 'x', policy: { c: 1 } }, '/', { XMPP_CA_KEY: 'x' }));
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(
        error.message
          .split('\n')
          .map(line => line.split(':')[0])
          .sort(),
        ['XMPP_CA_KEY', 'a', 'b', 'listen', 'policy.c'],
      );
    });
    it('or reads any JSON, and throws nothing but ConfigError', () => {
      const keys = fc.constantFrom(
        'publicUrl',
        'listen',
        'tls',
        'status',
        'admin',
        'keys',
        'database',
        'validation',
        'mail',
        'policy',
        'log',
        'x',
      );
      fc.assert(fc.property(fc.dictionary(keys, fc.jsonValue()), value => void only(ConfigError, () => parseConfig(value, '/'))));
    });
  });

  describe('file', () => {
    let folder: string;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'xmpp-ca-config-'));
    });
    after(() => rmSync(folder, { recursive: true }));
    const write = (text: string) => {
      const file = join(folder, 'config.yaml');
      writeFileSync(file, text);
      return file;
    };
    it('is read as YAML, by argument or by XMPP_CA_CONFIG', () => {
      const file = write('listen: 127.0.0.1:9\ndataDir: here\n');
      for (const config of [readConfig(file, {}), readConfig(undefined, { XMPP_CA_CONFIG: file })]) {
        assert.equal(config.listen, '127.0.0.1:9');
        assert.equal(config.dataDir, join(folder, 'here'));
        assert.equal(config.file, file);
      }
    });
    it('that is empty has the defaults', () => assert.equal(readConfig(write(''), {}).listen, '127.0.0.1:8443'));
    it('that is no YAML is named, in one line', () => {
      const file = write('a: [1\nb: }');
      assert.throws(
        () => readConfig(file, {}),
        (error: unknown) => error instanceof ConfigError && error.message.startsWith(file) && !error.message.includes('\n'),
      );
    });
    it('that is missing is named', () => {
      assert.throws(
        () => readConfig(join(folder, 'absent'), {}),
        (error: unknown) => error instanceof ConfigError && /absent/.test(error.message),
      );
    });
  });

  it('gives host and port', () => {
    assert.deepEqual(hostAndPort('127.0.0.1:80'), { host: '127.0.0.1', port: 80 });
    assert.deepEqual(hostAndPort('[::1]:443'), { host: '::1', port: 443 });
  });
  it('gives what names are held against', () => {
    const config = parseConfig({ policy: { wildcards: true, refuseNames: ['a.b'] }, validation: { allowPrivateAddresses: true } }, '/');
    assert.deepEqual(namePolicy(config), { wildcards: true, refuseNames: ['a.b'], specialUse: true });
  });
});
