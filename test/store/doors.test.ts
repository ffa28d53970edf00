import assert from 'node:assert/strict';
import type { EabKey, MemberDirectory } from '../../src/model/member.ts';
import {
  eraseLabelsOfMember,
  eraseLabelsOfSpent,
  findDirectory,
  findDirectoryBySecret,
  findEabKey,
  findThumbprint,
  insertDirectory,
  insertEabKey,
  insertThumbprint,
  listDirectories,
  listEabKeys,
  listThumbprints,
  revokeDirectory,
  revokeEabKey,
  useDirectory,
  useEabKey,
  useThumbprint,
} from '../../src/store/doors.ts';
import { isDuplicate } from '../../src/store/open.ts';
import { onEachEngine } from '../kit/database.ts';
import { paged } from '../kit/paged.ts';
import { aDirectory, anEabKey, anId, at0, bytes, storedMember } from '../kit/records.ts';

onEachEngine('the doors of a member', at => {
  let memberId: string;
  beforeEach(async () => {
    memberId = (await storedMember(at.db)).id;
  });

  /** How many of eight that ask at once are told yes. */
  const winners = async (ask: () => Promise<boolean>) => (await Promise.all(Array.from({ length: 8 }, ask))).filter(Boolean).length;

  describe('external account binding keys', () => {
    async function stored(more: Partial<EabKey> = {}): Promise<EabKey> {
      const key = anEabKey(memberId, more);
      await insertEabKey(at.db, key);
      return key;
    }

    it('come back with and without their optional members', async () => {
      const bare = await stored();
      const full = await stored({ label: bytes('label'), usesLeft: 3, createdAt: at0 + 1 });
      assert.deepEqual(await findEabKey(at.db, bare.kid), bare);
      assert.deepEqual(await findEabKey(at.db, full.kid), full);
      assert.deepEqual(
        (await listEabKeys(at.db)).filter(k => k.memberId === memberId),
        [bare, full],
      );
      assert.equal(await findEabKey(at.db, 'unknown'), undefined);
    });

    it('are listed by their time, of all members or of one, page by page', async () => {
      const late = await stored({ createdAt: at0 + 1 });
      const early = [await stored(), await stored()].sort((a, b) => (a.kid < b.kid ? -1 : 1));
      const other = anEabKey((await storedMember(at.db)).id);
      await insertEabKey(at.db, other);
      assert.deepEqual(await listEabKeys(at.db, undefined, memberId), [...early, late]);
      const position = (k: EabKey) => ({ at: k.createdAt, id: k.kid });
      assert.deepEqual(await paged(1, page => listEabKeys(at.db, page, memberId), position), [...early, late]);
      const all = await listEabKeys(at.db);
      assert.ok(all.some(k => k.kid === other.kid));
      assert.deepEqual(await paged(2, page => listEabKeys(at.db, page), position), all);
      assert.deepEqual(await listEabKeys(at.db, undefined, 'nobody'), []);
    });

    it('have an id each, and belong to a member', async () => {
      const { kid } = await stored();
      await assert.rejects(stored({ kid }), isDuplicate);
      await assert.rejects(stored({ memberId: 'nobody' }), error => !isDuplicate(error));
    });

    it('are used as often as they may', async () => {
      const twice = await stored({ usesLeft: 2 });
      assert.deepEqual(
        [await useEabKey(at.db, twice.kid, at0), await useEabKey(at.db, twice.kid, at0), await useEabKey(at.db, twice.kid, at0)],
        [true, true, false],
      );
      assert.equal((await findEabKey(at.db, twice.kid))?.usesLeft, 0);
      assert.equal(await useEabKey(at.db, 'unknown', at0), false);
    });

    it('without a number are used without end, and stay without one', async () => {
      const any = await stored();
      for (let i = 0; i < 3; i++) assert.equal(await useEabKey(at.db, any.kid, at0), true);
      assert.deepEqual(await findEabKey(at.db, any.kid), any);
    });

    it('end with their time, in the second that is named', async () => {
      const k = await stored();
      assert.equal(await useEabKey(at.db, k.kid, at0 + 99), true);
      assert.equal(await useEabKey(at.db, k.kid, at0 + 100), false);
    });

    it('are revoked once, and then used no more', async () => {
      const k = await stored();
      assert.equal(await revokeEabKey(at.db, k.kid, at0 + 5), true);
      assert.equal(await revokeEabKey(at.db, k.kid, at0 + 6), false);
      assert.equal(await useEabKey(at.db, k.kid, at0 + 7), false);
      assert.deepEqual(await findEabKey(at.db, k.kid), { ...k, revokedAt: at0 + 5 });
      assert.equal(await revokeEabKey(at.db, 'unknown', at0), false);
    });

    it('lose no use where they are expired or revoked', async () => {
      const [expired, revoked] = [await stored({ usesLeft: 1, expiresAt: at0 }), await stored({ usesLeft: 1 })];
      await revokeEabKey(at.db, revoked.kid, at0);
      for (const { kid } of [expired, revoked]) {
        assert.equal(await useEabKey(at.db, kid, at0), false);
        assert.equal((await findEabKey(at.db, kid))?.usesLeft, 1);
      }
    });

    it('give their last use to one of many that ask at once', async () => {
      const k = await stored({ usesLeft: 1 });
      assert.equal(await winners(() => useEabKey(at.db, k.kid, at0)), 1);
    });

    it('are revoked by one of many that ask at once', async () => {
      const k = await stored();
      assert.equal(await winners(() => revokeEabKey(at.db, k.kid, at0)), 1);
    });

    it('lose the labels of one member, once, and nothing else', async () => {
      const [one, other] = [await stored({ label: bytes('one') }), await stored({ label: bytes('other') })];
      const bare = await stored();
      const elsewhere = await stored({ label: bytes('elsewhere'), memberId: (await storedMember(at.db)).id });
      assert.deepEqual([await eraseLabelsOfMember(at.db, memberId), await eraseLabelsOfMember(at.db, memberId)], [2, 0]);
      const { label: _, ...rest } = one;
      assert.deepEqual(await findEabKey(at.db, one.kid), rest);
      assert.equal((await findEabKey(at.db, other.kid))?.label, undefined);
      assert.deepEqual(await findEabKey(at.db, bare.kid), bare);
      assert.deepEqual(await findEabKey(at.db, elsewhere.kid), elsewhere);
    });

    it('lose the labels of members that have left before a time, not in that second', async () => {
      const labelled = async (more: Parameters<typeof storedMember>[1]) =>
        stored({ label: bytes('label'), memberId: (await storedMember(at.db, more)).id });
      const spent = await labelled({ status: 'left', leftAt: at0 - 1 });
      const kept = [await labelled({ status: 'left', leftAt: at0 }), await labelled({}), await labelled({ status: 'suspended' })];
      assert.deepEqual([await eraseLabelsOfSpent(at.db, at0), await eraseLabelsOfSpent(at.db, at0)], [1, 0]);
      assert.equal((await findEabKey(at.db, spent.kid))?.label, undefined);
      for (const k of kept) assert.deepEqual(await findEabKey(at.db, k.kid), k);
    });
  });

  describe('member directories', () => {
    async function stored(more: Partial<MemberDirectory> = {}, secret = anId()): Promise<MemberDirectory> {
      const directory = aDirectory(memberId, more);
      await insertDirectory(at.db, directory, bytes(secret));
      return directory;
    }

    it('come back with and without their optional members, by id and by the hash of their secret', async () => {
      const bare = await stored();
      const more = { profile: 'xmpp-server-short', domains: ['im.test', 'b.test'], accountsLeft: 1, expiresAt: at0 + 9 };
      const full = await stored({ ...more, createdAt: at0 + 1 }, `secret ${memberId}`);
      assert.deepEqual(await findDirectory(at.db, bare.id), bare);
      assert.deepEqual(await findDirectoryBySecret(at.db, bytes(`secret ${memberId}`)), full);
      assert.equal(await findDirectoryBySecret(at.db, bytes('another secret')), undefined);
      assert.equal(await findDirectory(at.db, 'unknown'), undefined);
      assert.deepEqual(
        (await listDirectories(at.db)).filter(d => d.memberId === memberId),
        [bare, full],
      );
    });

    it('keep a list of no domains apart from every domain', async () => {
      const none = await stored({ domains: [] });
      assert.deepEqual((await findDirectory(at.db, none.id))?.domains, []);
    });

    it('are listed by their time, of all members or of one, page by page', async () => {
      const [late, early] = [await stored({ createdAt: at0 + 1 }), await stored()];
      const other = await stored({ memberId: (await storedMember(at.db)).id });
      assert.deepEqual(await listDirectories(at.db, undefined, memberId), [early, late]);
      const position = (d: MemberDirectory) => ({ at: d.createdAt, id: d.id });
      assert.deepEqual(await paged(1, page => listDirectories(at.db, page, memberId), position), [early, late]);
      const all = await listDirectories(at.db);
      assert.ok(all.some(d => d.id === other.id));
      assert.deepEqual(await paged(2, page => listDirectories(at.db, page), position), all);
    });

    it('have a secret each, and belong to a member', async () => {
      await stored({}, 'the same secret');
      await assert.rejects(stored({}, 'the same secret'), isDuplicate);
      await assert.rejects(stored({ memberId: 'nobody' }), error => !isDuplicate(error));
    });

    it('take as many accounts as they may, until they end or are revoked', async () => {
      const one = await stored({ accountsLeft: 1, expiresAt: at0 + 10 });
      const any = await stored();
      const lapsed = await stored({ accountsLeft: 5, expiresAt: at0 });
      assert.equal(await useDirectory(at.db, lapsed.id, at0), false);
      assert.equal(await useDirectory(at.db, one.id, at0), true);
      assert.equal(await useDirectory(at.db, one.id, at0), false);
      assert.equal(await useDirectory(at.db, any.id, at0), true);
      assert.equal(await useDirectory(at.db, any.id, at0), true);
      assert.equal(await revokeDirectory(at.db, any.id, at0 + 1), true);
      assert.equal(await revokeDirectory(at.db, any.id, at0 + 2), false);
      assert.equal(await useDirectory(at.db, any.id, at0 + 2), false);
      assert.deepEqual(await findDirectory(at.db, any.id), { ...any, revokedAt: at0 + 1 });
      for (const act of [useDirectory, revokeDirectory]) assert.equal(await act(at.db, 'unknown', at0), false);
    });

    it('end with their time, in the second that is named, and lose no account then', async () => {
      const { id } = await stored({ accountsLeft: 2, expiresAt: at0 + 10 });
      assert.deepEqual([await useDirectory(at.db, id, at0 + 9), await useDirectory(at.db, id, at0 + 10)], [true, false]);
      assert.equal((await findDirectory(at.db, id))?.accountsLeft, 1);
    });

    it('give their last account to one of many that ask at once', async () => {
      const { id } = await stored({ accountsLeft: 1 });
      assert.equal(await winners(() => useDirectory(at.db, id, at0)), 1);
    });
  });

  describe('registered thumbprints', () => {
    const registered = (more = {}) => ({ thumbprint: `t-${anId()}`, memberId, createdAt: at0, ...more });

    it('come back, and are consumed each once', async () => {
      const one = registered();
      await insertThumbprint(at.db, one);
      assert.deepEqual(await findThumbprint(at.db, one.thumbprint), one);
      assert.equal(await useThumbprint(at.db, one.thumbprint, at0 + 3), true);
      assert.equal(await useThumbprint(at.db, one.thumbprint, at0 + 4), false);
      assert.deepEqual(await findThumbprint(at.db, one.thumbprint), { ...one, usedAt: at0 + 3 });
      await assert.rejects(insertThumbprint(at.db, one), isDuplicate);
      await assert.rejects(insertThumbprint(at.db, registered({ memberId: 'nobody' })), error => !isDuplicate(error));
      assert.equal(await useThumbprint(at.db, 'unknown', at0), false);
      assert.equal(await findThumbprint(at.db, 'unknown'), undefined);
    });

    it('are listed by their time, of one member, the used ones too', async () => {
      const late = registered({ createdAt: at0 + 1, thumbprint: `a-${anId()}` });
      const early = [registered({ thumbprint: `b-${anId()}` }), registered({ thumbprint: `c-${anId()}` })];
      const other = registered({ memberId: (await storedMember(at.db)).id });
      for (const each of [late, ...early.toReversed(), other]) await insertThumbprint(at.db, each);
      await useThumbprint(at.db, late.thumbprint, at0 + 3);
      assert.deepEqual(await listThumbprints(at.db, memberId), [...early, { ...late, usedAt: at0 + 3 }]);
      assert.deepEqual(await listThumbprints(at.db, 'nobody'), []);
    });

    it('are consumed by one of many that ask at once', async () => {
      const one = registered();
      await insertThumbprint(at.db, one);
      assert.equal(await winners(() => useThumbprint(at.db, one.thumbprint, at0)), 1);
    });
  });
});
