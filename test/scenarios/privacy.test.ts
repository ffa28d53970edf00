import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../src/app.ts';
import { leafOf, readLogged } from '../../src/ca/audit/leaf.ts';

import { verifyAudit } from '../../src/ca/audit/verify.ts';
import { quarterAt } from '../../src/model/quarter.ts';
import { DeliveryError } from '../../src/notify/channel.ts';
import { sealedAudit } from '../../src/store/audit.ts';
import { type Place, sealedColumns } from '../../src/vault/places.ts';
import { AcmeClient, type Json, thumbprintOf } from '../kit/acme-client.ts';
import { adminClient } from '../kit/admin-client.ts';
import { addressOf, codeIn, engines, startCa, type TestCa } from '../kit/ca.ts';
import { issue } from '../kit/issue.ts';
import { dump, foundIn, rawFiles, rawTables } from '../kit/needles.ts';
import { freshPostgres } from '../kit/postgres.ts';
import { allSealed } from '../kit/sealed.ts';

const person = {
  name: 'Zacharias Quillfeather',
  contact: 'zq.private@letterbox.test',
  acme: 'zq.acme@phone.test',
  address: '203.0.113.77',
  operators: '198.51.100.99',
  laptop: 'laptop of Wilhelmina Oakenshield',
  told: 'told by Bartholomew Finch',
};
const needles = Object.values(person);

/** Behind a proxy that tells from where a request came. */
class Visitor extends AcmeClient {
  override send(method: string, url: string, headers: Record<string, string> = {}, body?: string | Uint8Array) {
    return super.send(method, url, { ...headers, 'X-Forwarded-For': person.address }, body);
  }
}

for (const engine of engines)
  describe(`what is personal (${engine})`, () => {
    let folder: string;
    let ca: TestCa;
    let log = '';
    let member: Json;
    let neighbour: AcmeClient;
    const sealed = new Set<Place['in']>();

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-privacy-'));
      const database = engine === 'postgres' ? await freshPostgres() : `sqlite:${join(folder, 'ca.db')}`;
      const written = {
        write(line: string) {
          log += line;
        },
      };
      const config = { trustProxy: ['127.0.0.1', '::1'], validation: { caaIdentities: ['ca.test'] }, log: 'debug' };
      ca = await startCa({ folder, database, log: createLog('debug', written), config });
      // The key of the first hierarchy was encrypted before.
      sealed.add('issuers.key').add('logs.key');
      const { seal } = ca.ctx.vault;
      ca.ctx.vault.seal = (place, secret) => {
        sealed.add(place.in);
        return seal(place, secret);
      };
      await busy();
    });
    let ended: Promise<void> | undefined;
    const end = (): Promise<void> => {
      ended ??= ca.close();
      return ended;
    };
    after(async () => {
      await end();
      await rm(folder, { recursive: true, force: true });
    });

    async function busy(): Promise<void> {
      const { ctx, net } = ca;
      const token = (await ca.run('token create', { scope: 'admin', label: person.laptop })).token;
      const admin = adminClient(ca, token);
      const from = { 'X-Forwarded-For': person.operators };
      const added = await admin.send(
        'POST',
        '/admin/v1/members',
        { name: person.name, email: [person.contact] },
        { ...from, 'Idempotency-Key': `for-${person.contact}` },
      );
      member = added.json;
      const eab = await ca.run('eab create', { member: member.id, label: person.laptop });
      const visitor = new Visitor(ca.publicUrl, ca.app.addresses.public, ca.root);
      await visitor.register({ eab, contact: [`mailto:${person.acme}`] });
      await visitor.post(String(visitor.kid), { contact: [`mailto:${person.acme}`, 'mailto:second@phone.test'] });

      const { chain } = await issue(visitor, net, ['im.feather.test']);
      // A code goes out, once in vain.
      net.dns.mx.set('mail.feather.test', [{ exchange: 'mx.feather.test', preference: 10 }]);
      const { json: order } = await visitor.newOrder(['mail.feather.test']);
      const { challenges } = (await visitor.read(order.authorizations[0])).json;
      const challenge = challenges.find((c: Json) => c.type === 'email-mailbox-01');
      const { send } = ctx.channels.mail;
      let refused = false;
      ctx.channels.mail.send = async notice => {
        if (refused) return send(notice);
        refused = true;
        throw Object.assign(new DeliveryError('the mail server answered 451', false), { rejected: [person.contact] });
      };
      await visitor.post(challenge.url, { mailbox: 'hostmaster@mail.feather.test' });
      await ctx.background.settled();
      ca.later(60);
      await ca.settled();
      const mail = (await ca.mails()).filter(m => addressOf(m) === 'hostmaster@mail.feather.test').at(-1);
      assert.ok(mail?.text?.includes(person.name) && mail.text.includes(person.address), 'the mail says who asks, and from where');
      const digest = createHash('sha256').update(`${codeIn(mail)}${challenge.token}.${thumbprintOf(visitor.key)}`);
      assert.equal((await visitor.post(challenge.url, { response: digest.digest('base64url') })).json.status, 'valid');

      // Whatever goes wrong inside is told to the log.
      ctx.background.run('fails', async () => {
        throw Object.assign(new Error('a driver'), {
          detail: `Failing row contains (${person.name}, ${person.contact})`,
          rejected: [person.contact],
        });
      });
      await visitor.post(visitor.directory.newOrder, { identifiers: 'none' });
      const webhook = await ca.run('webhook add', { url: 'https://hooks.example.org/in', events: 'member.*' });
      await ca.run('webhook rotate', { id: webhook.id });
      await ca.run('key block', { key: 'ab'.repeat(32), why: person.told });
      await admin.send('GET', `/admin/v1/members?email=${encodeURIComponent(person.contact.toUpperCase())}`, undefined, from);
      await admin.send('POST', `/admin/v1/members/${member.id}/activate`, {}, from);
      await admin.send('POST', `/admin/v1/accounts/${encodeURIComponent(person.contact)}/deactivate`, {}, from);
      await assert.rejects(ca.run('domain confirm', { member: member.id, domain: person.contact, code: person.name }));
      const suspended = await admin.send('POST', `/admin/v1/members/${member.id}/suspend`, {}, from);
      assert.equal(suspended.status, 200);
      assert.equal((await visitor.newOrder(['im.feather.test'])).status, 403);
      await admin.send('POST', `/admin/v1/members/${member.id}/activate`, {}, from);
      const again = await issue(visitor, net, ['im.feather.test']);
      assert.notEqual(again.chain, chain);
      neighbour = (await ca.member('Neighbours')).client;
      await issue(neighbour, net, ['im.neighbour.test']);
      await ca.settled();
      await allSealed(ctx);
      visitor.close();
      admin.close();
    }

    const leaves = async (): Promise<Buffer> => {
      const records = await sealedAudit(ca.ctx.db, 0, 10_000);
      const loggedOf = await readLogged(ca.ctx.db, records);
      return Buffer.concat(records.map(r => Buffer.from(leafOf(r, r.seal?.recordHash ?? new Uint8Array(), loggedOf(r)))));
    };

    it('is looked for in all its forms', () => {
      for (const [bytes, form] of [
        [`x ${person.name}`, 'plain'],
        [Buffer.from(person.name, 'utf16le'), 'UTF-16'],
        [Buffer.from(`x ${person.name} y`).toString('base64'), 'base64'],
        [Buffer.from(`xy${person.name} y`).toString('base64url'), 'base64'],
        [Buffer.from(person.name).toString('hex'), 'hex'],
        [person.name.toUpperCase(), 'lower case'],
      ] as const)
        assert.deepEqual(
          foundIn(bytes, [person.name, person.contact])
            .filter(f => f.includes(form))
            .slice(0, 1),
          [`${person.name} (${form})`],
        );
    });

    it('lies in no table in the clear, and in no file of a table', async () => {
      assert.deepEqual(foundIn(await dump(ca.ctx.db, engine), needles), []);
      assert.deepEqual(foundIn(engine === 'sqlite' ? rawFiles(join(folder, 'ca.db')) : await rawTables(ca.ctx.db), needles), []);
    });

    it('is in no line of the log', () => {
      assert.match(log, /background work failed/);
      assert.deepEqual(foundIn(log, needles), []);
    });

    it('is in no metric', async () => {
      const monitor = adminClient(ca);
      const { body } = await monitor.send('GET', '/metrics');
      monitor.close();
      assert.ok(body.includes('xmpp_ca_'));
      assert.deepEqual(foundIn(body, needles), []);
    });

    it('is in no leaf of the tree, and in no certificate', async () => {
      const all = await leaves();
      assert.ok(all.length > 1000);
      assert.deepEqual(foundIn(all, needles), []);
      for (const { der } of await ca.ctx.db('certificates').whereNotNull('der')) assert.deepEqual(foundIn(der, needles), []);
    });

    it('was encrypted in columns that a change of the key knows', () => {
      const known: Place['in'][] = sealedColumns.map(({ name }) => name);
      // Made by the clock, at its time.
      assert.deepEqual(
        [...sealed, 'credentials.key' as const].filter(place => !known.includes(place)),
        [],
      );
      assert.deepEqual(
        known.filter(place => !sealed.has(place) && place !== 'credentials.key'),
        [],
      );
    });

    it('is shown to whoever may ask, and that is recorded', async () => {
      const [found] = await ca.run('member list', { email: ' ZQ.Private@LETTERBOX.test' });
      assert.deepEqual([found?.name, found?.contacts], [person.name, [person.contact]]);
      assert.equal((await ca.run('member list', { name: `  zacharias   QUILLFEATHER` })).length, 1);
      assert.equal((await ca.run('member list', { name: 'zacharias' })).length, 0);
      assert.equal((await ca.run('member list', { name: person.name, email: 'other@letterbox.test' })).length, 0);
      const [account] = await ca.run('account list', { member: member.id });
      assert.deepEqual(account.contact, [`mailto:${person.acme}`, 'mailto:second@phone.test']);
      assert.equal((await ca.run('eab list'))[0].label, person.laptop);
      assert.equal((await ca.run('key list'))[0].why, person.told);
      assert.ok((await ca.run('token list')).some((t: Json) => t.label === person.laptop));
      const reads = await ca.ctx.db('audit').where({ action: 'personal-data.read' });
      assert.ok(reads.length >= 6);
    });

    it('is gone when the member is erased, from the file too; the log stays whole', async () => {
      await ca.run('member remove', { id: member.id });
      const document = JSON.stringify(await ca.run('member export', { id: member.id }));
      for (const held of [person.name, person.contact, person.acme, person.address, person.laptop])
        assert.ok(document.includes(held), held);
      assert.ok(!document.includes(person.operators), 'the address of an operator is none of the member');
      const before = { tree: (await leaves()).toString('hex').length, certificates: (await ca.ctx.db('certificates')).length };
      const figures = async () => (await ca.run('report show', { quarter: quarterAt(ca.clock.now) })).figures;
      const reported = await figures();
      const erased = await ca.run('member erase', { id: member.id });
      assert.deepEqual([erased.name, erased.contacts, erased.status], ['', [], 'left']);
      await allSealed(ca.ctx);
      await verifyAudit(ca.ctx);
      assert.ok((await leaves()).toString('hex').length > before.tree);
      assert.equal((await ca.ctx.db('certificates')).length, before.certificates);
      assert.deepEqual(await figures(), reported);
      ca.later(86400);
      await issue(neighbour, ca.net, ['im.neighbour.test']);
      assert.equal((await ca.run('member list', { email: person.contact })).length, 0);
      const after = JSON.stringify(await ca.run('member export', { id: member.id }));
      for (const gone of [person.name, person.contact, person.acme, person.address]) assert.ok(!after.includes(gone), gone);
    });

    it('is in no file of the database when that is closed', async () => {
      await end();
      if (engine === 'sqlite') assert.deepEqual(foundIn(rawFiles(join(folder, 'ca.db')), needles), []);
      assert.deepEqual(foundIn(await readFile(join(folder, 'data', 'audit-checkpoints')), needles), []);
    });
  });
