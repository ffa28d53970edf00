import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../src/model/sha256.ts';
import { listAudit } from '../../src/store/audit.ts';
import { findTokenBySecret } from '../../src/store/tokens.ts';
import { engines } from '../kit/ca.ts';
import { openTestCtx } from '../kit/ctx.ts';
import { opened } from '../kit/opened.ts';
import { at0 } from '../kit/records.ts';

for (const engine of engines)
  describe(`token (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));

    it('the first is made by the first start alone, and lies in a file for the operator', async () => {
      const file = join(at.folder, 'data/admin-token');
      const secret = readFileSync(file, 'utf8').trimEnd();
      assert.match(secret, /^xca_[a-z2-7]{52}$/);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const first = await findTokenBySecret(at.ctx.db, sha256(secret));
      assert.deepEqual(first?.scopes, ['admin']);
      rmSync(file);
      await at.another();
      assert.throws(() => statSync(file), /ENOENT/);
      assert.equal((await at.run('token list')).length, 1);
      assert.deepEqual(
        (await listAudit(at.ctx.db, { action: 'token.created' })).toReversed().map(e => [e.who, e.subject]),
        [['clock', { token: first?.id }]],
      );
    });

    it('create shows it once; list does not; revoke ends it once', async () => {
      const made = await at.run('token create', { scope: 'members,revoke,members', expires: '7', label: 'Ghent' });
      assert.deepEqual(made.scopes, ['members', 'revoke']);
      assert.match(made.token, /^xca_[a-z2-7]{52}$/);
      const { token, ...facts } = made;
      const listed = (await at.run('token list')).find((t: { id: string }) => t.id === made.id);
      assert.deepEqual(listed, facts);
      const rows = JSON.stringify(await at.ctx.db('tokens')) + JSON.stringify(await at.ctx.db('audit'));
      assert.equal(rows.includes(token) || rows.includes(token.slice(4)), false);
      assert.equal((await findTokenBySecret(at.ctx.db, sha256(token)))?.expiresAt, at0 + 7 * 86400);
      assert.ok((await at.run('token revoke', { id: made.id })).revokedAt);
      await assert.rejects(at.run('token revoke', { id: made.id }), /revoked already/);
      await assert.rejects(at.run('token revoke', { id: 'none' }), /There is no token none/);
      const [revoked] = await listAudit(at.ctx.db, { action: 'token.revoked' });
      assert.deepEqual([revoked?.who, revoked?.subject], ['operator', { token: made.id }]);
    });
  });
