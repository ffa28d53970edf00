import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { sealAudit } from '../../../src/ca/audit/seal.ts';
import { renewResponders } from '../../../src/ca/authority/credentials.ts';
import { readFeed } from '../../../src/ca/events/feed.ts';
import { recoverCommitted } from '../../../src/ca/issuance/finalize.ts';
import { revoke } from '../../../src/ca/revocation/revoke.ts';
import { operator } from '../../../src/model/audit.ts';
import { pem } from '../../../src/model/encoding.ts';
import { eventTypes } from '../../../src/model/event.ts';
import { isPostgres } from '../../../src/store/open.ts';
import type { Json } from '../../kit/acme-client.ts';
import { engines } from '../../kit/ca.ts';
import { crashedWhileSigning, issued, openTestCtx } from '../../kit/ctx.ts';
import { onEachEngine } from '../../kit/database.ts';
import { opened } from '../../kit/opened.ts';

for (const engine of engines)
  describe(`the feed (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }), 'each');

    const show = (after?: number, limit?: number): Promise<Json> =>
      at.run('feed show', { ...(after !== undefined && { after: String(after) }), ...(limit !== undefined && { limit: String(limit) }) });
    const member = (name = 'Club'): Promise<Json> => at.run('member add', { name, email: 'somebody@club.test' });

    it('has nothing before anything is sealed, and then the CAs', async () => {
      assert.deepEqual(await show(), { events: [], more: false });
      await sealAudit(at.ctx);
      const { events, next, more } = await show();
      const { root, active } = at.ctx.authority;
      assert.deepEqual(
        events.map((e: Json) => [e.type, e.data.id, e.data.issuer, e.data.certificate]),
        [
          ['authority.created', root.id, root.id, pem('CERTIFICATE', root.certificate)],
          ['issuer.created', active.id, root.id, pem('CERTIFICATE', active.certificate)],
        ],
      );
      assert.equal(more, false);
      assert.ok(next >= events.at(-1).index);
    });

    it('goes on from its cursor, which comes also where nothing is new', async () => {
      await sealAudit(at.ctx);
      const first = await show();
      assert.deepEqual(await show(first.next), { events: [], next: first.next, more: false });
      const { id } = await member();
      assert.deepEqual((await show(first.next)).events, [], 'what is not sealed yet is not told');
      await sealAudit(at.ctx);
      const second = await show(first.next);
      assert.deepEqual(
        second.events.map((e: Json) => [e.type, e.data]),
        [['member.added', { member: id }]],
      );
      await at.run('token create', { scope: 'read' });
      await sealAudit(at.ctx);
      const third = await show(second.next);
      assert.deepEqual(third, { events: [], next: second.next + 1, more: false }, 'the cursor moves over what is told to nobody');
    });

    it('says that the log ends before a cursor', async () => {
      await sealAudit(at.ctx);
      const { next } = await show();
      await assert.rejects(show(next + 1), /ends at \d+, before \d+: the cursor is that of another log, or the database was rolled back/);
    });

    it('has every kind of event, without a name or address of anybody', async () => {
      const { id } = await member();
      await at.run('member suspend', { id });
      await at.run('member activate', { id });
      at.net.dns.mx.set('club.test', [{ exchange: 'mail.club.test', preference: 10 }]);
      await at.run('domain prove', { member: id, domain: 'club.test' });
      const code = /^[a-z2-7]{32}$/m.exec(at.mail.sent.at(-1)?.text ?? '')?.[0];
      await at.run('domain confirm', { member: id, domain: 'club.test', code });
      const [proof] = await at.run('domain list', { member: id });
      await at.run('domain revoke', { id: proof.id });
      const certificate = await issued(at, ['im.test', 'chat.im.test']);
      await revoke(at.ctx, certificate, { reason: 'keyCompromise', revoker: { kind: 'operator' }, actor: operator });
      const { serial } = await crashedWhileSigning(at, ['lost.test']);
      at.clock.now += 3600;
      await recoverCommitted(at.ctx);
      await at.run('member remove', { id });
      await renewResponders(at.ctx);
      const old = at.ctx.authority.active.id;
      const { id: newer } = await at.run('issuer create');
      await at.run('issuer activate', { id: newer });
      await at.run('issuer revoke', { id: old, reason: 'superseded' });
      await sealAudit(at.ctx);
      const { events } = await show();
      const byType = (type: string): Json => events.find((e: Json) => e.type === type)?.data;
      assert.deepEqual([...new Set(events.map((e: Json) => e.type))].sort(), [...eventTypes].sort());
      assert.deepEqual([byType('issuer.revoked').id, byType('issuer.revoked').reason], [old, 'superseded']);
      assert.match(byType('credential.issued').certificate, /^-----BEGIN CERTIFICATE-----/);
      assert.deepEqual(byType('domain.proved'), { member: id, proof: proof.id, domain: 'club.test' });
      assert.deepEqual(byType('domain.revoked'), { member: id, proof: proof.id, domain: 'club.test' });
      assert.equal(byType('certificate.revoked').reason, 'keyCompromise');
      assert.deepEqual(byType('certificate.issued').names, ['im.test', 'chat.im.test']);
      assert.deepEqual([byType('certificate.abandoned').serial, byType('certificate.abandoned').reason], [serial, 'cessationOfOperation']);
      assert.doesNotMatch(JSON.stringify(events), /Club|somebody|hostmaster/);
    });

    it('has every certificate that there is, and every revocation', async () => {
      const made: string[] = [];
      for (let i = 0; i < 7; i++) made.push((await issued(at, [`n${i}.test`])).serial);
      await at.run('cert revoke-all', { profile: 'xmpp-server', reason: 'superseded' });
      await sealAudit(at.ctx);
      const { events } = await show();
      const of = (type: string) => events.filter((e: Json) => e.type === type).map((e: Json) => e.data.serial);
      assert.deepEqual(of('certificate.issued'), made);
      assert.deepEqual(of('certificate.revoked').sort(), [...made].sort());
    });

    it('leaves out nothing and tells nothing twice, however many write and in whatever pieces it is read', async () => {
      const writers = engine === 'postgres' ? [at, await at.another(), await at.another()] : [at];
      let isWriting = true;
      const sealing = (async () => {
        while (isWriting) {
          await sealAudit(at.ctx);
          await setImmediate();
        }
        await sealAudit(at.ctx);
      })();
      const told: Json[] = [];
      let after: number | undefined;
      const read = async (limit: number) => {
        const { events, next, more } = await readFeed(at.ctx, { after, limit });
        told.push(...events);
        after = next;
        return more;
      };
      const reading = (async () => {
        for (let n = 0; isWriting; n++) {
          await read(1 + (n % 7));
          await setImmediate();
        }
      })();
      const added = await Promise.all(
        writers.map(async (w, n) => {
          const ids: string[] = [];
          for (let i = 0; i < 40; i++) ids.push((await w.run('member add', { name: `${n} ${i}`, email: 'a@club.test' })).id);
          return ids;
        }),
      );
      isWriting = false;
      await Promise.all([sealing, reading]);
      while (await read(10));
      const members = told.filter(e => e.type === 'member.added').map(e => e.data.member);
      assert.deepEqual([...members].sort(), added.flat().sort());
      const order = told.map(e => e.index);
      assert.deepEqual(
        order,
        [...new Set(order)].sort((a, b) => a - b),
      );
    });
  });

onEachEngine('the events of the audit log', at => {
  it('are found by their index, which has the very list of their types', async () => {
    if (isPostgres(at.db)) {
      // So small a table would be read as a whole.
      await at.db.transaction(async trx => {
        await trx.raw('set local enable_seqscan = off');
        const { rows } = await trx.raw(`explain ${query} > 5 order by log_index limit 10`);
        assert.match(JSON.stringify(rows), /audit_events/);
      });
      return;
    }
    assert.match(JSON.stringify(await at.db.raw(`explain query plan ${query} > 5 order by log_index limit 10`)), /audit_events/);
  });
  const query = `select * from audit where action in (${eventTypes.map(type => `'${type}'`).join(', ')}) and log_index`;
});
