import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { record, recordAlone } from '../../../src/ca/audit/record.ts';
import { publishDueCrls } from '../../../src/ca/authority/publish-crl.ts';
import { cleanUp } from '../../../src/ca/clean-up.ts';
import { deliverDue } from '../../../src/ca/mail/deliver.ts';
import { reportPage } from '../../../src/ca/report/page.tsx';
import { closeReports } from '../../../src/ca/report/report.ts';
import { clock } from '../../../src/model/audit.ts';
import { rfc3339 } from '../../../src/model/encoding.ts';
import type { Problem } from '../../../src/model/problem.ts';
import { quarterAt, quartersLater, spanOf } from '../../../src/model/quarter.ts';
import { operations } from '../../../src/operations/table.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { takeLease } from '../../../src/store/leases.ts';
import { insertEntry } from '../../../src/store/ledger.ts';
import { countObservation } from '../../../src/store/observations.ts';
import { insertProof } from '../../../src/store/proofs.ts';
import { lockAccounts } from '../../../src/store/reports.ts';
import { codeIn, engines } from '../../kit/ca.ts';
import { issued, openTestCtx, refusal } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { aProof, at0 } from '../../kit/records.ts';
import { figuresOf, storedIssuance } from '../../kit/report.ts';

const day = 86400;
const now = quarterAt(at0);
const { from, until } = spanOf(now);

for (const engine of engines)
  describe(`the report of a quarter (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }), 'each');

    const report = (quarter: string = now) => at.run('report show', { quarter });
    const figures = async (quarter: string = now) => figuresOf(await report(quarter));
    const values = async (...ids: string[]) => {
      const all = await figures();
      return ids.map(id => all[id]?.[0]);
    };
    const trace = async (figure: string, quarter: string = now) => at.run('report trace', { quarter, figure });
    const addMember = async () => (await at.run('member add', { name: 'Example Club', email: 'a@club.test' })).id as string;
    const close = async (quarter: string = now) => {
      at.clock.now = spanOf(quarter as typeof now).until + 5 * day;
      await closeReports(at.ctx);
    };
    const cost = (more: object = {}) => {
      // One after another: within a second they are in the order of their ids.
      at.clock.now++;
      return at.run('ledger add', { category: 'hosting', amount: '12.50', currency: 'EUR', note: 'a month', ...more });
    };

    it('of a CA that has done nothing has figures, all of them nothing', async () => {
      const { figures, state, account, incidents } = await report();
      assert.equal(state, 'open');
      assert.deepEqual([account, incidents], [[], []]);
      for (const { id, value, before, yearBefore } of figures) {
        if (id === 'crl.published' || id === 'status.unobserved') continue;
        assert.ok(value === 0 || (value === null && id.endsWith('availability')), id);
        assert.deepEqual([before, yearBefore], [null, null], `${id}: there was no CA before`);
      }
    });

    describe('counts certificates', () => {
      it('issued, by profile, member and week; renewals by what the order names, and by the same names of the same holder', async () => {
        const memberId = await addMember();
        const first = await storedIssuance(at, { memberId, names: ['a.test', 'b.test'] });
        at.clock.now += 7 * day;
        await storedIssuance(at, { memberId, names: ['b.test', 'a.test'] });
        await storedIssuance(at, { memberId, names: ['a.test'], profile: 'xmpp-server-short' });
        await storedIssuance(at, { memberId, names: ['c.test'], replaces: first.serial });
        await storedIssuance(at, { memberId: await addMember(), names: ['a.test', 'b.test'] });
        await storedIssuance(at, { accountId: 'alone', names: ['d.test'] });
        const week = (seconds: number) => String(Math.floor((seconds - from) / (7 * day)) + 1).padStart(2, '0');
        assert.deepEqual(
          await values(
            'certificates.issued',
            'certificates.first',
            'certificates.renewed',
            `certificates.issued.member.${memberId}`,
            `certificates.renewed.member.${memberId}`,
            'certificates.issued.member.none',
            'certificates.issued.profile.xmpp-server-short',
            `certificates.issued.week.${week(at0)}`,
            `certificates.issued.week.${week(at.clock.now)}`,
            'certificates.valid',
          ),
          [6, 4, 2, 4, 2, 1, 1, 1, 5, 6],
        );
      });

      it('issued by the real way, which keeps what an order names', async () => {
        const { serial } = await issued(at, ['im.test']);
        await issued(at, ['im.test', 'new.test'], { order: { replaces: { serial, certId: 'x.y' } } });
        at.clock.now += 200 * day;
        await cleanUp(at.ctx);
        assert.equal((await at.ctx.db('orders')).length, 0);
        assert.deepEqual((await figures(now))['certificates.renewed']?.[0], 1);
      });

      it('revoked, by reason, profile and member; those that no CRL had within a minute', async () => {
        const memberId = await addMember();
        const serials = [];
        for (let i = 0; i < 4; i++) serials.push((await storedIssuance(at, { memberId, names: [`${i}.test`] })).serial);
        serials.push((await storedIssuance(at, { memberId, profile: 'xmpp-server-short' })).serial);
        const [one, two, three, four, short] = serials;
        await at.run('cert revoke', { serial: one, reason: 'keyCompromise' });
        at.clock.now += 60;
        await publishDueCrls(at.ctx);
        at.clock.now += 60;
        await at.run('cert revoke', { serial: two, reason: 'superseded' });
        at.clock.now += 61;
        await publishDueCrls(at.ctx);
        at.clock.now += 60;
        for (const serial of [three, short]) await at.run('cert revoke', { serial, reason: 'superseded' });
        await publishDueCrls(at.ctx);
        at.clock.now += 10;
        await at.run('cert revoke', { serial: four, reason: 'cessationOfOperation' });
        assert.deepEqual(
          await values(
            'certificates.revoked',
            'certificates.revoked.reason.keyCompromise',
            'certificates.revoked.reason.superseded',
            'certificates.revoked.reason.cessationOfOperation',
            'certificates.revoked.profile.xmpp-server-short',
            `certificates.revoked.member.${memberId}`,
            'certificates.valid',
            'crl.published',
            'crl.late',
          ),
          [5, 1, 3, 1, 1, 5, 0, 3, 1],
        );
        at.clock.now += 60;
        assert.deepEqual(await values('crl.late'), [1], 'the last one still has a second');
        at.clock.now++;
        assert.deepEqual(await values('crl.late'), [2]);
        const { rows } = await trace('crl.late');
        assert.deepEqual(rows.map((r: { serial: string }) => r.serial).sort(), [two, four].sort());
      });

      it('revoked, that the CRL which they name did not have within a minute, whatever other CRLs had', async () => {
        const [listed, late] = [await storedIssuance(at, { shard: 2 }), await storedIssuance(at, { shard: 3 })];
        for (const { serial } of [listed, late]) await at.run('cert revoke', { serial });
        await publishDueCrls(at.ctx);
        const subject = { issuer: at.ctx.authority.active.id };
        await recordAlone(at.ctx, clock, { action: 'crl.published', subject, detail: { number: 1, shard: 2 } });
        at.clock.now += 61;
        assert.deepEqual(await values('crl.late'), [1]);
        const { rows } = await trace('crl.late');
        assert.deepEqual(
          rows.map((r: { serial: string }) => r.serial),
          [late.serial],
        );
      });

      it('valid, and domains held by them, as long as their issuing CA is not revoked', async () => {
        const memberId = await addMember();
        await storedIssuance(at, { memberId, names: ['a.test'] });
        const old = at.ctx.authority.active.id;
        const { id } = await at.run('issuer create');
        await at.run('issuer activate', { id });
        await storedIssuance(at, { memberId, issuerId: id, names: ['b.test'] });
        assert.deepEqual(await values('certificates.valid', 'domains.total'), [2, 2]);
        await at.run('issuer revoke', { id: old, reason: 'cACompromise' });
        assert.deepEqual(await values('certificates.valid', 'domains.total'), [1, 1]);
      });
    });

    it('counts members gained and lost: one that is suspended stays, one that comes back is gained once more', async () => {
      const [a, b, c] = [await addMember(), await addMember(), await addMember()];
      await at.run('member suspend', { id: a });
      await at.run('member activate', { id: a });
      await at.run('member remove', { id: b });
      assert.deepEqual(await values('members.gained', 'members.lost', 'members.total'), [3, 1, 2]);
      await close();
      at.clock.now += day;
      await at.run('member activate', { id: b });
      await at.run('member remove', { id: c });
      const next = await figures(quartersLater(now, 1));
      assert.deepEqual(
        [next['members.gained'], next['members.lost'], next['members.total']],
        [
          [1, 3, null],
          [1, 1, null],
          [2, 2, null],
        ],
      );
      const { rows } = await trace('members.total', quartersLater(now, 1));
      assert.deepEqual(rows.map((r: { member: string }) => r.member).sort(), [a, b].sort());
    });

    it('counts domains by what members hold: a proof that stands, or a certificate that is good', async () => {
      const [a, b] = [await addMember(), await addMember()];
      const next = quartersLater(now, 1);
      const valid = { status: 'valid', createdAt: at0, validatedAt: at0 } as const;
      const kept = aProof(a, 'kept.test', { ...valid, expiresAt: until + 200 * day });
      const ended = aProof(a, 'ended.test', { ...valid, expiresAt: until + day });
      const revoked = aProof(a, 'revoked.test', { ...valid, expiresAt: until + 200 * day });
      for (const proof of [kept, ended, revoked, aProof(a, 'never.test')]) await insertProof(at.ctx.db, proof);
      await storedIssuance(at, { memberId: b, names: ['*.im.other.test', 'chat.other.test'], notAfter: until + 100 * day });
      assert.deepEqual(await values('domains.gained', 'domains.lost', 'domains.total'), [4, 0, 4]);
      at.clock.now = until + 2 * day;
      await at.run('domain revoke', { member: a, domain: 'revoked.test' });
      assert.deepEqual((await figures(next))['domains.lost']?.[0], 2);
      await at.run('member remove', { id: b });
      await storedIssuance(at, { memberId: a, names: ['kept.test', 'new.test'] });
      const { 'domains.gained': gained, 'domains.lost': lost, 'domains.total': total } = await figures(next);
      assert.deepEqual([gained?.[0], lost?.[0], total?.[0]], [1, 3, 2]);
      const traced = await trace('domains.lost', next);
      assert.deepEqual(
        traced.rows
          .filter((r: { kind: string }) => r.kind === 'proof')
          .map((r: { id: string }) => r.id)
          .sort(),
        [ended.id, revoked.id].sort(),
      );
    });

    it('counts proofs revoked: those that stood, and where nothing was recorded of that', async () => {
      const member = await addMember();
      const valid = { status: 'valid', createdAt: at0, validatedAt: at0, expiresAt: at0 + day } as const;
      const [standing, lapsed, pending] = [
        aProof(member, 'a.test', { ...valid, expiresAt: at0 + 9 * day }),
        aProof(member, 'b.test', valid),
        aProof(member, 'c.test', { expiresAt: at0 + 9 * day }),
      ];
      for (const proof of [standing, lapsed, pending]) await insertProof(at.ctx.db, proof);
      at.clock.now += day;
      for (const { id } of [standing, lapsed, pending]) await at.run('domain revoke', { id });
      assert.deepEqual(await values('proofs.revoked'), [1]);
      const { rows } = await trace('proofs.revoked');
      const [revoked] = await listAudit(at.ctx.db, { action: 'domain.revoked', subject: { proof: standing.id } });
      assert.deepEqual(
        rows.map((r: { id: string }) => r.id),
        [String(revoked?.id)],
      );
      const before = { action: 'domain.revoked', subject: { member, proof: 'old' }, detail: { domain: 'd.test' } } as const;
      await recordAlone(at.ctx, clock, before);
      assert.deepEqual(await values('proofs.revoked'), [2]);
    });

    it('counts validations by method and outcome, and proofs', async () => {
      const challenge = (action: 'challenge.valid' | 'challenge.invalid', type: string, error?: string) =>
        at.ctx.db.transaction(trx =>
          record(
            { ctx: at.ctx, trx, actor: clock, now: at.clock.now },
            { action, subject: { challenge: 'c' }, detail: { name: 'im.test', type, ...(error && { error }) } },
          ),
        );
      await challenge('challenge.valid', 'http-01');
      await challenge('challenge.valid', 'dns-01');
      await challenge('challenge.valid', 'dns-01');
      await challenge('challenge.invalid', 'http-01', 'connection');
      await challenge('challenge.invalid', 'http-01', 'unauthorized');
      const member = await addMember();
      at.net.dns.mx.set('club.test', [{ exchange: 'mail.test', preference: 10 }]);
      await at.run('domain prove', { member, domain: 'club.test' });
      await deliverDue(at.ctx);
      await at.run('domain confirm', { member, domain: 'club.test', code: codeIn(at.mail.sent.at(-1)) });
      assert.deepEqual(
        await values(
          'validations.valid',
          'validations.invalid',
          'validations.valid.method.dns-01',
          'validations.invalid.method.http-01',
          'validations.invalid.outcome.http-01.connection',
          'proofs.made',
          'domains.total',
        ),
        [3, 2, 2, 2, 1, 1, 1],
      );
    });

    it('counts notices as they are sent and given up, also when their messages are long gone', async () => {
      const memberId = await addMember();
      await issued(at, ['a.test']);
      at.mail.failures.push(refusal(false));
      await deliverDue(at.ctx);
      at.clock.now += 60;
      await deliverDue(at.ctx);
      await issued(at, ['b.test']);
      at.mail.failures.push(refusal(true));
      await deliverDue(at.ctx);
      const counted = ['notices.sent', 'notices.sent.kind.issued', 'notices.failed', 'notices.failed.kind.issued'];
      const told = await values(...counted);
      assert.deepEqual(told, [1, 1, 1, 1]);
      await at.run('outbox retry');
      await deliverDue(at.ctx);
      const again = await values(...counted);
      assert.deepEqual(again, [2, 2, 1, 1], 'one that is sent after all is both');
      const { label } = (await report()).figures.find((f: { id: string }) => f.id === 'notices.failed');
      assert.match(label, /also where a retry succeeded later/);
      at.clock.now += 40 * day;
      await cleanUp(at.ctx);
      assert.equal((await at.ctx.db('outbox')).length, 0);
      assert.ok(memberId);
      assert.deepEqual(await values(...counted), again);
    });

    it('tells how often CRLs and OCSP were as they should be, and for how long nobody looked', async () => {
      for (let i = 0; i < 8; i++) {
        at.clock.now += 60;
        await countObservation(at.ctx.db, at.clock.now, 'crl');
        await countObservation(at.ctx.db, at.clock.now, 'ocsp', i === 3 ? 'it answers 500' : undefined);
      }
      at.clock.now += 2 * 60;
      assert.deepEqual(await values('ocsp.asked', 'ocsp.answered', 'ocsp.availability', 'crl.availability', 'status.unobserved'), [
        8,
        7,
        '87.500',
        '100.000',
        2,
      ]);
      const { rows, value } = await trace('ocsp.availability');
      assert.equal(value, '87.500');
      assert.ok(rows.some((r: { note?: string }) => r.note === 'it answers 500'));
    });

    describe('has the account', () => {
      it('of fixed costs and costs of each certificate; currencies are never added up with each other', async () => {
        for (let i = 0; i < 3; i++) await storedIssuance(at, { names: [`${i}.test`] });
        await cost();
        await cost({ amount: '-2.5' });
        await cost({ category: 'signing', amount: '0.07', per: 'certificate' });
        await cost({ category: 'audit', amount: '4000', currency: 'JPY' });
        assert.deepEqual(
          await values(
            'costs.EUR',
            'costs.EUR.fixed',
            'costs.EUR.certificate',
            'costs.EUR.category.hosting',
            'costs.EUR.category.signing',
            'costs.EUR.per-certificate',
            'costs.JPY',
            'costs.JPY.per-certificate',
          ),
          ['10.21', '10.00', '0.21', '10.00', '0.21', '3.4033', '4000', '1333.33'],
        );
        const { account } = await report();
        const [, , each] = account;
        const { id: _, ...line } = each;
        const expected = { date: '2026-09-21', category: 'signing', per: 'certificate', amount: '0.07', currency: 'EUR', certificates: 3 };
        assert.deepEqual(line, { ...expected, total: '0.21', note: 'a month' });
        const { rows } = await trace('costs.EUR');
        assert.deepEqual(
          rows.map((r: { by: string }) => r.by),
          ['12.50', '-2.50', '0.21'],
        );
        assert.deepEqual(
          rows.map((r: { id: string }) => r.id),
          account.filter((l: { currency: string }) => l.currency === 'EUR').map((l: { id: string }) => l.id),
        );
      });

      it('in which what is taken back is nothing any more, once', async () => {
        await storedIssuance(at);
        const { id } = await cost({ amount: '3', per: 'certificate' });
        const back = await at.run('ledger reverse', { id, note: 'it was free' });
        assert.deepEqual([back.amount, back.per, back.reverses, back.date], ['-3.00', 'certificate', id, '2026-09-21']);
        await storedIssuance(at);
        assert.deepEqual(await values('costs.EUR', 'costs.EUR.category.hosting'), ['0.00', '0.00']);
        await assert.rejects(at.run('ledger reverse', { id, note: 'again' }), /taken back already/);
        await assert.rejects(at.run('ledger reverse', { id: back.id, note: 'again' }), /takes another one back/);
        await assert.rejects(at.run('ledger reverse', { id: 'none', note: 'again' }), /no entry none/);
        const actions = (await listAudit(at.ctx.db)).filter(r => r.action.startsWith('ledger.'));
        assert.deepEqual(
          actions.map(r => [r.action, r.subject['entry']]),
          [
            ['ledger.reversed', back.id],
            ['ledger.added', id],
          ],
        );
      });

      it('of which a closed quarter is corrected in the one that goes on, by what it came to', async () => {
        for (let i = 0; i < 3; i++) await storedIssuance(at, { names: [`${i}.test`] });
        const { id } = await cost({ amount: '0.50', per: 'certificate' });
        await close();
        await assert.rejects(cost({ date: '2026-09-22' }), /report of 2026-Q3 is closed.*date the entry today/);
        await assert.rejects(at.run('incident add', { what: 'late news', at: '2026-09-22T10:00:00Z' }), /2026-Q3 is closed.*as of now/);
        const back = await at.run('ledger reverse', { id, note: 'it was free' });
        assert.deepEqual([back.amount, back.per, back.date], ['-1.50', 'fixed', '2026-10-06']);
        const next = await figures(quartersLater(now, 1));
        assert.deepEqual(next['costs.EUR'], ['-1.50', '1.50', null]);
        assert.equal((await report()).figures.find((f: { id: string }) => f.id === 'costs.EUR').value, '1.50');
      });

      it('of which what came to more than the ledger holds is not taken back, and why is said', async () => {
        for (let i = 0; i < 3; i++) await storedIssuance(at, { names: [`${i}.test`] });
        const { id } = await cost({ amount: '999999.99', per: 'certificate' });
        await at.ctx.db('ledger').update({ amount: Number.MAX_SAFE_INTEGER });
        await close();
        await assert.rejects(at.run('ledger reverse', { id, note: 'it was free' }), (error: Problem) => {
          assert.deepEqual([error.type, error.status], ['malformed', 400]);
          assert.match(error.detail, /270215977642229\.73 EUR.* more than an entry holds/);
          return true;
        });
      });

      it('without what is no cost', async () => {
        for (const [more, why] of [
          [{ currency: 'ZZZ' }, /no currency of ISO 4217/],
          [{ amount: '0.00' }, /nothing/],
          [{ amount: '1.005' }, /2 digits after the point at most/],
          [{ amount: '1.5', currency: 'JPY' }, /no digits after a point/],
          [{ date: '2026-09-22' }, /still to come/],
          [{ date: '2024-01-01' }, /long before/],
          [{ amount: '1,50' }, /decimal/],
          [{ amount: 'one' }, /decimal/],
          [{ date: '2026-02-30' }, /date/],
          [{ category: 'Two Words' }, /word/],
          [{ per: 'month' }, /./],
          [{ note: ' ' }, /./],
          [{ note: 'a\nb' }, /control/],
          [{ amount: '1000000', per: 'certificate' }, /each certificate.* 6 digits before the point/],
          [{ amount: '-1000000.01', per: 'certificate' }, /each certificate.* 6 digits before the point/],
        ] as const)
          await assert.rejects(cost(more), why, JSON.stringify(more));
        assert.deepEqual(await at.run('ledger list'), []);
      });
    });

    it('has the incidents that operators noted', async () => {
      at.clock.now += 3600;
      await at.run('incident add', { what: 'mail was late', at: rfc3339(at0) });
      await at.run('incident add', { what: 'a key was lost', severity: 'critical' });
      assert.deepEqual(await values('incidents.noted', 'incidents.noted.severity.critical', 'incidents.noted.severity.minor'), [2, 1, 1]);
      assert.deepEqual(
        (await report()).incidents.map((i: { what: string }) => i.what),
        ['mail was late', 'a key was lost'],
      );
      await assert.rejects(at.run('incident add', { what: 'tomorrow', at: '2030-01-01T00:00:00Z' }), /still to come/);
      for (const early of ['1026-10-12T09:30:00Z', rfc3339(at0 - 1)])
        await assert.rejects(at.run('incident add', { what: 'a slip', at: early }), /before this CA: its first record is of 2026-09-21T/);
    });

    describe('that is closed', () => {
      it('is closed some days after its end, once, in the audit log, with every quarter before it', async () => {
        at.clock.now = until + 5 * day - 1;
        await closeReports(at.ctx);
        assert.deepEqual(await at.run('report list'), []);
        at.clock.now = spanOf(quartersLater(now, 2)).until + 5 * day;
        await Promise.all([closeReports(at.ctx), closeReports(at.ctx)]);
        await closeReports(at.ctx);
        const closed = await at.run('report list');
        assert.deepEqual(
          closed.map((r: { quarter: string }) => r.quarter),
          [now, quartersLater(now, 1), quartersLater(now, 2)],
        );
        const recorded = (await listAudit(at.ctx.db, { action: 'report.closed' })).map(r => [r.subject['report'], r.detail?.['sha256']]);
        assert.deepEqual(
          recorded.reverse(),
          closed.map((r: { quarter: string; sha256: string }) => [r.quarter, r.sha256]),
        );
      });

      it('is told as it was closed, whatever becomes of the rows; its hash is over what is told', async () => {
        const member = await addMember();
        const { serial } = await storedIssuance(at, { memberId: member });
        await cost();
        await close();
        const told = await report();
        const { sha256, ...rest } = told;
        assert.equal(told.state, 'closed');
        assert.equal(createHash('sha256').update(JSON.stringify(rest)).digest('hex'), sha256);
        await at.ctx.db('ledger').update({ amount: 999 });
        await at.ctx.db('certificates').where({ serial }).update({ profile: 'other' });
        await at.ctx.db('audit').where({ action: 'member.added' }).delete();
        await at.ctx.db('notice_counts').delete();
        at.clock.now += 100 * day;
        assert.deepEqual(await report(), told);
        const beside = (await figures(quartersLater(now, 1)))['certificates.issued'];
        assert.deepEqual(beside, [0, 1, null]);
      });

      it('is not told when it was altered', async () => {
        await close();
        const row = await at.ctx.db('reports').first();
        const text = row.report.replace('"value":0', '"value":1');
        await at.ctx.db('reports').update({ report: text });
        await assert.rejects(report(), /altered/);
        await at.ctx.db('reports').update({ report: text, sha256: createHash('sha256').update(text).digest('hex') });
        await assert.rejects(report(), /altered/);
      });

      it('is closed by one process of many', async () => {
        await takeLease(at.ctx.db, 'close reports', 'another', 60);
        await close();
        assert.deepEqual(await at.run('report list'), []);
      });
    });

    it('of a time to come, of one before the CA, or of none is refused', async () => {
      await assert.rejects(report(quartersLater(now, 1)), /has not begun/);
      await assert.rejects(report(quartersLater(now, -1)), /the first is that of 2026-Q3/);
      for (const bad of ['2026', '2026-Q5', '26-Q3', '2026-Q3; drop table audit']) await assert.rejects(report(bad), /is a quarter/);
      await assert.rejects(trace('certificates.eaten'), /no figure/);
      await assert.rejects(trace('costs.eur'), /no figure/);
    });

    it('begins where the first cost is, though the CA is younger', async () => {
      await cost({ date: '2026-06-30', amount: '99.99' });
      const first = await figures(quartersLater(now, -1));
      assert.deepEqual(first['costs.EUR'], ['99.99', null, null]);
      assert.deepEqual((await figures())['costs.EUR'], ['0.00', '99.99', null]);
    });

    it('has every week on its page, also those in which nothing was issued; an open quarter those so far', async () => {
      const issuedIn = async (week: number) => {
        at.clock.now = spanOf(next).from + (week - 1) * 7 * day;
        await storedIssuance(at, { names: [`${week}.test`] });
      };
      const next = quartersLater(now, 1);
      const weeks = (count: number) => Array.from({ length: count }, (_, i) => String(i + 1).padStart(2, '0'));
      const told = async () => {
        const page = reportPage(await report(next));
        const [, columns = ''] = /<title>Certificates issued by week of the quarter<\/title><desc>([^<]*)</.exec(page) ?? [];
        const [, table = ''] = /<h2>Certificates by week<\/h2>(.*?)<\/table>/s.exec(page) ?? [];
        const rows = [...table.matchAll(/<tr><th scope="row">(\d\d)<\/th><td>([^<]*)/g)].map(([, week, issued]) => [week, issued]);
        const drawn = columns.split('; ').map(column => /^(\d\d): renewals 0, for new names (\d+)$/.exec(column)?.slice(1));
        return { rows, drawn };
      };
      await storedIssuance(at);
      await issuedIn(2);
      await issuedIn(5);
      at.clock.now += 2 * 7 * day;
      const open = weeks(7).map(week => [week, week === '02' || week === '05' ? '1' : '0']);
      const { rows, drawn } = await told();
      assert.deepEqual(drawn, open);
      // Week 12 of the quarter before had one.
      assert.deepEqual(rows, [...open, ['12', '0']]);
      await close(next);
      const all = weeks(14).map(week => [week, week === '02' || week === '05' ? '1' : '0']);
      assert.deepEqual(await told(), { rows: all, drawn: all });
    });

    describe('is traced', () => {
      it('with the value that it tells, also where there is nothing to tell; of a closed one, as it was closed', async () => {
        await cost();
        const told = async (...ids: string[]) => Promise.all(ids.map(async id => (await trace(id)).value));
        const ids = [
          'costs.EUR',
          'costs.EUR.per-certificate',
          'costs.JPY',
          'costs.JPY.per-certificate',
          'ocsp.availability',
          'notices.sent',
        ];
        assert.deepEqual(await told(...ids), ['12.50', null, '0', null, null, 0]);
        await close();
        await at.ctx.db('ledger').update({ amount: 999 });
        assert.deepEqual(await told(...ids), ['12.50', null, '0', null, null, 0]);
      });

      it('to so many rows at most, with a word that there are more', async () => {
        for (let i = 0; i < 5; i++) await storedIssuance(at, { names: [`${i}.test`] });
        const some = async (limit: number) => {
          const { value, rows, more } = await at.run('report trace', { quarter: now, figure: 'certificates.issued', limit });
          return [value, rows.length, more];
        };
        assert.deepEqual(
          [await some(4), await some(5)],
          [
            [5, 4, true],
            [5, 5, false],
          ],
        );
        const { remark } = operations.find(o => o.name === 'report trace') ?? {};
        const traced = await at.run('report trace', { quarter: now, figure: 'certificates.issued', limit: 4 });
        assert.match(String(remark?.({}, traced)), /more than these 4 rows/);
      });

      it('by what it is made of alone', async () => {
        await storedIssuance(at);
        await at.run('incident add', { what: 'it went wrong' });
        await at.ctx.db.schema.renameTable('certificates', 'certificates_away');
        for (const id of ['incidents.noted', 'notices.sent', 'ocsp.availability', 'validations.valid', 'proofs.made', 'crl.published'])
          assert.equal((await trace(id)).figure, id);
        await assert.rejects(trace('certificates.issued'));
      });
    });

    describe('before the CA', () => {
      const [first, before] = [quartersLater(now, -3), quartersLater(now, -1)];
      const closed = async () => (await at.run('report list')).map((r: { quarter: string }) => r.quarter);

      it('is closed with the first quarter of the CA: until then costs are dated in it in any order', async () => {
        await cost({ date: '2025-12-31' });
        await closeReports(at.ctx);
        assert.deepEqual(await closed(), []);
        await cost({ date: '2025-10-01' });
        await cost({ date: '2026-06-30' });
        assert.equal((await report(first)).state, 'open');
        at.clock.now = until + 5 * day - 1;
        await closeReports(at.ctx);
        assert.deepEqual(await closed(), []);
        await close();
        assert.deepEqual(await closed(), [first, quartersLater(now, -2), before, now]);
        assert.deepEqual((await figures(before))['costs.EUR'], ['12.50', '0.00', null]);
        await assert.rejects(cost({ date: '2025-12-31' }), /report of 2025-Q4 is closed/);
      });

      it('has no report, and is not said to have one that is closed, where nothing was paid until the first was closed', async () => {
        await close();
        await assert.rejects(
          cost({ date: '2026-06-30' }),
          /no report of 2026-Q2, and there will be none: later ones are closed: date the entry today/,
        );
        await assert.rejects(report(before), /the first is that of 2026-Q3/);
      });

      it('is not left out where its first cost comes while the next quarter is being closed', async () => {
        const entry = { category: 'hosting', currency: 'EUR', per: 'fixed', note: 'a month', who: 'operator', createdAt: at0 } as const;
        const trx = await at.ctx.db.transaction();
        await lockAccounts(trx);
        const closing = close();
        await setTimeout(500);
        await insertEntry(trx, { ...entry, id: 'early', date: '2026-06-30', amount: 1250n });
        await trx.commit();
        await closing;
        assert.deepEqual(await closed(), [before, now]);
        assert.deepEqual((await figures())['costs.EUR'], ['0.00', '12.50', null]);
      });
    });

    it('is the sum of what each figure is traced to', async () => {
      const memberId = await addMember();
      const { serial } = await storedIssuance(at, { memberId });
      await storedIssuance(at, { memberId });
      await at.run('cert revoke', { serial });
      await cost({ per: 'certificate' });
      await at.run('incident add', { what: 'nothing to speak of' });
      await deliverDue(at.ctx);
      for (const { id, value } of (await report()).figures) {
        const { rows, ...traced } = await trace(id);
        assert.equal(traced.value, value, id);
        if (/availability|per-certificate/.test(id)) continue;
        const cents = (text: string) => Number(text.replace('.', ''));
        const sum = rows.reduce((total: number, { by }: { by: string }) => total + cents(by), 0);
        assert.equal(sum, cents(String(value)), id);
      }
    });
  });
