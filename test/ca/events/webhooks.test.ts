import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sealAudit } from '../../../src/ca/audit/seal.ts';
import { cleanUp } from '../../../src/ca/clean-up.ts';
import { deliverWebhooks } from '../../../src/ca/events/deliver-webhooks.ts';
import { dispatchWebhooks } from '../../../src/ca/events/dispatch-webhooks.ts';
import { revoke } from '../../../src/ca/revocation/revoke.ts';
import { operator } from '../../../src/model/audit.ts';
import { pem } from '../../../src/model/encoding.ts';
import { maxAttempts, retryPause } from '../../../src/model/message.ts';
import type { Post } from '../../../src/net/network.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { currentLog } from '../../../src/store/log.ts';
import { countWebhooks } from '../../../src/store/webhooks.ts';
import { openCheckpoint } from '../../../src/tlog/checkpoint.ts';
import type { Json } from '../../kit/acme-client.ts';
import { engines } from '../../kit/ca.ts';
import { issued, openTestCtx, type TestCtx } from '../../kit/ctx.ts';
import { storedAudit } from '../../kit/records.ts';

const url = 'https://hooks.example/in';
const day = 86400;

for (const engine of engines)
  describe(`webhooks (${engine})`, () => {
    let at: TestCtx;
    let received: { id: string; type: string; data: Json; request: Post }[];
    /** What the receiver answers next; then 200. */
    let answers: number[];

    const listen = (to: TestCtx, hook = url) =>
      to.net.hooks.set(hook, request => {
        const { type, data } = JSON.parse(Buffer.from(request.body).toString());
        received.push({ id: request.headers['webhook-id'] ?? '', type, data, request });
        return answers.shift() ?? 200;
      });
    beforeEach(async () => {
      at = await openTestCtx({ engine });
      received = [];
      answers = [];
      listen(at);
      await sealAudit(at.ctx);
    });
    afterEach(() => at.close());

    const tick = async (who = at) => {
      await sealAudit(who.ctx);
      await dispatchWebhooks(who.ctx);
      await deliverWebhooks(who.ctx);
    };
    const add = (events = 'member.*', hook = url): Promise<Json> => at.run('webhook add', { url: hook, events });
    const member = (name = 'Club'): Promise<Json> => at.run('member add', { name, email: 'somebody@club.test' });
    const show = (id: string): Promise<Json> => at.run('webhook show', { id });
    const deliveries = (id: string, state?: string): Promise<Json[]> => at.run('webhook deliveries', { id, ...(state && { state }) });
    const refuseUntilDead = async () => {
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        answers.push(400);
        await tick();
        at.clock.now += 6 * 3600;
      }
    };
    const types = () => received.map(r => r.type);

    it('tell what they are asked to, in the order of the log, once, and nothing from before', async () => {
      await member('Before');
      await sealAudit(at.ctx);
      await add('member.*,certificate.issued,certificate.revoked');
      const { id } = await member();
      const certificate = await issued(at, ['im.test']);
      await revoke(at.ctx, certificate, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
      await at.run('member suspend', { id });
      await tick();
      await tick();
      assert.deepEqual(types(), ['member.added', 'certificate.issued', 'certificate.revoked', 'member.suspended']);
      const [added, issuance, revocation] = received;
      assert.deepEqual(added?.data, { index: added?.data.index, member: id });
      const { serial, memberId, accountId, issuerId, names, profile, der } = certificate;
      assert.equal(issuance?.data.certificate, pem('CERTIFICATE', der ?? new Uint8Array()));
      const { serial: s, issuer, member: m, account, names: n, profile: p, reason } = revocation?.data ?? {};
      assert.deepEqual(
        { s, issuer, m, account, n, p, reason },
        { s: serial, issuer: issuerId, m: memberId, account: accountId, n: names, p: profile, reason: 'superseded' },
      );
      const text = received.map(r => Buffer.from(r.request.body).toString()).join();
      assert.doesNotMatch(text, /Club|somebody/, 'nobody is named');
      assert.deepEqual(
        received.map(r => r.data.index),
        [...received.map(r => r.data.index)].sort((a, b) => a - b),
      );
    });

    it('tell what the log has signed, which covers what was told', async () => {
      await add('log.checkpoint');
      await member();
      await tick();
      assert.deepEqual(types(), ['log.checkpoint']);
      const log = await currentLog(at.ctx.db);
      const { size, checkpoint } = received[0]?.data ?? {};
      assert.equal(openCheckpoint(checkpoint, { name: log?.origin ?? '', publicKey: log?.publicKey ?? new Uint8Array() })?.size, size);
      await tick();
      assert.equal(received.length, 1);
    });

    it('have a secret that is shown once and stored encrypted; show and list never have it', async () => {
      const { secret, id } = await add();
      assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
      assert.equal('secret' in (await show(id)), false);
      assert.deepEqual(
        (await at.run('webhook list')).map((w: Json) => [w.id, 'secret' in w]),
        [[id, false]],
      );
      const row = await at.ctx.db('webhooks').first();
      assert.equal(Buffer.from(row.secret).includes(Buffer.from(secret.slice(6), 'base64')), false);
      await member();
      await tick();
      const { headers, body } = received[0]!.request;
      const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${Buffer.from(body)}`;
      const mac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
        .update(text)
        .digest('base64');
      assert.equal(headers['webhook-signature'], `v1,${mac}`);
      assert.equal(headers['webhook-timestamp'], String(at.clock.now));
    });

    it('that are rotated sign with both secrets for a day, then with the new one', async () => {
      const { id, secret: old } = await add();
      const { secret, oldSecretUntil } = await at.run('webhook rotate', { id });
      assert.notEqual(secret, old);
      assert.equal(Date.parse(oldSecretUntil) / 1000, at.clock.now + day);
      const signedBy = async () => {
        await member();
        await tick();
        const { headers, body } = received.at(-1)!.request;
        const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${Buffer.from(body)}`;
        const by = (s: string) =>
          `v1,${createHmac('sha256', Buffer.from(s.slice(6), 'base64'))
            .update(text)
            .digest('base64')}`;
        return headers['webhook-signature']?.split(' ').map(v => (v === by(secret) ? 'new' : v === by(old) ? 'old' : '?'));
      };
      assert.deepEqual(await signedBy(), ['new', 'old']);
      at.clock.now += day - 1;
      assert.deepEqual(await signedBy(), ['new', 'old']);
      at.clock.now += 1;
      assert.deepEqual(await signedBy(), ['new']);
      assert.equal((await show(id)).oldSecretUntil, undefined);
    });

    it('that are refused are tried again with growing pauses, under one id, and hold up nothing else', async () => {
      const { id } = await add();
      await member();
      for (let attempt = 1; attempt <= 4; attempt++) {
        answers.push(500);
        await tick();
        const [delivery] = await deliveries(id, 'queued');
        assert.deepEqual([delivery.attempts, delivery.lastError], [attempt, 'the answer was 500']);
        const pause = Date.parse(delivery.nextAttempt) / 1000 - at.clock.now;
        assert.equal(pause, retryPause(attempt));
        if (attempt === 1) {
          await member('Other');
          await tick();
          assert.equal(received.length, 2, 'another event passes by');
        }
        at.clock.now += pause - 1;
        const before = received.length;
        await tick();
        assert.equal(received.length, before, 'not before its time');
        at.clock.now += 1;
      }
      await tick();
      const [first, second, ...again] = received;
      assert.notEqual(first?.id, second?.id);
      assert.deepEqual([...new Set(again.map(r => r.id))], [first?.id]);
      assert.deepEqual(
        (await deliveries(id)).map(d => d.state),
        ['sent', 'sent'],
      );
      assert.equal((await show(id)).failingSince, undefined);
    });

    it('that are refused too often are dead, are seen to be, and are replayed', async () => {
      const { id } = await add();
      await member();
      await refuseUntilDead();
      assert.deepEqual(
        (await deliveries(id, 'dead')).map(d => [d.attempts, d.lastError]),
        [[maxAttempts, 'the answer was 400']],
      );
      assert.deepEqual((({ queued, dead }) => [queued, dead])(await show(id)), [0, 1]);
      await tick();
      assert.equal(received.length, maxAttempts);
      assert.equal((await at.run('webhook replay', { id })).requeued, 1);
      await tick();
      assert.equal(received.length, maxAttempts + 1);
      assert.equal(new Set(received.map(r => r.id)).size, 1);
      assert.equal((await show(id)).dead, 0);
    });

    it('whose receiver is away are all kept, in order; one of them tries', async () => {
      const { id } = await add();
      at.net.hooks.delete(url);
      for (const name of ['a', 'b', 'c']) await member(name);
      const asked = () => at.net.asked.filter(a => a === `post:${url}`).length;
      for (let failures = 1; failures <= 12; failures++) {
        await tick();
        await tick();
        assert.equal(asked(), failures);
        at.clock.now += retryPause(failures);
      }
      const { queued, dead, failingSince } = await show(id);
      assert.deepEqual([queued, dead], [3, 0]);
      assert.ok(failingSince);
      listen(at);
      await tick();
      const order = received.map(r => r.data.index);
      assert.deepEqual([order.length, [...order].sort((a, b) => a - b)], [3, order]);
      assert.deepEqual((({ queued, dead, failingSince }) => [queued, dead, failingSince])(await show(id)), [0, 0, undefined]);
    });

    it('have their attempts left after a receiver was away for long', async () => {
      const { id } = await add();
      at.net.hooks.delete(url);
      await member();
      for (let failures = 1; failures <= maxAttempts + 2; failures++) {
        await tick();
        at.clock.now += retryPause(failures);
      }
      listen(at);
      answers.push(500);
      await tick();
      const [delivery] = await deliveries(id);
      assert.equal(delivery.state, 'queued');
      assert.equal(Date.parse(delivery.nextAttempt) / 1000 - at.clock.now, retryPause(1));
    });

    it('that were refused for good say nothing of the receiver when it is away a week later', async () => {
      const { id } = await add();
      await member();
      await refuseUntilDead();
      assert.deepEqual((({ dead, failingSince }) => [dead, failingSince])(await show(id)), [1, undefined]);
      at.clock.now += 7 * day;
      await member();
      answers.push(503);
      await tick();
      assert.equal((await show(id)).status, 'enabled');
      at.clock.now += 60;
      await tick();
      assert.equal((await show(id)).queued, 0);
    });

    it('whose receiver refuses everything are disabled after five days', async () => {
      const { id } = await add();
      for (let passed = 0; passed <= 5 * day; passed += 3 * 3600) {
        if (passed % day === 0) await member(`${passed}`);
        answers = Array(20).fill(401);
        await tick();
        at.clock.now += 3 * 3600;
      }
      assert.equal((await show(id)).status, 'disabled');
    });

    it('wait for as long as a receiver says, and no longer than a day', async () => {
      const { id } = await add();
      await member();
      for (const [said, pause] of [
        ['3600', 3600],
        ['1', retryPause(2)],
        ['9999999', day],
        [new Date((at.clock.now + 10 * day) * 1000).toUTCString(), day],
        ['soon', retryPause(5)],
      ] as const) {
        at.net.retryAfter = said;
        answers.push(503);
        await tick();
        const before = received.length;
        at.clock.now += pause - 1;
        await tick();
        assert.equal(received.length, before, said);
        at.clock.now += 1;
      }
      await tick();
      assert.equal((await show(id)).queued, 0);
    });

    it('that are slow give way to others', async () => {
      const slow = 'https://slow.example/';
      for (const hook of [slow, url]) await add('member.*', hook);
      const served: string[] = [];
      for (const hook of [slow, url])
        at.net.hooks.set(hook, () => {
          served.push(hook);
          if (hook === slow) at.clock.now += 14;
          return 200;
        });
      for (let n = 0; n < 6; n++) await member(`${n}`);
      await tick();
      assert.ok(served.filter(hook => hook === slow).length <= 3, 'half a minute at a time');
      for (let turns = 0; turns < 4; turns++) await deliverWebhooks(at.ctx);
      assert.equal(served.length, 12);
    });

    it('are served in turn, those that have waited longest first', async () => {
      const hooks = Array.from({ length: 12 }, (_, n) => `https://hook${n}.example/`);
      const served: string[] = [];
      for (const hook of hooks) {
        at.net.hooks.set(hook, () => {
          served.push(hook);
          at.clock.now += 31;
          return 200;
        });
        await add('member.*', hook);
      }
      await member('a');
      await member('b');
      await tick();
      await deliverWebhooks(at.ctx);
      assert.equal(new Set(served).size, 12);
    });

    it('whose receiver says 410 are disabled, with a record; enabled, they go on where they stopped', async () => {
      const { id } = await add();
      await member('a');
      await member('b');
      answers.push(410);
      await tick();
      const disabled = await show(id);
      assert.deepEqual([disabled.status, disabled.disabledWhy], ['disabled', 'the answer was 410']);
      await member('c');
      await tick();
      assert.equal(received.length, 1);
      await at.run('webhook enable', { id });
      await tick();
      assert.equal(received.length, 4);
      assert.equal(new Set(received.map(r => r.id)).size, 3);
      const records = (await listAudit(at.ctx.db)).filter(r => r.action.startsWith('webhook.'));
      assert.deepEqual(records.map(r => [r.action, r.who, r.subject]).reverse(), [
        ['webhook.created', 'operator', { webhook: id }],
        ['webhook.disabled', 'clock', { webhook: id }],
        ['webhook.enabled', 'operator', { webhook: id }],
      ]);
    });

    it('that nobody has taken for five days are disabled', async () => {
      const { id } = await add();
      at.net.hooks.delete(url);
      await member();
      for (let passed = 0; passed < 5 * day; passed += 6 * 3600) {
        await tick();
        assert.equal((await show(id)).status, 'enabled');
        at.clock.now += 6 * 3600;
      }
      await tick();
      assert.deepEqual(await countWebhooks(at.ctx.db), {
        webhooks: { well: 0, failing: 0, disabled: 1 },
        deliveries: { queued: 1, dead: 0 },
      });
      const { status, disabledWhy, queued } = await show(id);
      assert.deepEqual([status, queued], ['disabled', 1]);
      assert.match(disabledWhy, /^nothing was taken for days; at last: Cannot connect/);
    });

    it('are sent again after a crash between sending and marking, under the same id', async () => {
      const { id } = await add();
      const other = await at.another();
      listen(other);
      await member();
      at.net.hooks.set(url, request => {
        received.push({ id: request.headers['webhook-id'] ?? '', type: 'lost', data: {}, request });
        return new Promise(() => {});
      });
      await sealAudit(at.ctx);
      await dispatchWebhooks(at.ctx);
      // Never ends: the process is gone.
      void deliverWebhooks(at.ctx);
      while (received.length === 0) await new Promise(resolve => setTimeout(resolve, 5));
      await tick(other);
      assert.equal(received.length, 1, 'while the claim holds, nobody else');
      await other.ctx.db('webhooks').update({ claim_until: 0 });
      await tick(other);
      assert.equal(received.length, 2);
      assert.equal(received[0]?.id, received[1]?.id);
      assert.deepEqual(
        (await deliveries(id)).map(d => d.state),
        ['sent'],
      );
    });

    it('lose and double nothing where the dispatcher stops half way', async () => {
      await add();
      for (let i = 0; i < 5; i++) await member(`${i}`);
      await sealAudit(at.ctx);
      const { now } = at.ctx;
      at.ctx.now = () => {
        throw new Error('the power went out');
      };
      await assert.rejects(dispatchWebhooks(at.ctx), /the power went out/);
      at.ctx.now = now;
      assert.equal((await at.ctx.db('webhook_deliveries')).length, 0);
      await tick();
      assert.equal(received.length, 5);
    });

    it('come in more than one batch', async () => {
      await add();
      await storedAudit(at.ctx.db, 450, at.clock.now);
      await tick();
      assert.equal(received.length, 450);
      const order = received.map(r => r.data.index);
      assert.deepEqual(
        order,
        Array.from({ length: 450 }, (_, i) => order[0] + i),
      );
    });

    it('leave in the log what a receiver that takes nothing would have to wait for', async () => {
      const { id } = await add();
      at.net.hooks.delete(url);
      await storedAudit(at.ctx.db, 1500, at.clock.now);
      await tick();
      assert.equal((await show(id)).queued, 1000);
      listen(at);
      at.clock.now += 60;
      await tick();
      await tick();
      assert.equal(received.length, 1500);
      assert.equal(new Set(received.map(r => r.id)).size, 1500);
    });

    it('are replayed from a place in the log, and since a time, under the ids that they had', async () => {
      const { id } = await add('member.*,log.checkpoint');
      for (const name of ['a', 'b', 'c']) {
        await member(name);
        await tick();
        at.clock.now += 100;
      }
      const first = received.filter(r => r.type === 'member.added');
      received = [];
      await at.run('webhook replay', { id, index: String(first[1]?.data.index) });
      await tick();
      assert.deepEqual(
        received.filter(r => r.type === 'member.added').map(r => r.id),
        first.slice(1).map(r => r.id),
      );
      received = [];
      await at.run('webhook replay', { id, since: new Date((at.clock.now - 100) * 1000).toISOString() });
      await tick();
      assert.deepEqual(
        received.filter(r => r.type === 'member.added').map(r => r.id),
        first.slice(2).map(r => r.id),
      );
      await assert.rejects(at.run('webhook replay', { id, index: 1, since: '2026-01-01T00:00:00Z' }), /not both/);
      const [record] = await listAudit(at.ctx.db, { action: 'webhook.replayed' });
      assert.deepEqual(record?.detail, { from: first[2]?.data.index });
    });

    it('are tested at once, disabled or not; what is gone is gone', async () => {
      const { id } = await add();
      const tested = await at.run('webhook test', { id });
      assert.deepEqual([tested.type, tested.id], ['webhook.test', received[0]?.id]);
      assert.deepEqual(received[0]?.data, { webhook: id });
      await at.run('webhook disable', { id });
      await assert.rejects(at.run('webhook disable', { id }), /disabled already/);
      answers.push(500);
      await assert.rejects(at.run('webhook test', { id }), /The test was not taken: the answer was 500\.$/);
      assert.equal((await deliveries(id)).length, 0);
      await at.run('webhook remove', { id });
      await assert.rejects(show(id), /There is no webhook/);
      await assert.rejects(deliveries(id), /There is no webhook/);
      assert.equal((await at.ctx.db('webhook_deliveries')).length, 0);
      const [removed] = await listAudit(at.ctx.db, { action: 'webhook.removed' });
      assert.deepEqual(removed?.subject, { webhook: id });
    });

    it('are each served for themselves', async () => {
      const away = await add('member.*', 'https://away.example/');
      await add('member.*');
      await member();
      await tick();
      assert.equal(received.length, 1);
      assert.equal((await show(away.id)).queued, 1);
    });

    it('go on after the process ended in the middle, which counts as nothing', async () => {
      const { id } = await add();
      await member();
      await sealAudit(at.ctx);
      await dispatchWebhooks(at.ctx);
      at.net.delay = () => at.ctx.background.close();
      await deliverWebhooks(at.ctx);
      at.net.delay = undefined;
      const [delivery] = await at.ctx.db('webhook_deliveries').where({ webhook_id: id });
      assert.deepEqual([delivery.state, delivery.attempts], ['queued', 0]);
      const other = await at.another();
      listen(other);
      await tick(other);
      assert.equal(received.length, 1);
    });

    it('that were delivered long ago are deleted by the clock, those that wait are not', async () => {
      const { id } = await add();
      await member();
      await tick();
      await member();
      answers.push(500);
      await tick();
      at.clock.now += 31 * day;
      await cleanUp(at.ctx);
      assert.deepEqual(
        (await deliveries(id)).map(d => d.state),
        ['queued'],
      );
    });

    if (engine === 'postgres')
      it('are sent once, whatever number of processes there are', async () => {
        const env = { XMPP_CA_KEY: readFileSync(join(at.folder, 'data/keys/kek'), 'utf8').trim() };
        const others = [await at.another({ env }), await at.another({ env })];
        const all = [at, ...others];
        for (const each of others) listen(each);
        await add('member.*');
        const second = 'https://second.example/';
        for (const each of all) listen(each, second);
        await add('member.*', second);
        let isWorking = true;
        const running = all.flatMap(each =>
          [sealAudit, dispatchWebhooks, deliverWebhooks].map(async job => {
            while (isWorking) await job(each.ctx);
          }),
        );
        await Promise.all(
          all.map(async (each, n) => {
            for (let i = 0; i < 15; i++) await each.run('member add', { name: `${n} ${i}`, email: 'a@club.test' });
          }),
        );
        const end = Date.now() + 20_000;
        while (received.length < 90 && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 20));
        isWorking = false;
        await Promise.all(running);
        await tick();
        assert.equal(received.length, 90);
        assert.equal(new Set(received.map(r => r.id)).size, 90);
        assert.equal(new Set(received.map(r => r.data.member)).size, 45);
      });

    it('are refused where they could reach inside, or are no target at all', async () => {
      const open = await openTestCtx({ engine, config: { validation: { allowPrivateAddresses: false } } });
      try {
        const hosts = ['127.0.0.1', '10.0.0.8', '[::1]', '169.254.169.254', '192.168.0.1:8444', '0x7f.1'];
        for (const host of hosts)
          await assert.rejects(open.run('webhook add', { url: `https://${host}/`, events: 'member.*' }), /not a public address/, host);
        for (const bad of ['http://hooks.example/', 'https://user:pw@hooks.example/', 'https://hooks.example/#x', 'hooks.example'])
          await assert.rejects(open.run('webhook add', { url: bad, events: 'member.*' }), /The URL/, bad);
        await assert.rejects(open.run('webhook add', { url, events: 'member.*,nonsense' }), /events|Invalid/);
        await assert.rejects(open.run('webhook add', { url, events: '' }), /events|Invalid/);
        assert.equal((await open.run('webhook add', { url, events: 'member.*,member.*' })).events.length, 1);
      } finally {
        await open.close();
      }
    });
  });
