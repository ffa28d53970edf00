import assert from 'node:assert/strict';
import type { Certificate } from '../../src/model/certificate.ts';
import { abandonCertificate, commitCertificate, firstFence, moveCertificate, revokeCertificates } from '../../src/store/certificates.ts';
import { insertCrl, newestCrl, newestCrls, revocationCounts, revokedIn } from '../../src/store/crls.ts';
import { isDuplicate } from '../../src/store/open.ts';
import type { Position } from '../../src/store/pages.ts';
import { all } from '../kit/all.ts';
import { onEachEngine } from '../kit/database.ts';
import { aCertificate, anId, at0, bytes } from '../kit/records.ts';

onEachEngine('the store of CRLs', at => {
  async function issued(more: Partial<Certificate>): Promise<Certificate> {
    const certificate = aCertificate(more);
    await at.db.transaction(trx => commitCertificate(trx, certificate, 60));
    await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der: bytes('der') });
    return certificate;
  }
  const revoke = ({ serial }: Certificate, seconds: number) =>
    at.db.transaction(trx => revokeCertificates(trx, [serial], { at: at0 + seconds, reason: 'superseded', by: 'operator' }));

  it('gives the CRL with the highest number of each scope; each number is used once, and old ones go', async () => {
    const crl = (number: number, shard = 0) => ({
      issuerId: 'aa',
      shard,
      number,
      der: bytes(`crl ${number}`),
      revocations: 3,
      thisUpdate: at0,
      nextUpdate: at0 + 9,
    });
    assert.equal(await newestCrl(at.db, crl(0)), undefined);
    for (const number of [at0, at0 + 10]) await insertCrl(at.db, crl(number));
    await insertCrl(at.db, crl(at0 + 20, 3));
    assert.deepEqual(await newestCrl(at.db, crl(0)), crl(at0 + 10));
    assert.deepEqual(await newestCrl(at.db, crl(0, 3)), crl(at0 + 20, 3));
    await assert.rejects(insertCrl(at.db, crl(at0 + 10)), isDuplicate);
    await insertCrl(at.db, crl(at0 + 11));
    const bare = ({ der: _, ...rest }: ReturnType<typeof crl>) => ({ ...rest, der: undefined });
    assert.deepEqual(await newestCrls(at.db), [bare(crl(at0 + 11)), bare(crl(at0 + 20, 3))]);
    await insertCrl(at.db, { ...crl(at0), issuerId: 'bb' });
    const seen: string[] = [];
    for (let after: Position | undefined; ; ) {
      const [next] = await newestCrls(at.db, { limit: 1, after });
      if (!next) break;
      seen.push(`${next.issuerId}/${next.shard}`);
      after = { at: next.shard, id: next.issuerId };
    }
    assert.deepEqual(seen, ['aa/0', 'bb/0', 'aa/3']);
    const kept = await at.db('crls').where({ issuer_id: 'aa', shard: 0 }).orderBy('number').pluck('number');
    assert.deepEqual(kept, [at0 + 10, at0 + 11]);
  });

  it('tells what is revoked or abandoned and not long expired, in the order of the serials, of all or of one shard', async () => {
    const issuerId = anId();
    await at.db('issuers').insert({ id: issuerId, kind: 'issuing', certificate: bytes('ca'), active: 0, created_at: at0 });
    const short = await issued({ issuerId, profile: 'xmpp-server-short' });
    const expired = await issued({ issuerId, notAfter: at0 + 10, shard: 2 });
    const other = await issued({ issuerId, shard: 1 });
    await issued({ issuerId });
    await revoke(await issued({ issuerId: anId() }), 99);
    const abandoned = aCertificate({ issuerId });
    await at.db.transaction(trx => commitCertificate(trx, abandoned, 60));
    await abandonCertificate(at.db, abandoned.serial, firstFence, at0 + 3);
    for (const [certificate, seconds] of [
      [short, 5],
      [expired, 4],
      [other, 6],
    ] as const)
      await revoke(certificate, seconds);

    const serials = async (shard: number, since: number, without: string[] = []) =>
      (await all(revokedIn(at.db, { issuerId, shard }, since, without))).map(e => e.serial);
    const sorted = (...list: Certificate[]) => list.map(c => c.serial).sort();
    assert.deepEqual(await serials(0, at0 + 10), sorted(short, abandoned, expired, other));
    assert.deepEqual(await serials(0, at0 + 11), sorted(short, abandoned, other));
    assert.deepEqual(await serials(0, at0 + 11, ['xmpp-server-short']), sorted(abandoned, other));
    assert.deepEqual(await serials(2, at0 + 10), sorted(expired));
    assert.deepEqual(await serials(3, at0), []);
    const [entry] = await all(revokedIn(at.db, { issuerId, shard: 1 }, at0, []));
    assert.deepEqual(entry, { serial: other.serial, revokedAt: at0 + 6, reason: 'superseded' });

    const counts = (await revocationCounts(at.db)).filter(c => c.issuerId === issuerId);
    const count = (shard: number) => counts.find(c => c.shard === shard)?.revocations;
    assert.deepEqual([count(0), count(1), count(2), count(3)], [4, 1, 1, undefined]);
  });

  it('reads many pages of certificates that end at any time, in the order of the serials', async () => {
    const issuerId = anId();
    const day = 86400;
    const rows = Array.from({ length: 10_001 }, (_, i) => {
      const { serial, spkiHash, tbs, mac } = aCertificate();
      const not_after = at0 + (i % 3 ? 100 : (i * 7919) % 200) * day;
      return {
        serial: `${serial.slice(0, 20)}${i.toString(16).padStart(12, '0')}`,
        spki_hash: spkiHash,
        tbs,
        mac,
        not_after,
        shard: i % 2,
      };
    });
    const same = {
      issuer_id: issuerId,
      profile: 'xmpp-server',
      names: '[]',
      state: 'issued',
      not_before: at0,
      committed_at: at0,
      revoked_at: at0,
    };
    await at.db.batchInsert(
      'certificates',
      rows.map(r => ({ ...r, ...same, revocation_reason: 'superseded' })),
      500,
    );
    let others = 0;
    setImmediate(() => others++);
    const listed = async (shard: number, since: number) => (await all(revokedIn(at.db, { issuerId, shard }, since, []))).map(e => e.serial);
    const sorted = (rest: typeof rows) => rest.map(r => r.serial).sort();
    assert.deepEqual(await listed(0, 0), sorted(rows));
    assert.equal(others, 1, 'whatever else the process does goes on between the pages');
    for (const since of [at0 + 1, at0 + 29 * day, at0 + 30 * day, at0 + 111 * day - 1, at0 + 199 * day]) {
      const living = rows.filter(r => r.not_after >= since);
      assert.deepEqual(await listed(0, since), sorted(living));
      assert.deepEqual(await listed(1, since), sorted(living.filter(r => r.shard === 1)));
    }
    assert.deepEqual(await listed(0, at0 + 199 * day + 1), []);
  });
});
