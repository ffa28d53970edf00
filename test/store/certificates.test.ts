import assert from 'node:assert/strict';
import type { Certificate } from '../../src/model/certificate.ts';
import {
  abandonCertificate,
  blockKey,
  claimCommitted,
  commitCertificate,
  countCertificates,
  findCertificate,
  findCertificateByOrder,
  findStatus,
  firstFence,
  keyStanding,
  listCertificates,
  moveCertificate,
  revokeCertificate,
  revokedSince,
} from '../../src/store/certificates.ts';
import { isDuplicate } from '../../src/store/open.ts';
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
    assert.equal(await revokeCertificate(at.db, full.serial, revocation), true);
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
    assert.equal(await revokeCertificate(at.db, committed.serial, revocation), false);
    const { serial } = await issued();
    const revoked = await Promise.all(Array.from({ length: 4 }, () => revokeCertificate(at.db, serial, revocation)));
    assert.equal(revoked.filter(Boolean).length, 1);
    assert.equal(await revokeCertificate(at.db, serial, { ...revocation, at: at0 + 6, reason: 'superseded' }), false);
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
    const memberId = anId();
    const name = `${anId()}.test`;
    const second = aCertificate({ memberId, orderId: anId(), names: [name, `b.${name}`], committedAt: at0 + 2 });
    const first = aCertificate({ memberId, orderId: anId(), names: [`b.${name}`], committedAt: at0 + 1 });
    const own = aCertificate({ memberId, names: [name] });
    const other = aCertificate({ memberId: anId(), orderId: anId(), names: [name], committedAt: at0 + 3 });
    for (const certificate of [second, first, own, other]) await commit(certificate);
    assert.deepEqual(await listCertificates(at.db, { memberId }, 10), [second, first]);
    assert.deepEqual(await listCertificates(at.db, { memberId }, 1), [second]);
    assert.deepEqual(await listCertificates(at.db, { name }, 10), [other, second]);
    assert.deepEqual(await listCertificates(at.db, { name, memberId }, 10), [second]);
    assert.deepEqual(await listCertificates(at.db, { name: `c.${name}` }, 10), []);
    const all = await listCertificates(at.db, {}, 100);
    assert.ok(all.length >= 3);
    assert.equal(await countCertificates(at.db, {}), all.length);
    assert.equal(await countCertificates(at.db, { memberId }), 2);
    assert.equal(await countCertificates(at.db, { name, memberId }), 1);
    assert.equal(await countCertificates(at.db, { name: `c.${name}` }), 0);
  });

  it('tells a CRL what is revoked or abandoned and not long expired, in the order of the serials', async () => {
    const issuerId = anId();
    const revoked = await issued({ issuerId, profile: 'xmpp-server-short' });
    const expired = await issued({ issuerId, notAfter: at0 + 10 });
    await issued({ issuerId });
    const elsewhere = await issued({ issuerId: anId() });
    const abandoned = aCertificate({ issuerId });
    await commit(abandoned);
    await abandonCertificate(at.db, abandoned.serial, firstFence, at0 + 3);
    await commit(aCertificate({ issuerId }));
    const revoke = (serial: string, seconds: number) =>
      revokeCertificate(at.db, serial, { at: at0 + seconds, reason: 'superseded', by: 'operator' });
    await revoke(revoked.serial, 5);
    await revoke(expired.serial, 4);
    await revoke(elsewhere.serial, 99);
    const gone = { serial: revoked.serial, revokedAt: at0 + 5, reason: 'superseded', profile: 'xmpp-server-short' };
    const lost = { serial: abandoned.serial, revokedAt: at0 + 3, reason: 'cessationOfOperation', profile: 'xmpp-server' };
    const old = { serial: expired.serial, revokedAt: at0 + 4, reason: 'superseded', profile: 'xmpp-server' };
    const sorted = (list: { serial: string }[]) => list.sort((a, b) => (a.serial < b.serial ? -1 : 1));
    assert.deepEqual(await revokedSince(at.db, issuerId, at0 + 10), sorted([gone, lost, old]));
    assert.deepEqual(await revokedSince(at.db, issuerId, at0 + 11), sorted([gone, lost]));
  });

  it('blocks a key once, and knows the keys of revoked certificates that have not expired', async () => {
    const spkiHash = bytes(anId());
    assert.equal((await keyStanding(at.db, spkiHash, [], at0)).blocked, false);
    await blockKey(at.db, spkiHash, 'said by its holder', at0);
    await blockKey(at.db, spkiHash, 'said again', at0 + 1);
    assert.equal((await keyStanding(at.db, spkiHash, [], at0)).blocked, true);
    const { serial } = await issued({ spkiHash, profile: 'xmpp-server-short', notAfter: at0 + 10 });
    assert.equal((await keyStanding(at.db, spkiHash, ['xmpp-server-short'], at0)).revoked, false);
    await revokeCertificate(at.db, serial, { at: at0, reason: 'superseded', by: 'key' });
    assert.equal((await keyStanding(at.db, spkiHash, ['xmpp-server-short'], at0 + 10)).revoked, true);
    assert.equal((await keyStanding(at.db, spkiHash, ['xmpp-server-short'], at0 + 11)).revoked, false);
    assert.equal((await keyStanding(at.db, spkiHash, ['xmpp-server'], at0)).revoked, false);
  });
});
