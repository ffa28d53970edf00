import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beginLogAnew } from '../../../src/ca/audit/begin-log.ts';
import { recordAlone } from '../../../src/ca/audit/record.ts';
import { sealAudit } from '../../../src/ca/audit/seal.ts';
import { verifyAudit } from '../../../src/ca/audit/verify.ts';
import { revoke } from '../../../src/ca/revocation/revoke.ts';
import { underLease } from '../../../src/ca/under-lease.ts';
import { operator } from '../../../src/model/audit.ts';
import type { Certificate } from '../../../src/model/certificate.ts';
import { Problem } from '../../../src/model/problem.ts';
import { hashesOf } from '../../../src/tlog/tiles.ts';
import { engines } from '../../kit/ca.ts';
import { issued, openTestCtx, type TestCtx } from '../../kit/ctx.ts';
import { storedAudit } from '../../kit/records.ts';

for (const engine of engines)
  describe(`the verification of the audit log (${engine})`, () => {
    let at: TestCtx;
    let first: Certificate;
    let second: Certificate;
    beforeEach(async () => {
      at = await openTestCtx({ engine });
      first = await issued(at, ['a.test']);
      await sealAudit(at.ctx);
      second = await issued(at, ['b.test']);
      await revoke(at.ctx, first, { reason: 'superseded', revoker: { kind: 'operator' }, actor: { ...operator, address: '192.0.2.7' } });
      await sealAudit(at.ctx);
      for (let i = 0; i < 5; i++) await recordAlone(at.ctx, operator, { action: 'key.blocked', subject: { key: `${i}` } });
      await sealAudit(at.ctx);
    });
    afterEach(async () => {
      await at.ctx.background.settled();
      await at.close();
    });
    const kept = () => join(at.folder, 'data', 'audit-checkpoints');
    const db = () => at.ctx.db;
    const rows = () => db()('audit').orderBy('log_index');
    const said = () =>
      verifyAudit(at.ctx).then(
        () => 'nothing',
        error => {
          if (error instanceof Problem) return error.detail.replace(/^The audit log is not what was signed: /, '');
          throw error;
        },
      );

    it('finds a log as it was signed, whatever is not sealed yet', async () => {
      const all = await rows();
      await recordAlone(at.ctx, operator, { action: 'key.blocked', subject: { key: 'ff' } });
      const { size, checkpoints, kept: inFile, lost, unsealed } = await verifyAudit(at.ctx);
      assert.deepEqual(
        { size, checkpoints, inFile, lost, unsealed },
        { size: all.length, checkpoints: 3, inFile: 3, lost: 0, unsealed: 1 },
      );
    });

    it('goes on when what is personal was erased, and only then', async () => {
      const erased = await db()('audit').whereNotNull('personal').update({ personal: null });
      assert.equal(erased, 1);
      assert.equal(await said(), 'nothing');
      await db()('audit').where({ action: 'certificate.revoked' }).update({ personal_hash: null });
      assert.match(await said(), /audit record \d+, certificate\.revoked\) was altered/);
    });

    /** Puts the records in these places into other ones; no two may be in one place meanwhile. */
    async function move(places: [from: number, to: number][]): Promise<void> {
      const parked = 1_000_000;
      for (const [from] of places)
        await db()('audit')
          .where({ log_index: from })
          .update({ log_index: parked + from });
      for (const [from, to] of places)
        await db()('audit')
          .where({ log_index: parked + from })
          .update({ log_index: to });
    }
    const last = async () => Number((await rows()).at(-1).log_index);
    const between = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

    const tampering: [what: string, harm: () => Promise<unknown>, found: RegExp][] = [
      [
        'who did it',
        () => db()('audit').where({ log_index: 3 }).update({ who: 'nobody' }),
        /^entry 3 \(audit record \d+, [a-z.-]+\) was altered\.$/,
      ],
      ['when', () => db()('audit').where({ log_index: 3 }).increment('at', 1), /^entry 3 .* was altered/],
      ['what', () => db()('audit').where({ log_index: 3 }).update({ action: 'member.added' }), /^entry 3 .* was altered/],
      ['the outcome', () => db()('audit').where({ log_index: 3 }).update({ outcome: 'refused' }), /^entry 3 .* was altered/],
      ['the door', () => db()('audit').where({ log_index: 3 }).update({ door: 'acme' }), /^entry 3 .* was altered/],
      [
        'the subject',
        () => db()('audit').where({ action: 'key.blocked', subject: '{"key":"2"}' }).update({ subject: '{"key":"7"}' }),
        /key\.blocked\) was altered/,
      ],
      [
        'a space in the subject',
        () => db()('audit').where({ subject: '{"key":"2"}' }).update({ subject: '{"key": "2"}' }),
        /key\.blocked\) was altered/,
      ],
      [
        'the subject, to what is no JSON',
        () => db()('audit').where({ action: 'certificate.issued' }).update({ subject: '{' }),
        /certificate\.issued\) was altered/,
      ],
      [
        'the detail',
        () => db()('audit').where({ action: 'certificate.revoked' }).update({ detail: '{"reason":"keyCompromise","by":"operator"}' }),
        /revoked\) was altered/,
      ],
      [
        'the salt',
        () =>
          db()('audit')
            .where({ log_index: 3 })
            .update({ salt: Buffer.alloc(16) }),
        /^entry 3 .* was altered/,
      ],
      [
        'the hash',
        () =>
          db()('audit')
            .where({ log_index: 3 })
            .update({ record_hash: Buffer.alloc(32) }),
        /^entry 3 .* was altered/,
      ],
      [
        'what is personal',
        () =>
          db()('audit')
            .whereNotNull('personal')
            .update({ personal: Buffer.alloc(60) }),
        /was altered: what is personal in it/,
      ],
      [
        'a record with its hash',
        async () => {
          const { recordHashOf } = await import('../../../src/ca/audit/leaf.ts');
          const { sealedAudit } = await import('../../../src/store/audit.ts');
          const [row] = await sealedAudit(db(), 3, 1);
          if (!row?.seal) throw new Error('no row');
          const recordHash = recordHashOf({ ...row, who: 'nobody' }, row.seal.salt);
          await db()('audit').where({ log_index: 3 }).update({ who: 'nobody', record_hash: recordHash });
        },
        /^entry 3 \(audit record \d+, [a-z.-]+\) was altered\.$/,
      ],
      ['a record that is dropped', () => db()('audit').where({ log_index: 4 }).delete(), /^entry 4 is gone\.$/],
      [
        'a record that is dropped, and the gap closed',
        async () => {
          const end = await last();
          await db()('audit').where({ log_index: 4 }).delete();
          await move(between(5, end).map(i => [i, i - 1]));
          await db()('audit').insert({ ...(await rows()).at(-1), id: 999, log_index: end });
        },
        /^entry 4 is gone: what stands in its place was signed as entry 5\.$/,
      ],
      [
        'the last record that is dropped',
        async () =>
          db()('audit')
            .where({ log_index: await last() })
            .delete(),
        /^entry \d+ is gone\.$/,
      ],
      [
        'a record that is taken out of the log',
        () => db()('audit').where({ log_index: 4 }).update({ log_index: null }),
        /^entry 4 is gone\.$/,
      ],
      [
        'a record that is put in',
        async () => {
          const end = await last();
          const { id, ...template } = (await rows()).at(-1);
          const { recordHashOf } = await import('../../../src/ca/audit/leaf.ts');
          await move(between(4, end).map(i => [i, i + 1]));
          const forged = { ...template, subject: '{"key":"forged"}', log_index: 4 };
          await db()('audit').insert({
            ...forged,
            record_hash: recordHashOf({ ...forged, detail: undefined, personalHash: undefined }, forged.salt),
          });
        },
        /^entry 4 \(audit record \d+, key\.blocked\) was added: it was never signed\.$/,
      ],
      [
        'two records that change places',
        () =>
          move([
            [4, 6],
            [6, 4],
          ]),
        /^entry 4 \(audit record \d+, [a-z.-]+\) was moved: it was signed as entry 6\.$/,
      ],
      [
        'a record that is added at the end',
        async () => {
          const { id, ...template } = (await rows()).at(-1);
          await db()('audit').insert({ ...template, log_index: template.log_index + 1 });
        },
        /^entry \d+ and what follows are covered by no checkpoint/,
      ],
      [
        'a certificate',
        () => db()('certificates').where({ serial: second.serial }).update({ der: first.der }),
        /certificate\.issued\) was altered|^entry \d+ .* was altered/,
      ],
      [
        'a certificate that is gone',
        () => db()('certificates').where({ serial: second.serial }).delete(),
        /certificate\.issued\) is not borne out: its certificate is gone/,
      ],
      [
        'a certificate that nobody has logged',
        async () =>
          db()('certificates').insert({
            ...(await db()('certificates').where({ serial: second.serial }).first()),
            serial: 'ff',
            order_id: null,
          }),
        /^\d+ certificates are in the database, and \d+ issuances in the log/,
      ],
      [
        'a revocation that is taken back',
        () => db()('certificates').where({ serial: first.serial }).update({ revoked_at: null, revocation_reason: null }),
        /certificate\.revoked\) is not borne out: the certificate is not recorded as revoked then/,
      ],
      [
        'a revocation that nobody has logged',
        () => db()('certificates').where({ serial: second.serial }).update({ revoked_at: 1, revocation_reason: 'superseded' }),
        /are revoked in the database/,
      ],
      [
        'a certificate that was issued, and is said not to be',
        () => db()('certificates').where({ serial: second.serial }).update({ state: 'committed' }),
        /certificate\.issued\) is not borne out: the certificate is recorded as committed/,
      ],
      [
        'an issuing CA that is said to be revoked',
        () => db()('issuers').where({ kind: 'issuing' }).update({ revoked_at: 1, revocation_reason: 'superseded' }),
        /are revoked in the database/,
      ],
      [
        'a record that is added where no entry is',
        async () => {
          const { id, ...template } = (await rows()).at(-1);
          await db()('audit').insert({ ...template, log_index: -1 });
        },
        /^the audit record \d+ \(key\.blocked\) was added: the log has no entry -1\.$/,
      ],
      [
        'a tile',
        () =>
          db()('log_tiles')
            .where({ level: 0 })
            .update({ hashes: Buffer.alloc(32 * 30) }),
        /^the tile 0\/0 of the tree was altered at entry 0; the records are as they were/,
      ],
      ['a tile that is gone', () => db()('log_tiles').delete(), /^the tile 0\/0 of the tree was altered/],
      [
        'a checkpoint',
        () => db()('checkpoints').orderBy('size').limit(1).update({ note: 'nothing' }),
        /^the checkpoint of size \d+, of \S+, was altered: the log has not signed it/,
      ],
      [
        'a checkpoint in the place of another',
        async () => {
          const [one, other] = await db()('checkpoints').orderBy('size');
          await db()('checkpoints').where({ size: other.size }).update({ note: one.note });
        },
        /^the checkpoint of size \d+, of \S+, was altered/,
      ],
      [
        'the last checkpoint, which is gone',
        async () =>
          db()('checkpoints')
            .where({ size: (await last()) + 1 })
            .delete(),
        /are covered by no checkpoint|is not in the database/,
      ],
      [
        'records, tiles and checkpoints, cut off together',
        async () => {
          const [, , final] = await db()('checkpoints').orderBy('size');
          const [, middle] = await db()('checkpoints').orderBy('size');
          await db()('checkpoints').where({ size: final.size }).delete();
          await db()('audit').where('log_index', '>=', middle.size).delete();
          const { hashes } = await db()('log_tiles').where({ level: 0 }).first();
          await db()('log_tiles')
            .where({ level: 0 })
            .update({ hashes: Buffer.concat(hashesOf(hashes).slice(0, middle.size)) });
        },
        /^the checkpoint of size \d+ that was signed at \S+ \(line 3 of \S+audit-checkpoints\) is not in the database, which was rolled back or truncated/,
      ],
      [
        'record, hashes and tile alike',
        async () => {
          const { leafOf, recordHashOf } = await import('../../../src/ca/audit/leaf.ts');
          const { leafHash } = await import('../../../src/tlog/merkle.ts');
          const { sealedAudit } = await import('../../../src/store/audit.ts');
          const index = (await last()) - 1;
          const [row] = await sealedAudit(db(), index, 1);
          if (!row?.seal) throw new Error('no row');
          const forged = { ...row, who: 'nobody' };
          const recordHash = recordHashOf(forged, row.seal.salt);
          await db()('audit').where({ log_index: index }).update({ who: 'nobody', record_hash: recordHash });
          const hashes = hashesOf((await db()('log_tiles').where({ level: 0 }).first()).hashes);
          hashes[index] = leafHash(leafOf(forged, recordHash, undefined));
          await db()('log_tiles')
            .where({ level: 0 })
            .update({ hashes: Buffer.concat(hashes) });
        },
        /^the checkpoint of size \d+, of \S+, was signed over other records; what was altered lies from entry \d+ on/,
      ],
      [
        'a line of the kept checkpoints',
        async () => writeFileSync(kept(), readFileSync(kept(), 'utf8').replace(/n[A-Za-z0-9+/]{20}/, 'nAAAAAAAAAAAAAAAAAAAA')),
        /^line \d of \S+ is no checkpoint that this log has signed/,
      ],
      [
        'a kept checkpoint of somebody else',
        async () => appendFileSync(kept(), '{"at":"2026-01-01T00:00:00Z","checkpoint":"else"}\n'),
        /^line 4 of \S+ is no checkpoint that this log has signed/,
      ],
    ];
    for (const [what, harm, found] of tampering)
      it(`names ${what}`, async () => {
        assert.equal(await said(), 'nothing');
        await harm();
        assert.match(await said(), found);
      });

    it('names an issuing CA whose revocation is taken back', async () => {
      const old = at.ctx.authority.active.id;
      const { id } = await at.run('issuer create');
      await at.run('issuer activate', { id });
      at.clock.now += 60;
      await at.run('issuer revoke', { id: old, reason: 'superseded' });
      await sealAudit(at.ctx);
      assert.equal(await said(), 'nothing');
      await db()('issuers').where({ id: old }).update({ revoked_at: null, revocation_reason: null });
      assert.match(await said(), /issuer\.revoked\) is not borne out: the certificate is not recorded as revoked then, for that reason/);
    });

    it('names a tile of a higher level, also where the last records did not widen it', async () => {
      await storedAudit(db(), 1025 - (await rows()).length);
      await sealAudit(at.ctx);
      assert.equal((await verifyAudit(at.ctx)).size, 1025);
      const { hashes } = await db()('log_tiles').where({ level: 1 }).first();
      await db()('log_tiles')
        .where({ level: 1 })
        .update({ hashes: Buffer.concat([Buffer.alloc(32), hashes.subarray(32)]) });
      assert.match(await said(), /^the tile 1\/0 of the tree was altered; the records are as they were/);
    });

    it('accepts a loss when the log began anew after it, and no other', async () => {
      await assert.rejects(beginLogAnew(at.ctx, 'nothing was lost', operator), /goes on as it is/);
      const before = await rows();
      await issued(at, ['c.test']);
      await sealAudit(at.ctx);
      await restore(before.length);
      await issued(at, ['d.test']);
      await assert.rejects(sealAudit(at.ctx), /restored from a backup/);
      const log = await beginLogAnew(at.ctx, 'the disk of the database was lost', operator);
      assert.equal(log.origin, 'localhost:8080/log/2');
      await sealAudit(at.ctx);
      await sealAudit(at.ctx);
      const { size, checkpoints, kept, lost } = await verifyAudit(at.ctx);
      assert.deepEqual({ size, checkpoints, kept, lost }, { size: (await rows()).length, checkpoints: 5, kept: 6, lost: 1 });
      const begun = await db()('audit').where({ action: 'log.begun' }).orderBy('id', 'desc').first();
      assert.match(
        begun.detail,
        /"reason":"the disk of the database was lost","former":"localhost:8080\/log","from":14,"lost":\{"after":14,"size":16,/,
      );
      const [first] = await db()('checkpoints').where({ log_id: 1 }).orderBy('size');
      await db()('checkpoints').where({ log_id: 1, size: first.size }).delete();
      assert.match(await said(), /is not in the database, which was rolled back or truncated/);
    });

    it('signs nothing more where another process has gone on from an older copy, until the log begins anew', async () => {
      const before = await rows();
      await issued(at, ['c.test']);
      await sealAudit(at.ctx);
      await restore(before.length);
      const env = { XMPP_CA_KEY: readFileSync(join(at.folder, 'data/keys/kek'), 'utf8').trim() };
      const other = await at.another({ dataDir: 'elsewhere', env });
      await storedAudit(db(), 10);
      await sealAudit(other.ctx);
      await assert.rejects(sealAudit(at.ctx), /is another one than that which was signed at \S+, at the size \d+/);
      assert.equal(readFileSync(kept(), 'utf8').trim().split('\n').length, 4, 'nothing of the other is kept beside ours');
      assert.match(await said(), /\(line 4 of \S+audit-checkpoints\) is not in the database/);

      await beginLogAnew(at.ctx, 'an older copy was put back', operator);
      await sealAudit(at.ctx);
      await sealAudit(other.ctx);
      const { kept: inFile, lost } = await verifyAudit(at.ctx);
      assert.deepEqual({ inFile, lost }, { inFile: 6, lost: 1 });
      assert.equal((await verifyAudit(other.ctx)).lost, 0);
      const [, second] = await db()('checkpoints').where({ log_id: 1 }).orderBy('size');
      await db()('checkpoints').where({ log_id: 1, size: second.size }).delete();
      assert.match(await said(), /is not in the database, which was rolled back or truncated/);
    });

    it('does not let the log begin anew while a process is sealing it', async () => {
      await issued(at, ['c.test']);
      await sealAudit(at.ctx);
      await restore(10);
      await underLease(at.ctx, 'seal audit', () =>
        assert.rejects(beginLogAnew(at.ctx, 'an older copy was put back', operator), /Another process is sealing/),
      );
    });

    /** What an older copy of the database has. */
    async function restore(size: number): Promise<void> {
      await db()('audit').where('log_index', '>=', size).delete();
      await db()('certificates').where({ names: '["c.test"]' }).delete();
      await db()('checkpoints').where('size', '>', size).delete();
      const { hashes } = await db()('log_tiles').where({ level: 0 }).first();
      await db()('log_tiles')
        .where({ level: 0 })
        .update({ hashes: hashes.subarray(0, size * 32) });
    }

    it('names what a database knows no more that was put back from an older copy', async () => {
      const before = await rows();
      await issued(at, ['c.test']);
      await sealAudit(at.ctx);
      const copy = join(at.folder, 'audit-checkpoints-elsewhere');
      copyFileSync(kept(), copy);
      await restore(before.length);
      assert.match(await said(), /line 4 of \S+ is not in the database|\(line 4 of \S+audit-checkpoints\) is not in the database/);
      writeFileSync(kept(), readFileSync(kept(), 'utf8').split('\n').slice(0, 3).join('\n'));
      assert.equal(await said(), 'nothing');
      await assert.rejects(verifyAudit(at.ctx, copy), /line 4 of \S+audit-checkpoints-elsewhere\) is not in the database/);
    });
  });
