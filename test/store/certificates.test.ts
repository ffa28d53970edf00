import assert from 'node:assert/strict';
import type { Certificate } from '../../src/model/certificate.ts';
import { blockKey, keyStanding } from '../../src/store/blocked-keys.ts';
import type { CertificateFilter } from '../../src/store/certificate-filter.ts';
import {
  abandonCertificate,
  claimCommitted,
  commitCertificate,
  countLiving,
  findCertificate,
  findStatus,
  firstFence,
  listCertificates,
  moveCertificate,
  revokeCertificates,
} from '../../src/store/certificates.ts';
import { isDuplicate } from '../../src/store/open.ts';
import { findCertificateByOrder } from '../kit/certificate-of-order.ts';
import { onEachEngine } from '../kit/database.ts';
import { aCertificate, anId, at0, bytes } from '../kit/records.ts';

onEachEngine('the store of certificates', at => {
  const commit = (certificate: Certificate, seconds = 30) => at.db.transaction(trx => commitCertificate(trx, certificate, seconds));
  const der = bytes('der');

  async function issued(more: Partial<Certificate> = {}): Promise<Certificate> {
    const certificate = aCertificate(more);
    await commit(certificate);
    assert.equal(await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der }), true);
    return { ...certificate, state: 'issued', der };
  }

  it('gives a certificate back with and without its optional members', async () => {
    const bare = aCertificate();
    const full = aCertificate({ orderId: anId(), accountId: anId(), memberId: anId(), names: ['im.test', 'b.im.test'] });
    await commit(bare);
    await commit(full);
    assert.deepEqual(await findCertificate(at.db, bare.serial), bare);
    assert.deepEqual(await findCertificateByOrder(at.db, full.orderId ?? ''), full);
    await moveCertificate(at.db, full.serial, 'issued', firstFence, { der });
    const revocation = { at: at0 + 5, reason: 'superseded', by: 'operator' } as const;
    assert.deepEqual(
      (await revokeCertificates(at.db, [full.serial], revocation)).map(c => c.serial),
      [full.serial],
    );
    assert.deepEqual(await findCertificate(at.db, full.serial), { ...full, state: 'issued', der, revocation });
    const { issuerId, profile, notAfter } = full;
    assert.deepEqual(await findStatus(at.db, full.serial), { issuerId, profile, state: 'issued', notAfter, revocation });
    assert.equal((await findStatus(at.db, bare.serial))?.revocation, undefined);
    for (const find of [findCertificate, findStatus]) assert.equal(await find(at.db, '01ff'), undefined);
    assert.equal(await findCertificateByOrder(at.db, 'none'), undefined);
  });

  it('knows a serial once, and an order once', async () => {
    const certificate = aCertificate({ orderId: anId() });
    await commit(certificate);
    await assert.rejects(commit(certificate), isDuplicate);
    await assert.rejects(commit(aCertificate({ orderId: certificate.orderId ?? '' })), isDuplicate);
    // Any number of our own, which have no order.
    await commit(aCertificate());
    await commit(aCertificate());
  });

  it('leaves committed once, by the holder of the claim', async () => {
    const certificate = aCertificate();
    await commit(certificate);
    assert.equal(await moveCertificate(at.db, certificate.serial, 'issued', firstFence + 1, { der }), false);
    assert.equal(await abandonCertificate(at.db, certificate.serial, firstFence + 1, at0), false);
    assert.equal(await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der }), true);
    assert.equal(await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der }), false);
    assert.equal(await abandonCertificate(at.db, certificate.serial, firstFence, at0), false);
    assert.deepEqual(await findCertificate(at.db, certificate.serial), { ...certificate, state: 'issued', der });
  });

  it('counts as revoked where it was abandoned, and is issued no more', async () => {
    const certificate = aCertificate();
    await commit(certificate);
    assert.equal(await abandonCertificate(at.db, certificate.serial, firstFence, at0 + 9), true);
    assert.equal(await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der }), false);
    const revocation = { at: at0 + 9, reason: 'cessationOfOperation', by: 'clock' };
    assert.deepEqual(await findCertificate(at.db, certificate.serial), { ...certificate, state: 'abandoned', revocation });
  });

  it('is revoked once, and only where it was issued', async () => {
    const revocation = { at: at0 + 5, reason: 'keyCompromise', by: 'key' } as const;
    const committed = aCertificate();
    await commit(committed);
    assert.deepEqual(await revokeCertificates(at.db, [committed.serial], revocation), []);
    const { serial } = await issued();
    const revoked = await Promise.all(Array.from({ length: 4 }, () => revokeCertificates(at.db, [serial], revocation)));
    assert.deepEqual(
      revoked.flat().map(c => c.serial),
      [serial],
    );
    assert.deepEqual(await revokeCertificates(at.db, [serial], { ...revocation, at: at0 + 6, reason: 'superseded' }), []);
    assert.deepEqual((await findCertificate(at.db, serial))?.revocation, revocation);
  });

  it('gives a row that nobody is at to one holder, and fences the earlier one off', async () => {
    // Rows of the tests above are out of the way.
    await at.db('certificates').where({ state: 'committed' }).update({ claim_until: 4_000_000_000 });
    const held = aCertificate();
    await commit(held);
    assert.equal(await claimCommitted(at.db, 30), undefined, 'the writer holds it');
    const left = aCertificate({ names: ['left.test'] });
    await commit(left, 0);
    const first = await claimCommitted(at.db, 0);
    assert.deepEqual(first?.certificate, left);
    const second = await claimCommitted(at.db, 30);
    assert.ok(first && second && second.fence > first.fence && first.fence > firstFence);
    assert.equal(await claimCommitted(at.db, 30), undefined);
    assert.equal(await moveCertificate(at.db, left.serial, 'issued', firstFence, { der }), false);
    assert.equal(await abandonCertificate(at.db, left.serial, first.fence, at0), false);
    assert.equal(await moveCertificate(at.db, left.serial, 'issued', second.fence, { der }), true);
  });

  it('gives each of many that ask at once another row, or none', async () => {
    await at.db('certificates').where({ state: 'committed' }).update({ claim_until: 4_000_000_000 });
    const left = Array.from({ length: 3 }, () => aCertificate());
    for (const certificate of left) await commit(certificate, 0);
    const taken: string[] = [];
    // Who loses a race for a row is given none, and asks again.
    while (taken.length < left.length) {
      const claimed = await Promise.all(Array.from({ length: 4 }, () => claimCommitted(at.db, 30)));
      taken.push(...claimed.flatMap(c => c?.certificate.serial ?? []));
    }
    assert.deepEqual(taken.sort(), left.map(c => c.serial).sort());
    assert.equal(await claimCommitted(at.db, 30), undefined);
  });

  it('is listed newest first and counted, by member, by exact name, up to a number, without our own', async () => {
    const member = anId();
    const name = `${anId()}.test`;
    const second = aCertificate({ memberId: member, orderId: anId(), names: [name, `b.${name}`], committedAt: at0 + 2 });
    const first = aCertificate({ memberId: member, orderId: anId(), names: [`b.${name}`], committedAt: at0 + 1 });
    const own = aCertificate({ memberId: member, names: [name] });
    const other = aCertificate({ memberId: anId(), orderId: anId(), names: [name], committedAt: at0 + 3 });
    for (const certificate of [second, first, own, other]) await commit(certificate);
    assert.deepEqual(await listCertificates(at.db, { member }, at0, { limit: 10 }), [second, first]);
    assert.deepEqual(await listCertificates(at.db, { member }, at0, { limit: 1 }), [second]);
    assert.deepEqual(await listCertificates(at.db, { name }, at0, { limit: 10 }), [other, second]);
    assert.deepEqual(await listCertificates(at.db, { name, member }, at0, { limit: 10 }), [second]);
    assert.deepEqual(await listCertificates(at.db, { name: `c.${name}` }, at0, { limit: 10 }), []);
    const all = await listCertificates(at.db, {}, at0, { limit: 100 });
    assert.ok(all.length >= 3);
  });

  it('is found by each word of a filter, and by all together', async () => {
    const memberId = anId();
    const name = `${anId()}.test`;
    const one = aCertificate({ memberId, orderId: anId(), names: [name, `b.${name}`], issuerId: 'cafe', committedAt: at0 + 10 });
    const two = aCertificate({ memberId, orderId: anId(), names: [`b.${name}`], profile: 'xmpp-server-short', committedAt: at0 + 20 });
    for (const certificate of [one, two]) await commit(certificate);
    const cases: [CertificateFilter, Certificate[]][] = [
      [{}, [two, one]],
      [{ issuer: 'cafe' }, [one]],
      [{ profile: 'xmpp-server-short' }, [two]],
      [{ key: Buffer.from(two.spkiHash).toString('hex') }, [two]],
      [{ serial: one.serial }, [one]],
      [{ name }, [one]],
      [{ name: `b.${name}` }, [two, one]],
      [{ issuedAfter: at0 + 10 }, [two, one]],
      [{ issuedAfter: at0 + 11 }, [two]],
      [{ issuedBefore: at0 + 19 }, [one]],
      [{ issuedAfter: at0 + 11, issuedBefore: at0 + 19 }, []],
      [{ issuer: 'cafe', profile: 'xmpp-server-short' }, []],
      [{ member: anId() }, []],
    ];
    for (const [filter, expected] of cases)
      assert.deepEqual(await listCertificates(at.db, { member: memberId, ...filter }, at0, { limit: 10 }), expected);
  });

  it('lives while it is issued, neither revoked nor expired', async () => {
    const memberId = anId();
    const more = { memberId, orderId: anId(), notAfter: at0 + 100 };
    const living = () => countLiving(at.db, { member: memberId }, at0 + 50);
    const certificate = aCertificate(more);
    await commit(certificate);
    assert.equal(await living(), 0);
    await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der });
    assert.equal(await living(), 1);
    assert.equal(await countLiving(at.db, { member: memberId }, at0 + 100), 1);
    assert.equal(await countLiving(at.db, { member: memberId }, at0 + 101), 0);
    await revokeCertificates(at.db, [certificate.serial], { at: at0, reason: 'superseded', by: 'operator' });
    assert.equal(await living(), 0);
  });

  it('blocks a key once, and knows the keys of revoked certificates that have not expired', async () => {
    const spkiHash = bytes(anId());
    const standing = (profiles: string[], now: number) => at.db.transaction(trx => keyStanding(trx, spkiHash, profiles, now));
    assert.equal((await standing([], at0)).blocked, false);
    await blockKey(at.db, spkiHash, bytes('said by its holder'), at0);
    await blockKey(at.db, spkiHash, bytes('said again'), at0 + 1);
    assert.equal((await standing([], at0)).blocked, true);
    const { serial } = await issued({ spkiHash, profile: 'xmpp-server-short', notAfter: at0 + 10 });
    assert.equal((await standing(['xmpp-server-short'], at0)).revoked, false);
    await revokeCertificates(at.db, [serial], { at: at0, reason: 'superseded', by: 'key' });
    assert.equal((await standing(['xmpp-server-short'], at0 + 10)).revoked, true);
    assert.equal((await standing(['xmpp-server-short'], at0 + 11)).revoked, false);
    assert.equal((await standing(['xmpp-server'], at0)).revoked, false);
  });
});
