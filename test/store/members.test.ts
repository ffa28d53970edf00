import assert from 'node:assert/strict';
import type { EabKey, MemberDirectory } from '../../src/model/member.ts';
import { commitCertificate, firstFence, moveCertificate, revokeCertificates } from '../../src/store/certificates.ts';
import {
  findDirectory,
  findDirectoryBySecret,
  findEabKey,
  findThumbprint,
  insertDirectory,
  insertEabKey,
  insertThumbprint,
  listDirectories,
  listEabKeys,
  revokeDirectory,
  revokeEabKey,
  useDirectory,
  useEabKey,
  useThumbprint,
} from '../../src/store/doors.ts';
import { findMember, insertMember, listMembers, markErased, moveMember, replacePersonal, setHashes } from '../../src/store/members.ts';
import { isDuplicate } from '../../src/store/open.ts';
import {
  confirmProof,
  findProof,
  insertProof,
  listProofs,
  livingProofs,
  otherHolders,
  revokeProof,
  supersedeProofs,
} from '../../src/store/proofs.ts';
import { onEachEngine } from '../kit/database.ts';
import { aCertificate, aMember, anId, aProof, at0, bytes, storedMember } from '../kit/records.ts';

onEachEngine('the store of members', at => {
  it('gives a member back as it was written', async () => {
    const member = await storedMember(at.db);
    assert.deepEqual(await findMember(at.db, member.id), member);
    const erased = await storedMember(at.db, { status: 'left', leftAt: at0 + 5 });
    assert.equal(await replacePersonal(at.db, erased, undefined, []), true);
    assert.equal(await replacePersonal(at.db, erased, bytes('again'), []), false, 'compared and swapped');
    assert.deepEqual([await markErased(at.db, erased.id, at0 + 9), await markErased(at.db, erased.id, at0 + 10)], [true, false]);
    const { personal: _, ...rest } = erased;
    assert.deepEqual(await findMember(at.db, erased.id), { ...rest, erasedAt: at0 + 9 });
    assert.equal(await findMember(at.db, 'nobody'), undefined);
  });

  it('lists members by the time of their coming', async () => {
    const late = await storedMember(at.db, { createdAt: at0 + 20 });
    const early = await storedMember(at.db, { createdAt: at0 - 20 });
    const ids = (await listMembers(at.db)).map(m => m.id);
    assert.equal(ids[0], early.id);
    assert.equal(ids.at(-1), late.id);
  });

  it('moves a member once', async () => {
    const { id } = await storedMember(at.db);
    assert.equal(await moveMember(at.db, id, 'active', 'suspended', at0), true);
    assert.equal(await moveMember(at.db, id, 'active', 'suspended', at0), false);
    assert.equal((await findMember(at.db, id))?.status, 'suspended');
    assert.equal(await moveMember(at.db, id, 'suspended', 'left', at0 + 7), true);
    assert.equal((await findMember(at.db, id))?.leftAt, at0 + 7);
    assert.equal(await moveMember(at.db, id, 'left', 'active', at0 + 8), true);
    assert.equal((await findMember(at.db, id))?.leftAt, undefined);
  });

  it('finds members by all of what is looked for, under any of the hashes that it may have', async () => {
    const [one, other] = [aMember(), aMember()];
    await insertMember(at.db, one, [bytes('name'), bytes('first')]);
    await insertMember(at.db, other, [bytes('name'), bytes('second')]);
    const found = async (...sought: Uint8Array[][]) => (await listMembers(at.db, undefined, sought)).map(m => m.id).sort();
    assert.deepEqual(await found([bytes('name')]), [one.id, other.id].sort());
    assert.deepEqual(await found([bytes('name')], [bytes('new form'), bytes('second')]), [other.id]);
    assert.deepEqual(await found([bytes('first')], [bytes('second')]), []);
    assert.deepEqual(await found([bytes('nobody')]), []);
    await setHashes(at.db, one.id, [bytes('second')]);
    assert.deepEqual(await found([bytes('second')]), [one.id, other.id].sort());
    assert.deepEqual(await found([bytes('first')]), []);
  });

  it('refuses a second member of the same id', async () => {
    const member = aMember();
    await storedMember(at.db, member);
    await assert.rejects(storedMember(at.db, member), isDuplicate);
  });

  it('refuses what belongs to no member, and does not call it a duplicate', async () => {
    await assert.rejects(insertProof(at.db, aProof('nobody', 'im.test')), error => !isDuplicate(error));
  });

  describe('external account binding keys', () => {
    const key = (memberId: string, more: Partial<EabKey> = {}): EabKey => ({
      kid: anId(),
      memberId,
      secret: bytes('secret'),
      expiresAt: at0 + 100,
      createdAt: at0,
      ...more,
    });

    it('come back with and without their optional members', async () => {
      const { id } = await storedMember(at.db);
      const bare = key(id);
      const full = key(id, { label: bytes('label'), usesLeft: 3, createdAt: at0 + 1 });
      for (const k of [bare, full]) await insertEabKey(at.db, k);
      assert.deepEqual(await findEabKey(at.db, bare.kid), bare);
      assert.deepEqual(await findEabKey(at.db, full.kid), full);
      assert.deepEqual(
        (await listEabKeys(at.db)).filter(k => k.memberId === id),
        [bare, full],
      );
    });

    it('are used as often as they may', async () => {
      const { id } = await storedMember(at.db);
      const twice = key(id, { usesLeft: 2 });
      await insertEabKey(at.db, twice);
      assert.deepEqual(
        [await useEabKey(at.db, twice.kid, at0), await useEabKey(at.db, twice.kid, at0), await useEabKey(at.db, twice.kid, at0)],
        [true, true, false],
      );
      assert.equal((await findEabKey(at.db, twice.kid))?.usesLeft, 0);
    });

    it('without a number are used without end, and stay without one', async () => {
      const { id } = await storedMember(at.db);
      const any = key(id);
      await insertEabKey(at.db, any);
      for (let i = 0; i < 3; i++) assert.equal(await useEabKey(at.db, any.kid, at0), true);
      assert.deepEqual(await findEabKey(at.db, any.kid), any);
    });

    it('end with their time, in the second that is named', async () => {
      const { id } = await storedMember(at.db);
      const k = key(id);
      await insertEabKey(at.db, k);
      assert.equal(await useEabKey(at.db, k.kid, at0 + 99), true);
      assert.equal(await useEabKey(at.db, k.kid, at0 + 100), false);
    });

    it('are revoked once, and then used no more', async () => {
      const { id } = await storedMember(at.db);
      const k = key(id);
      await insertEabKey(at.db, k);
      assert.equal(await revokeEabKey(at.db, k.kid, at0 + 5), true);
      assert.equal(await revokeEabKey(at.db, k.kid, at0 + 6), false);
      assert.equal(await useEabKey(at.db, k.kid, at0 + 7), false);
      assert.deepEqual(await findEabKey(at.db, k.kid), { ...k, revokedAt: at0 + 5 });
    });

    it('give their last use to one of many that ask at once', async () => {
      const { id } = await storedMember(at.db);
      const k = key(id, { usesLeft: 1 });
      await insertEabKey(at.db, k);
      const used = await Promise.all(Array.from({ length: 8 }, () => useEabKey(at.db, k.kid, at0)));
      assert.equal(used.filter(Boolean).length, 1);
    });
  });

  describe('member directories', () => {
    const directory = (memberId: string, more: Partial<MemberDirectory> = {}): MemberDirectory => ({
      id: anId(),
      memberId,
      createdAt: at0,
      ...more,
    });

    it('come back with and without their optional members, by id and by the hash of their secret', async () => {
      const { id } = await storedMember(at.db);
      const bare = directory(id);
      const full = directory(id, {
        profile: 'xmpp-server-short',
        domains: ['im.test', 'b.test'],
        accountsLeft: 1,
        expiresAt: at0 + 9,
        createdAt: at0 + 1,
      });
      await insertDirectory(at.db, bare, bytes(`secret ${bare.id}`));
      await insertDirectory(at.db, full, bytes(`secret ${full.id}`));
      assert.deepEqual(await findDirectory(at.db, bare.id), bare);
      assert.deepEqual(await findDirectoryBySecret(at.db, bytes(`secret ${full.id}`)), full);
      assert.equal(await findDirectoryBySecret(at.db, bytes('another secret')), undefined);
      assert.deepEqual(
        (await listDirectories(at.db)).filter(d => d.memberId === id),
        [bare, full],
      );
    });

    it('have a secret each', async () => {
      const { id } = await storedMember(at.db);
      await insertDirectory(at.db, directory(id), bytes('the same secret'));
      await assert.rejects(insertDirectory(at.db, directory(id), bytes('the same secret')), isDuplicate);
    });

    it('take as many accounts as they may, until they end or are revoked', async () => {
      const { id } = await storedMember(at.db);
      const one = directory(id, { accountsLeft: 1, expiresAt: at0 + 10 });
      const any = directory(id);
      const lapsed = directory(id, { accountsLeft: 5, expiresAt: at0 });
      for (const d of [one, any, lapsed]) await insertDirectory(at.db, d, bytes(`secret ${d.id}`));
      assert.equal(await useDirectory(at.db, lapsed.id, at0), false);
      assert.equal(await useDirectory(at.db, one.id, at0), true);
      assert.equal(await useDirectory(at.db, one.id, at0), false);
      assert.equal(await useDirectory(at.db, any.id, at0), true);
      assert.equal(await useDirectory(at.db, any.id, at0), true);
      assert.equal(await revokeDirectory(at.db, any.id, at0 + 1), true);
      assert.equal(await revokeDirectory(at.db, any.id, at0 + 2), false);
      assert.equal(await useDirectory(at.db, any.id, at0 + 2), false);
      assert.deepEqual(await findDirectory(at.db, any.id), { ...any, revokedAt: at0 + 1 });
    });
  });

  it('gives registered thumbprints back, and consumes each once', async () => {
    const { id } = await storedMember(at.db);
    const registered = { thumbprint: `t-${id}`, memberId: id, createdAt: at0 };
    await insertThumbprint(at.db, registered);
    assert.deepEqual(await findThumbprint(at.db, registered.thumbprint), registered);
    assert.equal(await useThumbprint(at.db, registered.thumbprint, at0 + 3), true);
    assert.equal(await useThumbprint(at.db, registered.thumbprint, at0 + 4), false);
    assert.deepEqual(await findThumbprint(at.db, registered.thumbprint), { ...registered, usedAt: at0 + 3 });
    await assert.rejects(insertThumbprint(at.db, registered), isDuplicate);
    assert.equal(await useThumbprint(at.db, 'unknown', at0), false);
  });

  describe('domain proofs', () => {
    it('come back with and without their optional members', async () => {
      const { id } = await storedMember(at.db);
      const bare = aProof(id, 'one.test');
      const full = aProof(id, 'two.test', {
        status: 'valid',
        validatedAt: at0 + 1,
        evidence: { mailbox: 'hostmaster@two.test', caa: [] },
        createdAt: at0 + 1,
      });
      for (const p of [bare, full]) await insertProof(at.db, p);
      assert.deepEqual(await findProof(at.db, bare.id), bare);
      assert.deepEqual(await listProofs(at.db, { memberId: id }), [bare, full]);
      assert.deepEqual(await listProofs(at.db, { memberId: id, domain: 'two.test' }), [full]);
      assert.ok((await listProofs(at.db)).length >= 2);
    });

    it('are confirmed once, and revoked once', async () => {
      const { id } = await storedMember(at.db);
      const proof = aProof(id, 'one.test');
      await insertProof(at.db, proof);
      assert.equal(await confirmProof(at.db, proof.id, at0 + 2, at0 + 900, { mailbox: proof.mailbox }), true);
      assert.equal(await confirmProof(at.db, proof.id, at0 + 3, at0 + 901, {}), false);
      const valid = { ...proof, status: 'valid', validatedAt: at0 + 2, expiresAt: at0 + 900, evidence: { mailbox: proof.mailbox } };
      assert.deepEqual(await findProof(at.db, proof.id), valid);
      assert.equal(await revokeProof(at.db, proof.id), true);
      assert.equal(await revokeProof(at.db, proof.id), false);
      assert.equal(await confirmProof(at.db, proof.id, at0 + 4, at0 + 902, {}), false);
    });

    it('live while they are valid and not expired', async () => {
      const { id } = await storedMember(at.db);
      const living = aProof(id, 'a.test', { status: 'valid', expiresAt: at0 + 10 });
      const pending = aProof(id, 'b.test');
      const other = aProof((await storedMember(at.db)).id, 'a.test', { status: 'valid' });
      for (const p of [living, pending, other]) await insertProof(at.db, p);
      assert.deepEqual(await livingProofs(at.db, id, ['a.test', 'b.test', 'c.test'], at0), [living]);
      assert.deepEqual(await livingProofs(at.db, id, ['a.test'], at0 + 10), []);
      assert.deepEqual(await livingProofs(at.db, id, [], at0), []);
    });

    it('that wait give way to the one that was confirmed, of the same member and domain', async () => {
      const { id } = await storedMember(at.db);
      const stranger = aProof((await storedMember(at.db)).id, 'a.test');
      const [older, confirmed, elsewhere] = [aProof(id, 'a.test'), aProof(id, 'a.test'), aProof(id, 'b.test')];
      for (const p of [older, confirmed, elsewhere, stranger]) await insertProof(at.db, p);
      await supersedeProofs(at.db, id, 'a.test', confirmed.id);
      const statuses = await Promise.all([older, confirmed, elsewhere, stranger].map(async p => (await findProof(at.db, p.id))?.status));
      assert.deepEqual(statuses, ['revoked', 'pending', 'pending', 'pending']);
    });

    it('and certificates of other members are found, each member once', async () => {
      const [mine, theirs, third] = [await storedMember(at.db), await storedMember(at.db), await storedMember(at.db)];
      const domain = `${anId()}.test`;
      const holders = () => otherHolders(at.db, mine.id, domain, at0).then(ids => ids.sort());
      assert.deepEqual(await holders(), []);
      await insertProof(at.db, aProof(mine.id, domain, { status: 'valid' }));
      await insertProof(at.db, aProof(theirs.id, domain));
      await insertProof(at.db, aProof(theirs.id, `${anId()}.test`, { status: 'valid' }));
      assert.deepEqual(await holders(), []);
      await insertProof(at.db, aProof(theirs.id, domain, { status: 'valid' }));
      await insertProof(at.db, aProof(theirs.id, domain, { status: 'valid' }));
      assert.deepEqual(await holders(), [theirs.id]);
      const certificate = aCertificate({ memberId: third.id, names: [domain], orderId: anId() });
      await at.db.transaction(trx => commitCertificate(trx, certificate, 30));
      assert.deepEqual(await holders(), [theirs.id]);
      await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der: bytes('der') });
      assert.deepEqual(await holders(), [theirs.id, third.id].sort());
      await revokeCertificates(at.db, [certificate.serial], { at: at0, reason: 'superseded', by: 'operator' });
      assert.deepEqual(await holders(), [theirs.id]);
    });

    /** What a proof of the asked name would touch: what covers it, and what it would cover. */
    const touching: [held: string, asked: string, touched: boolean][] = [
      ['club.test', 'im.club.test', true],
      ['im.club.test', 'club.test', true],
      ['im.club.test', 'chat.club.test', false],
      ['club.test', 'notclub.test', false],
    ];
    for (const [held, asked, touched] of touching)
      it(`of another member for ${held} ${touched ? 'stands' : 'does not stand'} in the way of ${asked}`, async () => {
        const [mine, theirs] = [await storedMember(at.db), await storedMember(at.db)];
        const host = anId();
        const below = (name: string) => name.replace('club', `club${host}`);
        await insertProof(at.db, aProof(theirs.id, below(held), { status: 'valid' }));
        assert.deepEqual(await otherHolders(at.db, mine.id, below(asked), at0), touched ? [theirs.id] : []);
      });

    it('a certificate for a name below stands in the way, one for a name above does not', async () => {
      const [mine, theirs] = [await storedMember(at.db), await storedMember(at.db)];
      const domain = `${anId()}.test`;
      const certificate = aCertificate({ memberId: theirs.id, names: [`im.${domain}`], orderId: anId() });
      await at.db.transaction(trx => commitCertificate(trx, certificate, 30));
      await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der: bytes('der') });
      assert.deepEqual(await otherHolders(at.db, mine.id, domain, at0), [theirs.id]);
      assert.deepEqual(await otherHolders(at.db, mine.id, `a.im.${domain}`, at0), []);
    });
  });
});
