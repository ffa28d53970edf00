import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { signCommitted } from '../../../src/ca/authority/sign-committed.ts';
import { fromPem } from '../../../src/model/encoding.ts';
import { fileSigner } from '../../../src/pki/keys.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { findCertificate } from '../../../src/store/certificates.ts';
import { newestCrl } from '../../../src/store/crls.ts';
import { engines } from '../../kit/ca.ts';
import { crashedWhileSigning, issued, openTestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';

for (const engine of engines) {
  describe(`the hierarchy (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));

    const file = (...path: string[]) => join(at.folder, 'data', ...path);
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

    it('is a root and an issuing CA that it signed', () => {
      const root = new X509Certificate(readFileSync(file('root.pem')));
      const issuing = new X509Certificate(readFileSync(file('issuing.pem')));
      assert.ok(root.ca && issuing.ca && root.verify(root.publicKey) && issuing.verify(root.publicKey) && issuing.checkIssued(root));
      assert.deepEqual(
        [root.publicKey.asymmetricKeyDetails?.namedCurve, issuing.publicKey.asymmetricKeyDetails?.namedCurve],
        ['secp384r1', 'prime256v1'],
      );
      const { authority } = at.ctx;
      assert.ok(Buffer.from(authority.root.certificate).equals(root.raw));
      assert.ok(Buffer.from(authority.active.certificate).equals(issuing.raw));
      assert.equal(authority.root.signer, undefined, 'the root’s key is not loaded');
      assert.equal(authority.issuers.size, 2);
    });

    it('has a CRL of the root, and audit rows', async () => {
      const crl = await newestCrl(at.ctx.db, { issuerId: at.ctx.authority.root.id, shard: 0 });
      assert.ok(crl && crl.nextUpdate > at.clock.now + 365 * 86400);
      assert.equal((await listAudit(at.ctx.db, { action: 'authority.created' })).length, 1);
      assert.equal((await listAudit(at.ctx.db, { action: 'issuer.created' })).length, 1);
    });

    it('is found as it was by the next process', async () => {
      const before = readFileSync(file('root.pem'), 'utf8');
      const { ctx } = await at.another();
      assert.equal(ctx.authority.active.id, at.ctx.authority.active.id);
      assert.ok(Buffer.from(ctx.authority.root.certificate).equals(at.ctx.authority.root.certificate));
      assert.equal(readFileSync(file('root.pem'), 'utf8'), before);
      assert.equal((await at.ctx.db('issuers')).length, 2);
      // It signs with the same key.
      const { serial } = await crashedWhileSigning(at);
      const certificate = await findCertificate(ctx.db, serial);
      assert.ok(certificate && (await signCommitted(ctx, certificate)));
    });

    it('writes the anchors again where somebody took them away', async () => {
      rmSync(file('root.pem'));
      rmSync(file('issuing.pem'));
      await at.another();
      assert.ok(
        Buffer.from(fromPem('CERTIFICATE', readFileSync(file('root.pem'), 'utf8'))[0] ?? []).equals(at.ctx.authority.root.certificate),
      );
      assert.equal(mode(file('root.pem')), '644');
    });

    it('keeps its secrets from others on the machine', () => {
      assert.equal(mode(file()), '700');
      assert.equal(mode(file('keys')), '700');
      assert.deepEqual(readdirSync(file('keys')).sort(), ['kek', 'root.key']);
      for (const name of ['kek', 'root.key']) assert.equal(mode(file('keys', name)), '600');
      assert.deepEqual(
        readdirSync(file()).filter(name => name.endsWith('.tmp')),
        [],
      );
    });

    it('seals the root’s key: nobody reads it without the key-encryption key', () => {
      const [sealed] = fromPem('XMPP-CA SEALED KEY', readFileSync(file('keys/root.key'), 'utf8'));
      assert.ok(sealed);
      assert.throws(() => fileSigner(sealed));
      const place = { in: 'file.root.key', row: at.ctx.authority.root.id } as const;
      const opened = fileSigner(at.ctx.vault.open(place, sealed));
      assert.ok(Buffer.from(opened.spki).equals(at.ctx.authority.root.spki));
      assert.throws(() => at.ctx.vault.open({ ...place, row: 'another' }, sealed));
      const flipped = Buffer.from(sealed);
      flipped[30] = (flipped[30] ?? 0) ^ 1;
      assert.throws(() => at.ctx.vault.open(place, flipped));
    });

    it('keeps the issuing key encrypted in the database, bound to its place', async () => {
      const row = await at.ctx.db('issuers').where({ kind: 'issuing' }).first();
      assert.throws(() => fileSigner(row.key));
      assert.throws(() => at.ctx.vault.open({ in: 'credentials.key', row: row.id }, row.key));
      assert.equal((await at.ctx.db('issuers').where({ kind: 'root' }).first()).key, null);
    });

    it('is refused to another key-encryption key, in words', async () => {
      const XMPP_CA_KEY = Buffer.alloc(32, 7).toString('base64');
      await assert.rejects(at.another({ env: { XMPP_CA_KEY } }), (error: Error) => {
        assert.match(error.message, /made with another key-encryption key .*kek or XMPP_CA_KEY/);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
      // A data folder without the key makes one of its own; it is not that of the database.
      await assert.rejects(
        at.another({ dataDir: 'elsewhere' }),
        /the key-encryption key that the database was made with .* is not at .*kek/,
      );
      assert.equal(existsSync(file('..', 'elsewhere', 'keys', 'kek')), false, 'no other key takes its place');
      await at.another({ env: { XMPP_CA_KEY: readFileSync(file('keys/kek'), 'utf8').trim() } });
    });

    it('issues what its root vouches for', async () => {
      const certificate = await issued(at);
      const leaf = new X509Certificate(certificate.der ?? Buffer.alloc(0));
      const issuing = new X509Certificate(at.ctx.authority.active.certificate);
      assert.ok(leaf.checkIssued(issuing) && leaf.verify(issuing.publicKey));
      await at.ctx.background.settled();
    });
  });
}
