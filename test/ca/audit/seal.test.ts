import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { sealAudit } from '../../../src/ca/audit/seal.ts';
import { LogBroken } from '../../../src/ca/audit/signed-log.ts';
import { verifyAudit } from '../../../src/ca/audit/verify.ts';
import { blockCompromisedKey, revoke } from '../../../src/ca/revocation/revoke.ts';
import { operator } from '../../../src/model/audit.ts';
import { rfc3339 } from '../../../src/model/encoding.ts';
import { oldestUnsealed } from '../../../src/store/audit.ts';
import { currentLog } from '../../../src/store/log.ts';
import { engines } from '../../kit/ca.ts';
import { issued, openTestCtx, type TestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { storedAudit } from '../../kit/records.ts';

/** RFC 6962 §2.1, written apart from what is tested. */
function mth(leaves: readonly Buffer[]): Buffer {
  const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (leaves.length < 2) return leaves[0] ? sha(Buffer.of(0), leaves[0]) : sha();
  const k = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return sha(Buffer.of(1), mth(leaves.slice(0, k)), mth(leaves.slice(k)));
}

for (const engine of engines)
  describe(`the sealing of the audit log (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }), 'each');
    const kept = () => join(at.folder, 'data', 'audit-checkpoints');
    const newest = async () => (await at.ctx.db('checkpoints').orderBy('size', 'desc').first()) as { size: number; note: string };

    it('gives every record a place, and signs a tree of leaves that hold what is public and a salted hash of the rest', async () => {
      const certificate = await issued(at, ['im.test']);
      await revoke(at.ctx, certificate, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
      await sealAudit(at.ctx);
      assert.equal(await oldestUnsealed(at.ctx.db), undefined);
      const rows = await at.ctx.db('audit').orderBy('log_index');
      const leaves = rows.map(r => {
        const text = JSON.stringify([
          r.at,
          r.action,
          r.outcome,
          r.who,
          r.door,
          r.subject,
          r.detail,
          r.personal_hash?.toString('base64') ?? null,
        ]);
        const record = createHash('sha256').update(r.salt).update(text).digest('base64');
        if (r.action === 'certificate.issued')
          return { type: 'certificate', certificate: Buffer.from(certificate.der ?? []).toString('base64'), record };
        if (r.action === 'certificate.revoked') {
          const { serial, issuerId: issuer } = certificate;
          return { type: 'revocation', issuer, serial, time: rfc3339(at.clock.now), reason: 'superseded', record };
        }
        if (r.action === 'issuer.created' || r.action === 'authority.created') {
          const { root, active } = at.ctx.authority;
          const der = r.action === 'issuer.created' ? active.certificate : root.certificate;
          return { type: 'certificate', certificate: Buffer.from(der).toString('base64'), record };
        }
        return { type: 'record', record };
      });
      const { size, note } = await newest();
      assert.equal(size, rows.length);
      const log = await currentLog(at.ctx.db);
      assert.equal(log?.origin, 'localhost:8080/log');
      const root = mth(leaves.map(leaf => Buffer.from(JSON.stringify(leaf))));
      assert.ok(note.startsWith(`localhost:8080/log\n${size}\n${root.toString('base64')}\n\n\u2014 localhost:8080/log `));
      assert.equal(new Set(rows.map(r => r.salt.toString('hex'))).size, rows.length, 'a salt of its own for each');
      assert.deepEqual(JSON.parse(readFileSync(kept(), 'utf8').trim()), { at: rfc3339(at.clock.now), checkpoint: note });
    });

    it('does nothing where there is nothing to seal', async () => {
      await sealAudit(at.ctx);
      const before = await newest();
      await sealAudit(at.ctx);
      assert.deepEqual(await newest(), before);
      assert.equal(readFileSync(kept(), 'utf8').split('\n').length, 2);
    });

    // On SQLite there is one writer, and two of one process would wait for each other.
    if (engine === 'postgres')
      it('is done by one process of many, which lose and double nothing', async () => {
        const others = [await at.another(), await at.another()];
        const work = async (ctx: TestCtx['ctx'], n: number) => {
          for (let i = 0; i < 10; i++) await blockCompromisedKey(ctx, `${n}${i}`.padStart(64, '0'), 'test', operator);
        };
        let working = true;
        const sealing = [at, ...others].map(async ({ ctx }) => {
          while (working) {
            await sealAudit(ctx);
            await setImmediate();
          }
        });
        await Promise.all([at, ...others].map(({ ctx }, n) => work(ctx, n)));
        working = false;
        await Promise.all(sealing);
        await sealAudit(at.ctx);
        const places = (await at.ctx.db('audit').orderBy('log_index')).map(r => r.log_index);
        assert.deepEqual(
          places,
          places.map((_, i) => i),
        );
        assert.equal((await at.ctx.db('audit').where({ action: 'key.blocked' })).length, 30);
        assert.equal((await verifyAudit(at.ctx)).size, places.length);
      });

    it('takes more than a batch, over the width of a tile', async () => {
      await storedAudit(at.ctx.db, 1300, at.clock.now);
      await sealAudit(at.ctx);
      assert.ok((await newest()).size > 1300);
      assert.equal((await verifyAudit(at.ctx)).size, (await newest()).size);
    });

    it('stops where a crash stops it, and goes on', async () => {
      await sealAudit(at.ctx);
      await issued(at, ['im.test']);
      const { now } = at.ctx;
      at.ctx.now = () => {
        throw new Error('the power went out');
      };
      await assert.rejects(sealAudit(at.ctx), /the power went out/);
      at.ctx.now = now;
      await sealAudit(at.ctx);
      await verifyAudit(at.ctx);
    });

    it('keeps beside the database what other processes have signed, and what a crash kept from being written', async () => {
      await sealAudit(at.ctx);
      const other = await at.another({
        dataDir: 'elsewhere',
        env: { XMPP_CA_KEY: readFileSync(join(at.folder, 'data/keys/kek'), 'utf8').trim() },
      });
      await issued(at, ['im.test']);
      await sealAudit(other.ctx);
      const theirs = readFileSync(join(at.folder, 'elsewhere', 'audit-checkpoints'), 'utf8');
      assert.equal(theirs.trim().split('\n').length, 2);
      // Cut short in the middle of a line.
      writeFileSync(kept(), readFileSync(kept(), 'utf8') + theirs.slice(-40, -10));
      await sealAudit(at.ctx);
      assert.ok(readFileSync(kept(), 'utf8').endsWith(`${theirs.split('\n').at(-2)}\n`));
      assert.equal((await verifyAudit(at.ctx)).kept, 2);
    });

    it('signs nothing more where the database was rolled back', async () => {
      await sealAudit(at.ctx);
      const backup = await at.ctx.db('audit').max('log_index as last').first();
      await issued(at, ['im.test']);
      await sealAudit(at.ctx);
      const last = Number(backup?.['last']);
      await at.ctx
        .db('checkpoints')
        .where('size', '>', last + 1)
        .delete();
      await at.ctx.db('audit').where('log_index', '>', last).update({ log_index: null });
      await assert.rejects(
        sealAudit(at.ctx),
        (error: Error) => error instanceof LogBroken && /was rolled back, or restored from a backup/.test(error.message),
      );
      rmSync(kept());
      await assert.rejects(
        sealAudit(at.ctx),
        /tiles of the audit log are not those|was sealed|rolled back/,
        'also without the file: the tiles know',
      );
    });

    const damage: [string, (t: TestCtx) => Promise<unknown>, RegExp][] = [
      [
        'an altered tile',
        ({ ctx }) =>
          ctx
            .db('log_tiles')
            .where({ level: 0 })
            .update({ hashes: Buffer.alloc(32 * 3, 7) }),
        /tiles of the audit log are not those/,
      ],
      ['a tile that is gone', ({ ctx }) => ctx.db('log_tiles').delete(), /tiles of the audit log are not those/],
      ['an altered checkpoint', ({ ctx }) => ctx.db('checkpoints').update({ note: 'nothing' }), /not what the log has signed/],
      ['checkpoints that are gone', ({ ctx }) => ctx.db('checkpoints').delete(), /rolled back|gone from the database/],
      ['an identity that is gone', ({ ctx }) => ctx.db('logs').delete(), /has no identity/],
    ];
    for (const [what, harm, message] of damage)
      it(`signs nothing after ${what}`, async () => {
        await sealAudit(at.ctx);
        await harm(at);
        await issued(at, ['im.test']);
        await assert.rejects(sealAudit(at.ctx), (error: Error) => error instanceof LogBroken && message.test(error.message));
      });

    it('names the record that cannot be sealed', async () => {
      const { serial } = await issued(at, ['im.test']);
      const row = await at.ctx.db('certificates').where({ serial }).first();
      await at.ctx.db('certificates').where({ serial }).delete();
      await assert.rejects(sealAudit(at.ctx), /the audit record \d+ \(certificate\.issued\) cannot be sealed: its certificate is gone/);
      await at.ctx.db('certificates').insert(row);
      await sealAudit(at.ctx);
    });

    it('of a new database makes the file of checkpoints for its owner alone', async () => {
      assert.equal(existsSync(kept()), false);
      await sealAudit(at.ctx);
      const { mode } = await import('node:fs').then(fs => fs.statSync(kept()));
      assert.equal(mode & 0o777, 0o600);
    });
  });
