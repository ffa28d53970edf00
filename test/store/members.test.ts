import assert from 'node:assert/strict';
import { findMember, insertMember, listMembers, markErased, moveMember, replacePersonal, setHashes } from '../../src/store/members.ts';
import { isDuplicate } from '../../src/store/open.ts';
import { onEachEngine } from '../kit/database.ts';
import { aMember, at0, bytes, storedMember } from '../kit/records.ts';

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
});
