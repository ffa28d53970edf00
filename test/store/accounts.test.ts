import assert from 'node:assert/strict';
import {
  changeKey,
  findAccount,
  findAccountAndMember,
  findAccountByKey,
  insertAccount,
  isRetired,
  listAccounts,
  listAccountsByDoor,
  moveToDeactivated,
  updateContact,
  updateTerms,
} from '../../src/store/accounts.ts';
import { isDuplicate } from '../../src/store/open.ts';
import { onEachEngine } from '../kit/database.ts';
import { anAccount, at0, bytes, storedAccount, storedMember } from '../kit/records.ts';

onEachEngine('the store of accounts', at => {
  it('gives an account back with and without its optional members', async () => {
    const member = await storedMember(at.db);
    const bare = await storedAccount(at.db);
    const full = await storedAccount(at.db, {
      memberId: member.id,
      door: 'eab',
      doorId: 'kid1',
      contact: bytes('contact'),
      termsAgreed: 'https://ca.test/terms/1',
      externalAccountBinding: { protected: 'eyJ', payload: '', signature: 'AA' },
    });
    assert.deepEqual(await findAccount(at.db, bare.id), bare);
    assert.deepEqual(await findAccount(at.db, full.id), full);
    assert.deepEqual(await findAccountByKey(at.db, full.thumbprint), full);
    assert.deepEqual(await findAccountAndMember(at.db, full.id), { account: full, member });
    assert.deepEqual(await findAccountAndMember(at.db, bare.id), { account: bare });
    assert.equal(await findAccountAndMember(at.db, 'nobody'), undefined);
    assert.equal(await findAccountByKey(at.db, 'unknown'), undefined);
  });

  it('keeps every kind of key', async () => {
    for (const jwk of [
      { kty: 'RSA', e: 'AQAB', n: 'n'.repeat(683) },
      { kty: 'OKP', crv: 'Ed25519', x: 'x' },
    ] as const) {
      const account = await storedAccount(at.db, { jwk });
      assert.deepEqual((await findAccount(at.db, account.id))?.jwk, jwk);
    }
  });

  it('has one account a key: of many at once one is made, and the others are told a duplicate', async () => {
    const { thumbprint } = anAccount();
    const made = await Promise.allSettled(Array.from({ length: 6 }, () => insertAccount(at.db, anAccount({ thumbprint }))));
    assert.equal(made.filter(m => m.status === 'fulfilled').length, 1);
    for (const m of made) if (m.status === 'rejected') assert.ok(isDuplicate(m.reason), String(m.reason));
  });

  it('lists by member and by door, the oldest first', async () => {
    const { id: memberId } = await storedMember(at.db);
    const door = { memberId, door: 'directory', doorId: `d-${memberId}` } as const;
    const second = await storedAccount(at.db, { ...door, createdAt: at0 + 2 });
    const first = await storedAccount(at.db, { ...door, createdAt: at0 + 1 });
    const elsewhere = await storedAccount(at.db, { ...door, door: 'eab', createdAt: at0 + 3 });
    assert.deepEqual(await listAccounts(at.db, { memberId }), [first, second, elsewhere]);
    assert.ok((await listAccounts(at.db)).length >= 3);
    const ids = async () => (await listAccountsByDoor(at.db, 'directory', door.doorId)).map(a => a.id).sort();
    assert.deepEqual(await ids(), [first.id, second.id].sort());
    await moveToDeactivated(at.db, first, at0);
    assert.deepEqual(await ids(), [second.id]);
  });

  it('changes contact and terms', async () => {
    const account = await storedAccount(at.db, { contact: bytes('old') });
    await updateContact(at.db, account.id, bytes('new'));
    assert.deepEqual(await findAccount(at.db, account.id), { ...account, contact: bytes('new') });
    await updateContact(at.db, account.id, undefined);
    await updateTerms(at.db, account.id, 'https://ca.test/terms/2');
    const { contact: _, ...rest } = account;
    assert.deepEqual(await findAccount(at.db, account.id), { ...rest, termsAgreed: 'https://ca.test/terms/2' });
  });

  it('deactivates once, and retires the key', async () => {
    const account = await storedAccount(at.db);
    assert.equal(await isRetired(at.db, account.thumbprint), false);
    assert.equal(await moveToDeactivated(at.db, account, at0 + 1), true);
    assert.equal(await moveToDeactivated(at.db, account, at0 + 2), false);
    assert.equal(await isRetired(at.db, account.thumbprint), true);
    assert.equal((await findAccount(at.db, account.id))?.status, 'deactivated');
    assert.equal(await changeKey(at.db, account, account.jwk, 'another', at0), false);
  });

  it('changes a key from the old one only, and retires that', async () => {
    const account = await storedAccount(at.db);
    const fresh = anAccount();
    assert.equal(await changeKey(at.db, account, fresh.jwk, fresh.thumbprint, at0 + 1), true);
    assert.equal(await changeKey(at.db, account, account.jwk, account.thumbprint, at0 + 2), false);
    assert.deepEqual(await findAccount(at.db, account.id), { ...account, jwk: fresh.jwk, thumbprint: fresh.thumbprint });
    assert.equal(await isRetired(at.db, account.thumbprint), true);
    assert.equal(await isRetired(at.db, fresh.thumbprint), false);
  });

  it('does not change to a key that has an account', async () => {
    const [account, other] = [await storedAccount(at.db), await storedAccount(at.db)];
    await assert.rejects(
      at.db.transaction(trx => changeKey(trx, account, other.jwk, other.thumbprint, at0)),
      isDuplicate,
    );
    assert.deepEqual(await findAccount(at.db, account.id), account);
    assert.equal(await isRetired(at.db, account.thumbprint), false);
  });
});
