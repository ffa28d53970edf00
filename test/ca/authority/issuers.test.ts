import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reloadAuthority } from '../../../src/ca/authority/hierarchy.ts';
import { publishDueCrls } from '../../../src/ca/authority/publish-crl.ts';
import { ocspResponder } from '../../../src/ca/revocation/answer-ocsp.ts';
import { revoke } from '../../../src/ca/revocation/revoke.ts';
import { operator } from '../../../src/model/audit.ts';
import type { Certificate } from '../../../src/model/certificate.ts';
import { pem } from '../../../src/model/encoding.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { newestCrl } from '../../../src/store/crls.ts';
import type { Json } from '../../kit/acme-client.ts';
import { engines } from '../../kit/ca.ts';
import { issued, openTestCtx, type TestCtx } from '../../kit/ctx.ts';
import { Folder, opensslSays } from '../../kit/hierarchy.ts';
import { ocspRequest, readCrl, readOcsp } from '../../kit/status.ts';

for (const engine of engines) {
  describe(`issuing CAs that come and go (${engine})`, () => {
    let at: TestCtx;
    let folder: Folder;
    let first: Certificate;
    let second: Certificate;
    let old: string;
    let made: Json;
    before(async () => {
      at = await openTestCtx({ engine });
      folder = new Folder();
      first = await issued(at, ['old.test']);
      second = await issued(at, ['older.test']);
      old = at.ctx.authority.active.id;
    });
    after(async () => {
      await at.ctx.background.settled();
      await at.close();
      folder.remove();
    });

    const keyFile = () => join(at.folder, 'data', 'keys', 'root.key');
    const crlOf = async (issuerId: string) => {
      await publishDueCrls(at.ctx);
      return (await newestCrl(at.ctx.db, { issuerId, shard: 0 }))?.der ?? Buffer.alloc(0);
    };

    /** What openssl says of a certificate against all our CRLs. */
    async function verify(certificate: Certificate): Promise<{ code: number | null; text: string }> {
      const { root, issuers } = at.ctx.authority;
      const issuer = issuers.get(certificate.issuerId);
      const crls = [await crlOf(root.id), await crlOf(certificate.issuerId)];
      const write = (name: string, label: string, der: Uint8Array) => folder.write(name, pem(label, der));
      return opensslSays(
        ...['verify', '-x509_strict', '-crl_check_all', '-attime', String(at.clock.now)],
        ...['-CAfile', write('root.pem', 'CERTIFICATE', root.certificate)],
        ...['-untrusted', write('issuer.pem', 'CERTIFICATE', issuer?.certificate ?? Buffer.alloc(0))],
        ...crls.flatMap((der, i) => ['-CRLfile', write(`${i}.crl`, 'X509 CRL', der)]),
        write('leaf.pem', 'CERTIFICATE', certificate.der ?? Buffer.alloc(0)),
      );
    }

    it('a new one is made by the root, under a name of its own, and signs nothing yet', async () => {
      made = await at.run('issuer create');
      assert.equal(made['status'], 'standby');
      const certificate = new X509Certificate(made['pem']);
      const root = new X509Certificate(at.ctx.authority.root.certificate);
      assert.ok(certificate.checkIssued(root) && certificate.verify(root.publicKey));
      assert.match(certificate.subject, /issuing CA 2 /);
      assert.equal((await issued(at, ['still.test'])).issuerId, old);
      assert.deepEqual(
        readCrl(await crlOf(made['id']), { spki: at.ctx.authority.issuers.get(made['id'])?.spki ?? Buffer.alloc(0) }).serials,
        [],
      );
    });

    it('another process takes the change up without a stop, and the file of the chain follows', async () => {
      const other = await at.another();
      await at.run('issuer activate', { id: made['id'] });
      await reloadAuthority(other.ctx);
      for (const { ctx } of [at, other]) assert.equal(ctx.authority.active.id, made['id']);
      assert.equal(readFileSync(join(at.folder, 'data', 'issuing.pem'), 'utf8'), made['pem']);
      const { active } = other.ctx.authority;
      await reloadAuthority(other.ctx);
      assert.equal(other.ctx.authority.active, active, 'nothing is read again while nothing changes');
    });

    it('both answer for what they have issued, with CRL and OCSP, and openssl believes both', async () => {
      const after = await issued(at, ['new.test']);
      assert.equal(after.issuerId, made['id']);
      const answer = ocspResponder(at.ctx);
      for (const certificate of [first, after]) {
        const issuer = at.ctx.authority.issuers.get(certificate.issuerId);
        assert.ok(issuer);
        const asked = ocspRequest({ ...at.ctx, authority: { ...at.ctx.authority, active: issuer as never } }, certificate.serial);
        assert.equal(readOcsp(await answer(asked)).status, 'good');
        const said = await verify(certificate);
        assert.equal(said.code, 0, said.text);
        await revoke(at.ctx, certificate, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
        assert.equal(readOcsp(await answer(asked)).status, 'revoked');
        assert.match((await verify(certificate)).text, /certificate revoked/);
      }
    });

    it('one that is revoked stands in the CRL of the root, and what it issued is no longer believed', async () => {
      await assert.rejects(at.run('issuer revoke', { id: made['id'] }), /is the active one/);
      const still = await issued(at, ['c.test']);
      const shown = await at.run('issuer revoke', { id: old, reason: 'superseded' });
      assert.deepEqual([shown['status'], shown['reason']], ['revoked', 'superseded']);
      const said = await verify(second);
      assert.match(said.text, /error 23 at 1 depth lookup: certificate revoked/);
      assert.equal((await verify(still)).code, 0);
      await assert.rejects(at.run('issuer revoke', { id: old }), /revoked already/);
      await assert.rejects(at.run('issuer activate', { id: old }), /or it was revoked/);
      assert.deepEqual((await at.run('issuer list')).map((i: Json) => i['status']).sort(), ['active', 'offline', 'revoked']);
    });

    it('the root’s CRL is signed anew by a command, with a number that rises', async () => {
      const number = async () => (await newestCrl(at.ctx.db, { issuerId: at.ctx.authority.root.id, shard: 0 }))?.number ?? 0;
      const first = await number();
      const crl = await at.run('crl root');
      assert.equal(crl['number'], await number());
      assert.ok((await number()) > first);
      at.clock.now += 300 * 86400;
      assert.ok(Date.parse((await at.run('crl root'))['nextUpdate']) > (at.clock.now + 365 * 86400) * 1000);
    });

    it('each of two that are made or signed at once has a number of its own', async () => {
      const crls = await Promise.all([at.run('crl root'), at.run('crl root')]);
      assert.notEqual(crls[0]?.['number'], crls[1]?.['number']);
      const made = await Promise.all([at.run('issuer create'), at.run('issuer create')]);
      const [one, other] = made.map(each => new X509Certificate(each['pem']).subject);
      assert.notEqual(one, other);
    });

    it('without the root’s key nothing of it is done, and it says what is wanting', async () => {
      renameSync(keyFile(), join(at.folder, 'taken-away.key'));
      await assert.rejects(at.run('crl root'), /root's key cannot be read at .*root\.key \(ENOENT\): bring the file back/);
      await assert.rejects(at.run('issuer create'), /cannot be read/);
      assert.ok(await at.run('crl root', { rootKey: join(at.folder, 'taken-away.key') }));
      writeFileSync(keyFile(), 'nothing');
      await assert.rejects(at.run('crl root'), /is not the key of this root/);
      writeFileSync(keyFile(), readFileSync(join(at.folder, 'data', 'root.pem')));
      await assert.rejects(at.run('crl root'), /is not the key of this root/);
    });

    it('each step is in the audit log', async () => {
      for (const [action, count] of [
        ['issuer.created', 4],
        ['issuer.activated', 1],
        ['issuer.revoked', 1],
      ] as const)
        assert.equal((await listAudit(at.ctx.db, { action })).length, count, action);
    });
  });
}
