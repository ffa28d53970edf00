import assert from 'node:assert/strict';
import { type Certificate, type CertificateStatus, certificateStatus, certificateStatuses } from '../../src/model/certificate.ts';
import type { CertificateFilter } from '../../src/store/certificate-filter.ts';
import {
  abandonCertificate,
  commitCertificate,
  findCertificates,
  firstFence,
  listCertificates,
  moveCertificate,
  revokeCertificates,
} from '../../src/store/certificates.ts';
import type { Db } from '../../src/store/open.ts';
import type { Position } from '../../src/store/pages.ts';
import { onEachEngine } from '../kit/database.ts';
import { aCertificate, anId, at0, bytes } from '../kit/records.ts';

const day = 86400;
const now = at0 + 100 * day;

type Filter = CertificateFilter & { status?: CertificateStatus };

/** What the filter says, without an index. */
function isMeant(c: Certificate, filter: Filter): boolean {
  const { issuer, profile, member, status, issuedAfter, issuedBefore, expiresAfter, expiresBefore } = filter;
  return (
    (issuer ?? c.issuerId) === c.issuerId &&
    (profile ?? c.profile) === c.profile &&
    (member ?? c.memberId) === c.memberId &&
    (status ?? certificateStatus(c, now)) === certificateStatus(c, now) &&
    c.committedAt >= (issuedAfter ?? 0) &&
    c.committedAt <= (issuedBefore ?? c.committedAt) &&
    c.notAfter >= (expiresAfter ?? 0) &&
    c.notAfter <= (expiresBefore ?? c.notAfter)
  );
}

const byIssue = (a: Certificate, b: Certificate) => b.committedAt - a.committedAt || (a.serial < b.serial ? 1 : -1);

onEachEngine('the list of certificates', at => {
  let all: Certificate[];

  /** Of any standing in turn. */
  async function store(db: Db, certificate: Certificate, turn: number): Promise<void> {
    const { serial } = certificate;
    await commitCertificate(db, certificate, 60);
    if (turn === 0) return;
    if (turn === 1) {
      await abandonCertificate(db, serial, firstFence, at0);
      return;
    }
    await moveCertificate(db, serial, 'issued', firstFence, { der: bytes(serial) });
    if (turn === 2) await revokeCertificates(db, [serial], { at: at0, reason: 'superseded', by: 'operator' });
  }

  /** Two in a second; lives of whole days, of a second less, and of half a day more. */
  function made(i: number): Certificate {
    const isShort = i % 4 === 0;
    const committedAt = at0 + Math.floor(i / 2) * day;
    return aCertificate({
      orderId: anId(),
      memberId: `m${i % 5}`,
      issuerId: i < 90 ? 'cafe' : 'beef',
      profile: isShort ? 'xmpp-server-short' : 'xmpp-server',
      committedAt,
      notBefore: committedAt - 3600,
      notAfter: committedAt + (isShort ? 7 : 90) * day + ([0, -1, day / 2][i % 3] ?? 0),
    });
  }

  before(async () => {
    const certificates = Array.from({ length: 210 }, (_, i) => made(i));
    await at.db.transaction(async trx => {
      for (const [i, certificate] of certificates.entries()) await store(trx, certificate, i % 7);
      await store(trx, aCertificate({ issuerId: 'cafe' }), 3);
    });
    const found = await findCertificates(
      at.db,
      certificates.map(c => c.serial),
    );
    all = found.sort(byIssue);
  });

  async function isListed(filter: Filter): Promise<void> {
    const expected = all.filter(c => isMeant(c, filter)).map(c => c.serial);
    const said = JSON.stringify(filter);
    const whole = await listCertificates(at.db, filter, now, { limit: Number.MAX_SAFE_INTEGER });
    assert.deepEqual(
      whole.map(c => c.serial),
      expected,
      said,
    );
    const read: string[] = [];
    for (let after: Position | undefined; ; ) {
      const page = await listCertificates(at.db, filter, now, { limit: 17, after });
      read.push(...page.map(c => c.serial));
      const last = page.at(-1);
      if (!last) break;
      after = { at: last.committedAt, id: last.serial };
    }
    assert.deepEqual(read, expected, `${said}, page by page`);
  }

  it('has what is meant, newest first, whole and page by page', async () => {
    const places: Filter[] = [{}, { issuer: 'cafe' }, { profile: 'xmpp-server-short' }, { issuer: 'beef', profile: 'xmpp-server' }];
    const ends: Filter[] = [
      {},
      { expiresBefore: now },
      { expiresAfter: at0 + 95 * day },
      { expiresAfter: at0 + 90 * day - 1, expiresBefore: at0 + 97 * day },
      { issuedBefore: at0 + 60 * day, expiresAfter: at0 + 90 * day },
      { issuedAfter: at0 + 20 * day, issuedBefore: at0 + 30 * day, expiresBefore: now },
    ];
    for (const place of places)
      for (const end of ends)
        for (const status of [undefined, ...certificateStatuses]) await isListed({ ...place, ...end, ...(status && { status }) });
  });

  it('has nothing where nothing is meant', async () => {
    const nothing: Filter[] = [
      { issuer: 'none' },
      { profile: 'none' },
      { expiresBefore: at0 },
      { expiresAfter: now + 96 * day },
      { issuedAfter: at0 + 50 * day, expiresBefore: at0 + 50 * day },
    ];
    for (const filter of nothing) {
      assert.equal(all.filter(c => isMeant(c, filter)).length, 0);
      await isListed(filter);
    }
  });

  it('has each standing of one member', async () => {
    for (const status of certificateStatuses) await isListed({ member: 'm1', status });
    await isListed({ member: 'm1', expiresBefore: now, issuedBefore: at0 + 30 * day });
  });

  it('has all of them also where there are many lifetimes', async () => {
    const lifetimes = Array.from({ length: 120 }, (_, i) => made(211 - (i % 2))).map((c, i) => ({
      ...c,
      notAfter: c.committedAt + i * day,
    }));
    await at.db.transaction(async trx => {
      for (const certificate of lifetimes) await store(trx, certificate, 3);
    });
    const stored = await findCertificates(
      at.db,
      lifetimes.map(c => c.serial),
    );
    all = [...all, ...stored].sort(byIssue);
    for (const status of ['issued', 'expired'] as const) await isListed({ status });
    await isListed({ expiresBefore: now + 50 * day });
  });
});
