import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { listenerCredential, type OpenCredential, renewResponders, responderCredential } from '../../../src/ca/authority/credentials.ts';
import { ocspResponder } from '../../../src/ca/revocation/answer-ocsp.ts';
import { parseSerial } from '../../../src/model/certificate.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { findCertificate } from '../../../src/store/certificates.ts';
import { takeLease } from '../../../src/store/leases.ts';
import { issued, openTestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { ocspRequest, readOcsp } from '../../kit/status.ts';

const day = 86400;
const same = (a: OpenCredential, b: OpenCredential) => Buffer.from(a.certificate).equals(b.certificate);

describe("the authority's own certificates", () => {
  const at = opened(() => openTestCtx(), 'each');

  it('are made once, committed like every other, and opened again by the next process', async () => {
    const first = await listenerCredential(at.ctx, 'public');
    const again = await listenerCredential((await at.another()).ctx, 'public');
    assert.deepEqual(Buffer.from(again.certificate), Buffer.from(first.certificate));
    assert.deepEqual(Buffer.from(again.key), Buffer.from(first.key));
    const leaf = new X509Certificate(first.certificate);
    assert.equal(leaf.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1');
    const row = await findCertificate(at.ctx.db, parseSerial(leaf.serialNumber) ?? '');
    assert.equal(row?.state, 'issued');
    assert.ok(Buffer.from(row.der ?? []).equals(first.certificate));
    assert.deepEqual(
      (await listAudit(at.ctx.db, { action: 'credential.issued' })).toReversed().map(e => e.detail),
      [{ purpose: 'tls', holder: 'localhost' }],
    );
  });

  it('have keys that lie encrypted in the database', async () => {
    const { key } = await listenerCredential(at.ctx, 'public');
    const row = await at.ctx.db('credentials').first();
    assert.equal(Buffer.from(row.key).includes(Buffer.from(key.subarray(-32))), false);
    assert.throws(() => new X509Certificate(row.key));
  });

  it('are renewed when half of their life is over', async () => {
    const first = await listenerCredential(at.ctx, 'public');
    at.clock.now += 44 * day;
    assert.ok(same(await listenerCredential(at.ctx, 'public'), first));
    at.clock.now += 2 * day;
    const second = await listenerCredential(at.ctx, 'public');
    assert.equal(same(second, first), false);
    assert.ok(second.notAfter > first.notAfter);
    const issuer = at.ctx.authority.active;
    const responder = await responderCredential(at.ctx, issuer);
    at.clock.now += 8 * day;
    assert.equal(same(await responderCredential(at.ctx, issuer), responder), false);
  });

  it('are not those of another host', async () => {
    await listenerCredential(at.ctx, 'public');
    const elsewhere = { ...at.ctx, config: { ...at.ctx.config, publicUrl: 'https://ca.example.org' } };
    const leaf = new X509Certificate((await listenerCredential(elsewhere, 'public')).certificate);
    assert.equal(leaf.subjectAltName, 'DNS:ca.example.org, IP Address:127.0.0.1');
  });

  for (const [host, address, says] of [
    ['192.0.2.7', '192.0.2.7', '192.0.2.7'],
    ['[::1]', '::1', '0:0:0:0:0:0:0:1'],
    ['[2001:db8::a:0:1]', '2001:db8::a:0:1', '2001:DB8:0:0:0:A:0:1'],
    ['[::ffff:192.0.2.7]', '::ffff:192.0.2.7', '0:0:0:0:0:FFFF:C000:207'],
  ] as const)
    it(`name the address where the public URL does: ${host}`, async () => {
      const publicUrl = new URL(`https://${host}:8443`).origin;
      const certificate = await listenerCredential({ ...at.ctx, config: { ...at.ctx.config, publicUrl } }, 'public');
      const leaf = new X509Certificate(certificate.certificate);
      assert.equal(leaf.subjectAltName, `DNS:localhost, IP Address:${says}, IP Address:127.0.0.1`);
      assert.ok(leaf.checkIP(address));
    });

  it('of the admin listener are its own, and name the address that it listens on', async () => {
    const names = async (listen: string) => {
      const ctx = { ...at.ctx, config: { ...at.ctx.config, admin: { ...at.ctx.config.admin, listen } } };
      return new X509Certificate((await listenerCredential(ctx, 'admin')).certificate).subjectAltName;
    };
    assert.equal(await names('127.0.0.1:8444'), 'DNS:localhost, IP Address:127.0.0.1');
    assert.equal(await names('192.0.2.7:8444'), 'DNS:localhost, IP Address:192.0.2.7, IP Address:127.0.0.1');
    assert.equal(await names('[::1]:8444'), 'DNS:localhost, IP Address:0:0:0:0:0:0:0:1, IP Address:127.0.0.1');
    for (const all of ['0.0.0.0:8444', '[::]:8444', 'admin.internal:8444'])
      assert.equal(await names(all), 'DNS:localhost, IP Address:127.0.0.1');
    assert.equal(same(await listenerCredential(at.ctx, 'admin'), await listenerCredential(at.ctx, 'public')), false);
  });

  it('are made by one process of many, which the others wait for', async () => {
    const others = [await at.another(), await at.another()];
    const made = await Promise.all([at, ...others].map(({ ctx }) => responderCredential(ctx, ctx.authority.active)));
    assert.ok(made.every(each => same(each, made[0]!)));
    assert.equal((await listAudit(at.ctx.db, { action: 'credential.issued' })).length, 1);
  });

  it('are made after all where a process was killed while it made one', async function () {
    this.timeout(30_000);
    await responderCredential(at.ctx, at.ctx.authority.active);
    const { name } = await at.ctx.db('leases').where('name', 'like', 'ocsp:%').first();
    await at.ctx.db('credentials').delete();
    assert.ok(await takeLease(at.ctx.db, name, 'killed', 2));
    await responderCredential(at.ctx, at.ctx.authority.active);
  });

  it('are renewed by the clock, and until that is done the one before serves', async () => {
    const issuer = at.ctx.authority.active;
    const first = await responderCredential(at.ctx, issuer);
    at.clock.now += 8 * day;
    const fence = await takeLease(at.ctx.db, (await at.ctx.db('leases').where('name', 'like', 'ocsp:%').first()).name, 'elsewhere', 60);
    assert.ok(fence !== undefined);
    assert.ok(same(await responderCredential(at.ctx, issuer), first));
    await at.ctx.db('leases').update({ until: 0 });
    const other = await at.another();
    await Promise.all([renewResponders(at.ctx), renewResponders(other.ctx)]);
    await renewResponders(other.ctx);
    assert.equal((await listAudit(at.ctx.db, { action: 'credential.issued' })).length, 2);
    assert.equal(same(await responderCredential(at.ctx, issuer), first), false);
  });

  it('of an issuer that is near its end last as long as it, and are not made again and again', async () => {
    const issuer = at.ctx.authority.active;
    at.clock.now = issuer.notAfter - day;
    const last = await responderCredential(at.ctx, issuer);
    assert.equal(last.notAfter, issuer.notAfter);
    at.clock.now += day / 2;
    await renewResponders(at.ctx);
    assert.ok(same(await responderCredential(at.ctx, issuer), last));
    at.clock.now += day;
    await renewResponders(at.ctx);
    assert.equal((await listAudit(at.ctx.db, { action: 'credential.issued' })).length, 1);
  });

  it('let OCSP go on through the years: each answer is signed by a responder that is valid then', async () => {
    const answer = ocspResponder(at.ctx);
    const responders = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const { serial } = await issued(at, [`n${i}.test`]);
      const { status, responderCertificate } = readOcsp(await answer(ocspRequest(at.ctx, serial)));
      assert.equal(status, 'good');
      const responder = new X509Certificate(Buffer.from(responderCertificate ?? []));
      assert.ok(Date.parse(responder.validFrom) <= at.clock.now * 1000);
      assert.ok(Date.parse(responder.validTo) > (at.clock.now + day) * 1000);
      assert.ok(responder.verify(new X509Certificate(at.ctx.authority.active.certificate).publicKey));
      responders.add(responder.serialNumber);
      at.clock.now += 9 * day;
    }
    assert.ok(responders.size > 4);
  });
});
