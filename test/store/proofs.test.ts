import assert from 'node:assert/strict';
import type { DomainProof } from '../../src/model/member.ts';
import { isDuplicate } from '../../src/store/open.ts';
import {
  confirmProof,
  findProof,
  insertProof,
  lapsingProofs,
  listProofs,
  livingProofs,
  lockDomain,
  noticeLapse,
  revokeProof,
  supersedeProofs,
} from '../../src/store/proofs.ts';
import { onEachEngine } from '../kit/database.ts';
import { paged } from '../kit/paged.ts';
import { anId, aProof, at0, storedMember } from '../kit/records.ts';

const day = 86400;

onEachEngine('domain proofs', at => {
  async function stored(memberId: string, domain: string, more: Partial<DomainProof> = {}): Promise<DomainProof> {
    const proof = aProof(memberId, domain, more);
    await insertProof(at.db, proof);
    return proof;
  }
  const valid = { status: 'valid' } as const;
  const aMemberId = async () => (await storedMember(at.db)).id;
  const statusOf = async (p: DomainProof) => (await findProof(at.db, p.id))?.status;
  const byId = (a: DomainProof, b: DomainProof) => (a.id < b.id ? -1 : 1);

  it('come back with and without their optional members', async () => {
    const id = await aMemberId();
    const bare = await stored(id, 'one.test');
    const full = await stored(id, 'two.test', {
      status: 'valid',
      validatedAt: at0 + 1,
      evidence: { mailbox: 'hostmaster@two.test', caa: [] },
      createdAt: at0 + 1,
    });
    assert.deepEqual(await findProof(at.db, bare.id), bare);
    assert.deepEqual(await listProofs(at.db, { memberId: id }), [bare, full]);
    assert.deepEqual(await listProofs(at.db, { memberId: id, domain: 'two.test' }), [full]);
    assert.ok((await listProofs(at.db)).length >= 2);
    assert.equal(await findProof(at.db, 'unknown'), undefined);
  });

  it('have an id each, and refuse what belongs to no member, which is no duplicate', async () => {
    const { id, memberId } = await stored(await aMemberId(), 'im.test');
    await assert.rejects(stored(memberId, 'im.test', { id }), isDuplicate);
    await assert.rejects(insertProof(at.db, aProof('nobody', 'im.test')), error => !isDuplicate(error));
  });

  it('are listed by their time, of a member, of a domain or of both, page by page', async () => {
    const [id, other, domain] = [await aMemberId(), await aMemberId(), `${anId()}.test`];
    const late = await stored(id, domain, { createdAt: at0 + 1 });
    const early = [await stored(id, domain), await stored(id, domain)].sort(byId);
    const elsewhere = await stored(id, `im.${domain}`, { createdAt: at0 + 2 });
    const theirs = await stored(other, domain, { createdAt: at0 + 3 });
    const read = (filter: Parameters<typeof listProofs>[1]) =>
      paged(
        2,
        page => listProofs(at.db, filter, page),
        ({ createdAt, id }) => ({ at: createdAt, id }),
      );
    for (const [filter, expected] of [
      [{ memberId: id }, [...early, late, elsewhere]],
      [{ domain }, [...early, late, theirs]],
      [{ memberId: id, domain }, [...early, late]],
      [{ memberId: other, domain: `im.${domain}` }, []],
      [{}, await listProofs(at.db)],
    ] as const) {
      assert.deepEqual(await read(filter), expected);
      assert.deepEqual(await listProofs(at.db, filter), expected);
    }
  });

  it('are confirmed once, and revoked once', async () => {
    const proof = await stored(await aMemberId(), 'one.test');
    assert.equal(await confirmProof(at.db, proof.id, at0 + 2, at0 + 900, { mailbox: proof.mailbox }), true);
    assert.equal(await confirmProof(at.db, proof.id, at0 + 3, at0 + 901, {}), false);
    const confirmed = { ...proof, ...valid, validatedAt: at0 + 2, expiresAt: at0 + 900, evidence: { mailbox: proof.mailbox } };
    assert.deepEqual(await findProof(at.db, proof.id), confirmed);
    assert.equal(await revokeProof(at.db, proof.id), true);
    assert.equal(await revokeProof(at.db, proof.id), false);
    assert.equal(await confirmProof(at.db, proof.id, at0 + 4, at0 + 902, {}), false);
    assert.deepEqual(await findProof(at.db, proof.id), { ...confirmed, status: 'revoked' });
  });

  it('are revoked also while they wait, and are not confirmed then', async () => {
    const proof = await stored(await aMemberId(), 'one.test');
    assert.equal(await revokeProof(at.db, proof.id), true);
    assert.equal(await confirmProof(at.db, proof.id, at0, at0 + 900, {}), false);
    assert.deepEqual(await findProof(at.db, proof.id), { ...proof, status: 'revoked' });
    assert.deepEqual([await revokeProof(at.db, 'unknown'), await confirmProof(at.db, 'unknown', at0, at0, {})], [false, false]);
  });

  it('are confirmed and revoked by one of many that ask at once', async () => {
    const { id } = await stored(await aMemberId(), 'one.test');
    const confirmed = await Promise.all(Array.from({ length: 8 }, (_, i) => confirmProof(at.db, id, at0, at0 + i, { i })));
    assert.equal(confirmed.filter(Boolean).length, 1);
    const winner = confirmed.indexOf(true);
    const { expiresAt, evidence } = (await findProof(at.db, id)) ?? {};
    assert.deepEqual([expiresAt, evidence], [at0 + winner, { i: winner }]);
    const revoked = await Promise.all(Array.from({ length: 8 }, () => revokeProof(at.db, id)));
    assert.equal(revoked.filter(Boolean).length, 1);
  });

  it('live while they are valid and not expired', async () => {
    const id = await aMemberId();
    const living = await stored(id, 'a.test', { ...valid, expiresAt: at0 + 10 });
    await stored(id, 'b.test');
    await stored(id, 'b.test', { status: 'revoked' });
    await stored(await aMemberId(), 'a.test', valid);
    assert.deepEqual(await livingProofs(at.db, id, ['a.test', 'b.test', 'c.test'], at0), [living]);
    assert.deepEqual(await livingProofs(at.db, id, ['im.a.test'], at0), [], 'of these very domains alone');
    assert.deepEqual(await livingProofs(at.db, id, ['a.test'], at0 + 9), [living]);
    assert.deepEqual(await livingProofs(at.db, id, ['a.test'], at0 + 10), []);
    assert.deepEqual(await livingProofs(at.db, id, [], at0), []);
  });

  it('that wait give way to the one that was confirmed, of the same member and domain', async () => {
    const id = await aMemberId();
    const stranger = await stored(await aMemberId(), 'a.test');
    const [older, confirmed, elsewhere] = [await stored(id, 'a.test'), await stored(id, 'a.test'), await stored(id, 'b.test')];
    const before = await stored(id, 'a.test', valid);
    await supersedeProofs(at.db, id, 'a.test', confirmed.id);
    const statuses = await Promise.all([older, confirmed, elsewhere, stranger].map(statusOf));
    assert.deepEqual(statuses, ['revoked', 'pending', 'pending', 'pending']);
    assert.equal(await statusOf(before), 'valid', 'the valid one stays');
  });

  describe('that lapse', () => {
    async function lapsing(days: number, now = at0): Promise<string[]> {
      return (await lapsingProofs(at.db, now, days)).map(p => p.id).sort();
    }
    beforeEach(() => at.db('domain_proofs').delete());

    it('are told from the second that the days name to the last before their end', async () => {
      const proof = await stored(await aMemberId(), 'a.test', { ...valid, expiresAt: at0 + 20 * day });
      const end = proof.expiresAt;
      assert.deepEqual(await lapsing(20, at0 - 1), []);
      assert.deepEqual(await lapsing(20, at0), [proof.id]);
      assert.deepEqual(await lapsingProofs(at.db, end - 1, 20), [proof]);
      assert.deepEqual(await lapsing(20, end), []);
    });

    for (const status of ['pending', 'revoked'] as const)
      it(`are not told where they are ${status}`, async () => {
        await stored(await aMemberId(), 'a.test', { status });
        assert.deepEqual(await lapsing(20), []);
      });

    for (const status of ['suspended', 'left'] as const)
      it(`are not told to a member that is ${status}`, async () => {
        await stored((await storedMember(at.db, { status })).id, 'a.test', valid);
        assert.deepEqual(await lapsing(20), []);
      });

    it('give way to a valid one of the same member and domain that ends later, and to no other', async () => {
      const id = await aMemberId();
      const proof = await stored(id, 'a.test', valid);
      const later = { expiresAt: proof.expiresAt + 1 };
      await stored(await aMemberId(), 'a.test', { ...valid, expiresAt: at0 + 99 * day });
      await stored(id, 'b.test', { ...valid, expiresAt: at0 + 99 * day });
      await stored(id, 'a.test', { ...later, status: 'revoked' });
      const waiting = await stored(id, 'a.test', later);
      assert.deepEqual(await lapsing(20), [proof.id]);
      await confirmProof(at.db, waiting.id, at0, later.expiresAt, {});
      assert.deepEqual(await lapsing(20), [waiting.id]);
    });

    it('are told once at a number of days, and again only at fewer', async () => {
      const { id } = await stored(await aMemberId(), 'a.test', valid);
      assert.deepEqual([await noticeLapse(at.db, id, 7), await noticeLapse(at.db, id, 7)], [true, false]);
      assert.deepEqual([await lapsing(20), await lapsing(7), await lapsing(6)], [[], [], [id]]);
      assert.deepEqual([await noticeLapse(at.db, id, 20), await noticeLapse(at.db, id, 6)], [false, true]);
      assert.deepEqual([await lapsing(6), await lapsing(1)], [[], [id]]);
      assert.equal(await noticeLapse(at.db, 'unknown', 1), false);
    });

    it('are told by one of many that would tell at once', async () => {
      const { id } = await stored(await aMemberId(), 'a.test', valid);
      const told = await Promise.all(Array.from({ length: 8 }, () => noticeLapse(at.db, id, 20)));
      assert.equal(told.filter(Boolean).length, 1);
    });
  });

  describe('of a domain that is locked', () => {
    it('are made by one of many transactions that look first', async () => {
      const [memberId, domain] = [await aMemberId(), `${anId()}.test`];
      const names = [domain, `im.${domain}`, `a.im.${domain}`, domain];
      // On PostgreSQL all are under way before any locks; SQLite lets one begin when the one before it has ended.
      const begun = at.engine === 'postgres' ? await Promise.all(names.map(() => at.db.transaction())) : [];
      await Promise.all(
        names.map(async (name, i) => {
          const trx = begun[i] ?? (await at.db.transaction());
          await lockDomain(trx, name);
          if ((await listProofs(trx, { memberId })).length === 0) await insertProof(trx, aProof(memberId, name));
          await trx.commit();
        }),
      );
      assert.equal((await listProofs(at.db, { memberId })).length, 1);
    });

    it('wait for the end of the transaction below the same registrable domain, and for none elsewhere', async () => {
      if (at.engine === 'sqlite') return; // One connection: the second transaction would wait for the first for ever.
      const locked = (domain: string) =>
        at.db.transaction(async trx => {
          await trx.raw("set local lock_timeout = '20ms'");
          await lockDomain(trx, domain);
        });
      await at.db.transaction(async trx => {
        await lockDomain(trx, 'im.a.test');
        for (const domain of ['a.test', 'chat.a.test', 'im.a.test']) await assert.rejects(locked(domain), /lock timeout/);
        await locked('im.b.test');
      });
      await locked('a.test');
    });
  });
});
