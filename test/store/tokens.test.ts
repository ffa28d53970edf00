import assert from 'node:assert/strict';
import { allows, isLiving, type Scope, scopes, type Token } from '../../src/model/token.ts';
import { isDuplicate } from '../../src/store/open.ts';
import { findToken, findTokenBySecret, hasTokens, insertToken, listTokens, revokeToken, touchToken } from '../../src/store/tokens.ts';
import { onEachEngine } from '../kit/database.ts';
import { anId, at0, bytes } from '../kit/records.ts';

describe('the scopes of a token', () => {
  it('imply no more than they say', () => {
    const granted = (scope: Scope) => scopes.filter(needed => allows([scope], needed));
    assert.deepEqual(scopes.map(granted), [['read'], ['read', 'members'], ['read', 'revoke'], ['read', 'members', 'revoke', 'admin']]);
    assert.equal(allows([], 'read'), false);
    assert.equal(allows(['members', 'revoke'], 'admin'), false);
  });
});

onEachEngine('tokens', at => {
  const aToken = (more: Partial<Token> = {}): Token => ({ id: anId(), scopes: ['read'], createdAt: at0, ...more });

  it('are kept whole, found by id and by the hash of their secret', async () => {
    assert.equal(await hasTokens(at.db), false);
    const bare = aToken();
    const full = aToken({ label: bytes('label'), scopes: ['members', 'revoke'], expiresAt: at0 + 1, createdAt: at0 + 1 });
    await insertToken(at.db, bare, bytes('one'));
    await insertToken(at.db, full, bytes('two'));
    assert.equal(await hasTokens(at.db), true);
    assert.deepEqual(await listTokens(at.db), [bare, full]);
    assert.deepEqual(await findToken(at.db, full.id), full);
    assert.deepEqual(await findTokenBySecret(at.db, bytes('one')), bare);
    assert.equal(await findTokenBySecret(at.db, bytes('three')), undefined);
    await assert.rejects(insertToken(at.db, aToken(), bytes('one')), isDuplicate);
  });

  it('live until they are revoked, once, or expire', async () => {
    const token = aToken({ expiresAt: at0 + 10 });
    assert.deepEqual([isLiving(token, at0 + 9), isLiving(token, at0 + 10)], [true, false]);
    await insertToken(at.db, token, bytes(token.id));
    await touchToken(at.db, token.id, at0 + 3);
    assert.equal(await revokeToken(at.db, token.id, at0 + 5), true);
    assert.equal(await revokeToken(at.db, token.id, at0 + 6), false);
    const found = await findToken(at.db, token.id);
    assert.deepEqual(found, { ...token, lastUsedAt: at0 + 3, revokedAt: at0 + 5 });
    assert.equal(isLiving(found, at0), false);
  });
});
