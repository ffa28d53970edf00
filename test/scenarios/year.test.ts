import assert from 'node:assert/strict';
import { leafOf, readLogged } from '../../src/ca/audit/leaf.ts';
import { record } from '../../src/ca/audit/record.ts';
import { sealAudit } from '../../src/ca/audit/seal.ts';
import { verifyAudit } from '../../src/ca/audit/verify.ts';
import { publishDueCrls } from '../../src/ca/authority/publish-crl.ts';
import { cleanUp } from '../../src/ca/clean-up.ts';
import { deliverDue } from '../../src/ca/mail/deliver.ts';
import { closeReports } from '../../src/ca/report/report.ts';
import { clock } from '../../src/model/audit.ts';
import { type Quarter, quarterAt, quartersLater, spanOf } from '../../src/model/quarter.ts';
import { sealedAudit } from '../../src/store/audit.ts';
import { countObservation } from '../../src/store/observations.ts';
import type { Trx } from '../../src/store/open.ts';
import { insertProof } from '../../src/store/proofs.ts';
import { engines } from '../kit/ca.ts';
import { openTestCtx, refusal, type TestCtx } from '../kit/ctx.ts';
import { dump, foundIn } from '../kit/needles.ts';
import { opened } from '../kit/opened.ts';
import { aProof, at0 } from '../kit/records.ts';
import { figuresOf, storeIssuance } from '../kit/report.ts';

/*
 * A year and a quarter of a federation that was never there. What happens is written down twice: by the CA as it does, and here in plain lists, from which
 * every figure is counted once more in the plainest way.
 */

const day = 86400;
const hour = 3600;
const week = 7 * day;
const days = 467;

interface Issued {
  at: number;
  serial: string;
  member: string;
  names: string[];
  profile: string;
  renewal: boolean;
  until: number;
  revoked?: { at: number; reason: string };
}
interface Proved {
  at: number;
  member: string;
  domain: string;
  until: number;
}
interface Cost {
  date: string;
  category: string;
  currency: string;
  per: string;
  minor: number;
}

class Life {
  issued: Issued[] = [];
  proofs: Proved[] = [];
  /** From, until: a member may come back. */
  memberships: { member: string; at: number; until: number }[] = [];
  acts: { at: number; figures: string[] }[] = [];
  crls: number[] = [];
  costs: Cost[] = [];
  people: { name: string; email: string }[] = [];
  observed: { hour: number; service: string; ok: boolean }[] = [];
}

/** The same on every machine. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return sides => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const reasons = ['unspecified', 'keyCompromise', 'superseded', 'cessationOfOperation'] as const;
const profiles = ['xmpp-server', 'xmpp-server', 'xmpp-server-addr', 'xmpp-server-short'] as const;
const methods = ['http-01', 'dns-01', 'tls-alpn-01', 'email-mailbox-01'];
const errors = ['connection', 'unauthorized', 'dns'];

async function live(at: TestCtx): Promise<Life> {
  const life = new Life();
  const roll = dice(2026);
  const { ctx } = at;
  const seen = new Set<string>();
  const hash = (member: string, names: string[]) => `${member} ${[...names].sort()}`;
  const mark = (...figures: string[]) => life.acts.push({ at: at.clock.now, figures });
  const present = () => life.memberships.filter(m => m.until === Number.POSITIVE_INFINITY);

  const join = async (n: number) => {
    const person = { name: `Quill Feather ${n}th`, email: `quill.feather.${n}@letterbox.test` };
    const { id } = await at.run('member add', person);
    life.people.push(person);
    life.memberships.push({ member: id, at: at.clock.now, until: Number.POSITIVE_INFINITY });
  };
  const publish = async () => {
    const before = (await ctx.db('crls').max('number as n').first())?.['n'];
    await publishDueCrls(ctx);
    if ((await ctx.db('crls').max('number as n').first())?.['n'] !== before) {
      life.crls.push(at.clock.now);
      mark('crl.published');
    }
  };
  const revoke = async () => {
    const living = life.issued.filter(c => !c.revoked && c.until > at.clock.now && c.profile !== 'xmpp-server-short');
    const chosen = living[roll(living.length)];
    if (!chosen) return;
    const reason = reasons[roll(reasons.length)] ?? 'unspecified';
    const refused = roll(5) === 0;
    if (refused) at.mail.failures.push(refusal(true));
    await at.run('cert revoke', { serial: chosen.serial, reason });
    await deliverDue(ctx);
    chosen.revoked = { at: at.clock.now, reason };
    mark(`notices.${refused ? 'failed' : 'sent'}`, `notices.${refused ? 'failed' : 'sent'}.kind.revoked`);
    at.clock.now += 30 + roll(50);
    await publish();
  };
  const issueSome = () =>
    ctx.db.transaction(async trx => {
      for (let i = 2 + roll(9); i > 0; i--) {
        at.clock.now += 1 + roll(200);
        const members = present();
        const { member } = members[roll(members.length)] as { member: string };
        const club = life.memberships.findIndex(m => m.member === member);
        const names = [`im.club${club}.test`, `chat${roll(3)}.club${roll(20) ? club : 100 + roll(40)}.test`];
        if (roll(2)) names.reverse();
        const profile = profiles[roll(profiles.length)] ?? 'xmpp-server';
        const replaced = roll(12) === 0 ? life.issued.findLast(c => c.member === member) : undefined;
        const notAfter = at.clock.now + (profile === 'xmpp-server-short' ? 7 : 90) * day;
        const more = { memberId: member, names, profile, notAfter, ...(replaced && { replaces: replaced.serial }) };
        const { serial } = await storeIssuance(at, trx, more);
        const renewal = replaced !== undefined || seen.has(hash(member, names));
        seen.add(hash(member, names));
        life.issued.push({ at: at.clock.now, serial, member, names, profile, renewal, until: notAfter });
        await validation(trx);
      }
    });
  const validation = async (trx: Trx) => {
    const type = methods[roll(methods.length)];
    const error = roll(6) ? undefined : errors[roll(errors.length)];
    const action = error ? ('challenge.invalid' as const) : ('challenge.valid' as const);
    const detail = { name: 'im.test', type, ...(error && { error }) };
    await record({ ctx, trx, actor: clock, now: at.clock.now }, { action, subject: { challenge: 'c' }, detail });
    const outcome = error ? 'invalid' : 'valid';
    mark(
      `validations.${outcome}`,
      `validations.${outcome}.method.${type}`,
      ...(error ? [`validations.invalid.outcome.${type}.${error}`] : []),
    );
  };
  const prove = async () => {
    const members = present();
    const { member } = members[roll(members.length)] as { member: string };
    const domain = `proved${roll(60)}.test`;
    const until = at.clock.now + (roll(3) ? 365 : 40) * day;
    const proof = aProof(member, domain, { status: 'valid', createdAt: at.clock.now, validatedAt: at.clock.now, expiresAt: until });
    await ctx.db.transaction(async trx => {
      await insertProof(trx, proof);
      const subject = { member, proof: proof.id };
      await record({ ctx, trx, actor: clock, now: at.clock.now }, { action: 'domain.proved', subject, detail: { domain } });
    });
    life.proofs.push({ at: at.clock.now, member, domain, until });
    mark('proofs.made');
    if (roll(6)) return;
    at.clock.now += hour;
    const theirs = life.proofs.filter(p => p.member === member && p.domain === domain);
    if (theirs.length > 1) return;
    await at.run('domain revoke', { member, domain });
    for (const one of theirs) one.until = at.clock.now;
    mark('proofs.revoked');
  };
  const spend = async () => {
    const date = new Date(at.clock.now * 1000).toISOString().slice(0, 10);
    const per = roll(4) ? 'fixed' : 'certificate';
    const currency = roll(5) ? 'EUR' : 'JPY';
    const minor = per === 'fixed' ? 1 + roll(50_000) : 1 + roll(9);
    const amount = currency === 'JPY' ? String(minor) : (minor / 100).toFixed(2);
    const category = ['hosting', 'audit', 'token'][roll(3)] ?? '';
    const { id } = await at.run('ledger add', { date, category, amount, currency, per, note: 'as agreed' });
    life.costs.push({ date, category, currency, per, minor });
    if (roll(6)) return;
    await at.run('ledger reverse', { id, note: 'it was another' });
    life.costs.push({ date, category, currency, per, minor: -minor });
  };
  const observe = async () => {
    for (const service of ['crl', 'ocsp'] as const) {
      const ok = roll(40) > 0;
      await countObservation(ctx.db, at.clock.now, service, ok ? undefined : 'it answers 500');
      life.observed.push({ hour: at.clock.now - (at.clock.now % hour), service, ok });
    }
  };

  for (let n = 0; n < 12; n++) await join(n);
  for (let today = 0; today < days; today++) {
    at.clock.now = at0 + today * day;
    if (roll(14) === 0) await join(today);
    if (roll(60) === 0) {
      const gone = present()[roll(present().length)];
      await at.run('member remove', { id: gone?.member });
      if (gone) gone.until = at.clock.now;
      at.clock.now += 60;
      if (gone && roll(2)) {
        await at.run('member activate', { id: gone.member });
        life.memberships.push({ member: gone.member, at: at.clock.now, until: Number.POSITIVE_INFINITY });
      }
    }
    await issueSome();
    if (roll(3) === 0) await revoke();
    if (roll(5) === 0) await prove();
    if (roll(9) === 0) await spend();
    if (roll(3) === 0) await observe();
    if (roll(50) === 0) {
      const severity = ['minor', 'major', 'critical'][roll(3)] ?? 'minor';
      await at.run('incident add', { what: 'it went wrong', severity });
      mark('incidents.noted', `incidents.noted.severity.${severity}`);
    }
    if (today % 30 === 0) await cleanUp(ctx);
    if (today % 5 === 0) await closeReports(ctx);
  }
  return life;
}

const fixed = (minor: number, places: number): string => {
  const digits = String(Math.abs(minor)).padStart(places + 1, '0');
  const text = places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
  return minor < 0 ? `-${text}` : text;
};

/** Everything once more, by filters and sums. */
function plural(life: Life, quarter: Quarter, now: number): Record<string, unknown> {
  const { from, until: end } = spanOf(quarter);
  const until = Math.min(end, now + 1);
  const within = ({ at }: { at: number }) => at >= from && at < until;
  const figures: Record<string, number> = {};
  const add = (id: string, by = 1) => {
    figures[id] = (figures[id] ?? 0) + by;
  };
  const split = (what: string, { profile, member }: Issued, at: number) => {
    const number = String(Math.floor((at - from) / week) + 1).padStart(2, '0');
    for (const id of [what, `${what}.profile.${profile}`, `${what}.member.${member}`, `${what}.week.${number}`]) add(id);
  };
  for (const c of life.issued) {
    if (within(c)) {
      split('certificates.issued', c, c.at);
      split(c.renewal ? 'certificates.renewed' : 'certificates.first', c, c.at);
    }
    if (c.revoked && within(c.revoked)) {
      split('certificates.revoked', c, c.revoked.at);
      add(`certificates.revoked.reason.${c.revoked.reason}`);
      const { at } = c.revoked;
      if (!life.crls.some(crl => crl >= at && crl <= at + 60)) add('crl.late');
    }
    if (c.at < until && c.until >= until && !(c.revoked && c.revoked.at <= until)) add('certificates.valid');
  }
  for (const act of life.acts.filter(within)) for (const id of act.figures) add(id);

  const membersAt = (t: number) => new Set(life.memberships.filter(m => m.at < t && m.until >= t).map(m => m.member));
  const domainsAt = (t: number) => {
    const members = membersAt(t);
    const proved = life.proofs.filter(p => p.at < t && p.until > t).map(p => [p.member, p.domain]);
    const certified = life.issued
      .filter(c => c.at < t && c.until >= t && !(c.revoked && c.revoked.at <= t))
      .flatMap(c => c.names.map(name => [c.member, name.split('.').slice(-2).join('.')]));
    return new Set([...proved, ...certified].filter(([member = '']) => members.has(member)).map(pair => pair.join(' ')));
  };
  add('members.gained', life.memberships.filter(within).length);
  add('members.lost', life.memberships.filter(m => within({ at: m.until })).length);
  add('members.total', membersAt(until).size);
  const [before, after] = [domainsAt(from), domainsAt(until)];
  add('domains.total', after.size);
  add('domains.gained', [...after].filter(d => !before.has(d)).length);
  add('domains.lost', [...before].filter(d => !after.has(d)).length);

  const said: Record<string, unknown> = {};
  for (const service of ['crl', 'ocsp']) {
    const asked = life.observed.filter(o => o.service === service && o.hour >= from && o.hour < until);
    const ok = asked.filter(o => o.ok).length;
    add(`${service}.asked`, asked.length);
    add(`${service}.answered`, ok);
    said[`${service}.availability`] = asked.length ? fixed(Math.floor((ok * 100_000) / asked.length), 3) : null;
  }
  const begun = Math.max(from, at0);
  for (let h = begun - (begun % hour); h < until; h += hour) {
    const minutes = Math.floor((Math.min(until, h + hour) - Math.max(begun, h)) / 60);
    add('status.unobserved', Math.max(0, minutes - life.observed.filter(o => o.service === 'ocsp' && o.hour === h).length));
  }
  const money: Record<string, number> = {};
  for (const { date, category, currency, per, minor } of life.costs) {
    if (!within({ at: Date.parse(date) / 1000 })) continue;
    const total = per === 'certificate' ? minor * (figures['certificates.issued'] ?? 0) : minor;
    for (const id of [`costs.${currency}`, `costs.${currency}.${per}`, `costs.${currency}.category.${category}`])
      money[id] = (money[id] ?? 0) + total;
  }
  for (const [id, minor] of Object.entries(money)) {
    const places = id.startsWith('costs.JPY') ? 0 : 2;
    said[id] = fixed(minor, places);
    if (id.length > 'costs.EUR'.length) continue;
    const issued = figures['certificates.issued'] ?? 0;
    said[`${id}.per-certificate`] = issued ? fixed(Math.round((minor * 100) / issued), places + 2) : null;
  }
  return { ...figures, ...said };
}

for (const engine of engines)
  describe(`a year in the life of a federation (${engine})`, function () {
    this.timeout(120_000);
    const at = opened(() => openTestCtx({ engine }));
    let life: Life;
    before(async () => {
      life = await live(at);
    });

    const first = quarterAt(at0);
    const last = quarterAt(at0 + (days - 1) * day);
    it('has some thousand certificates, tens of members, and quarters that are closed', async () => {
      assert.ok(life.issued.length > 2000 && life.memberships.length > 25 && life.issued.filter(c => c.revoked).length > 100);
      const closed = (await at.run('report list')).map((r: { quarter: string }) => r.quarter);
      assert.deepEqual(closed, [first, ...[1, 2, 3, 4].map(n => quartersLater(first, n))]);
      assert.equal(quartersLater(last, -5), first);
    });

    for (let n = 0; n <= 5; n++) {
      const quarter = quartersLater(first, n);
      it(`is reported as it was in ${quarter}, beside the quarter before and the year before`, async () => {
        const report = await at.run('report show', { quarter });
        assert.equal(report.state, n < 5 ? 'closed' : 'open');
        const beside = [quarter, quartersLater(quarter, -1), quartersLater(quarter, -4)].map(q =>
          q < first ? undefined : plural(life, q, at.clock.now),
        );
        const figures = figuresOf(report);
        const ids = new Set(beside.flatMap(b => Object.keys(b ?? {})).concat(Object.keys(figures)));
        for (const id of ids) {
          const zero = /^costs\./.test(id) ? (/per-certificate$/.test(id) ? null : id.startsWith('costs.JPY') ? '0' : '0.00') : 0;
          const expected = beside.map(b => (b === undefined ? null : (b[id] ?? zero)));
          assert.deepEqual(figures[id], expected, id);
        }
        assert.ok(ids.size > 60, `${ids.size} figures`);
      });
    }

    it('leaves the name and address of no contact in the database, the metrics, or the tree', async () => {
      const { ctx } = at;
      const needles = life.people.flatMap(({ name, email }) => [name, email]);
      assert.ok(needles.length > 50);
      const [{ contacts }] = await at.run('member list', { name: needles[0] });
      assert.deepEqual(contacts, [needles[1]], 'they are there, for whoever may ask');
      await sealAudit(ctx);
      const { size } = await verifyAudit(ctx);
      const tree: Uint8Array[] = [];
      for (let from = 0; from < size; from += 1000) {
        const records = await sealedAudit(ctx.db, from, 1000);
        const loggedOf = await readLogged(ctx.db, records);
        tree.push(...records.map(r => leafOf(r, r.seal?.recordHash ?? new Uint8Array(), loggedOf(r))));
      }
      assert.ok(tree.length > 5000);
      const places = {
        database: await dump(ctx.db, engine),
        metrics: (await ctx.metrics.read(undefined)).text,
        tree: Buffer.concat(tree),
      };
      for (const [place, bytes] of Object.entries(places)) assert.deepEqual(foundIn(bytes, needles), [], place);
    });
  });
