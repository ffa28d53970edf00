import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase } from '../../src/store/open.ts';
import { newKey, thumbprintOf } from '../kit/acme-client.ts';
import { readMails } from '../kit/mails.ts';
import { makeSite, type Site } from '../kit/process.ts';
import { refused } from '../kit/ran.ts';
import { startWorld, type World } from '../kit/world.ts';

describe('commands', function () {
  this.timeout(240_000);
  let site: Site;
  let world: World;
  let member: string;
  before(async () => {
    world = await startWorld();
    site = await makeSite({ validation: { ...world.validation, methods: ['http-01', 'email-mailbox-01'] } });
    // Before any server has run.
    const init = await site.json('init');
    assert.deepEqual(Object.keys(init), ['directory', 'root', 'issuing', 'adminToken', 'mail', 'database']);
    assert.equal(new X509Certificate(await readFile(init.root)).ca, true);
    member = (await site.json('member', 'add', '--name', 'Example Club', '--email', 'a@club.test,b@club.test')).id;
  });
  after(async () => {
    await site.close();
    await world.close();
  });

  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
  const mailText = () => readMails(join(site.folder, 'data/mail'));

  it('print words for people, and with --json exactly one JSON value', async () => {
    const words = await site.run('member', 'show', member);
    assert.match(words.stdout, new RegExp(`^id: +${member}\nname: +Example Club\n`));
    const { stdout, stderr } = await site.run('member', 'show', '--json', member);
    assert.equal(stderr, '');
    assert.equal(stdout, `${JSON.stringify(JSON.parse(stdout))}\n`);
    assert.equal((await site.run('outbox', 'list')).stdout, 'none\n');
    assert.equal((await site.run('--json', 'outbox', 'list')).stdout, '[]\n');
  });

  it('member: add, list, show, suspend, activate', async () => {
    const shown = await site.json('member', 'show', member);
    assert.deepEqual(
      { ...shown, createdAt: '' },
      { id: member, name: 'Example Club', status: 'active', contacts: ['a@club.test', 'b@club.test'], createdAt: '' },
    );
    assert.match(shown.createdAt, time);
    assert.deepEqual(await site.json('member', 'list'), [shown]);
    assert.equal((await site.json('member', 'suspend', member)).status, 'suspended');
    refused(await site.run('member', 'suspend', member), /is suspended, not active/);
    assert.equal((await site.json('member', 'activate', member)).status, 'active');
    refused(await site.run('member', 'activate', member), /is active, not suspended/);
    refused(await site.run('member', 'show', 'nobody'), /There is no member nobody/);
  });

  it('eab: create, list, revoke', async () => {
    const made = await site.json('eab', 'create', '--member', member, '--label', 'Ghent', '--uses', 'any', '--expires', '7');
    assert.deepEqual(Object.keys(made), ['kid', 'hmacKey', 'directory', 'uses', 'expires']);
    assert.match(made.hmacKey, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(made.uses, 'any');
    assert.equal(made.directory, `${site.publicUrl}/acme/directory`);
    assert.equal((await site.json('eab', 'create', '--member', member)).uses, 1);
    const list = await site.json('eab', 'list');
    assert.equal(list.length, 2);
    assert.equal(JSON.stringify(list).includes(made.hmacKey), false, 'shown once');
    assert.match((await site.json('eab', 'revoke', made.kid)).revokedAt, time);
    refused(await site.run('eab', 'revoke', made.kid), /revoked already/);
    refused(await site.run('eab', 'revoke', 'none'), /There is no key none/);
    refused(await site.run('eab', 'create', '--member', 'nobody'), /There is no member nobody/);
  });

  it('directory: create, list, revoke', async () => {
    const words = ['--profile', 'xmpp-server-short', '--domains', 'IM.test,b.test', '--accounts', '3', '--expires', '9'];
    const made = await site.json('directory', 'create', '--member', member, ...words);
    assert.deepEqual([made.profile, made.domains, made.accounts], ['xmpp-server-short', ['im.test', 'b.test'], 3]);
    const secret = /\/acme\/m\/([a-z2-7]{32})\/directory$/.exec(made.directory)?.[1] ?? '';
    const bare = await site.json('directory', 'create', '--member', member);
    assert.deepEqual([bare.accounts, bare.expires, bare.domains], [1, undefined, undefined]);
    const list = await site.run('directory', 'list', '--json');
    assert.equal(JSON.parse(list.stdout).length, 2);
    assert.equal(secret.length === 32 && list.stdout.includes(secret), false, 'shown once');
    assert.match((await site.json('directory', 'revoke', made.id)).revokedAt, time);
    refused(await site.run('directory', 'revoke', made.id), /revoked already/);
    refused(await site.run('directory', 'revoke', 'none'), /There is no directory none/);
    refused(await site.run('directory', 'create', '--member', member, '--domains', 'no_domain'), /no_domain/);
  });

  it('thumbprint: add', async () => {
    const thumbprint = thumbprintOf(newKey());
    const made = await site.json('thumbprint', 'add', '--member', member, '--thumbprint', thumbprint);
    assert.deepEqual([made.thumbprint, made.memberId], [thumbprint, member]);
    refused(await site.run('thumbprint', 'add', '--member', member, '--thumbprint', thumbprint), /registered already/);
  });

  it('domain: prove, confirm, list, revoke, with the code in the mail when the command ends', async () => {
    const domain = 'proved.test';
    refused(await site.run('domain', 'prove', '--member', member, '--domain', domain), /no mailbox to ask/);
    world.dns.set(domain, 'MX', [{ exchange: `mail.${domain}`, preference: 10 }]);
    refused(await site.run('domain', 'prove', '--member', member, '--domain', domain, '--mailbox', 'root'), /hostmaster@proved\.test/);
    refused(await site.run('domain', 'prove', '--member', member, '--domain', 'com'), /com/);
    const begun = await site.json('domain', 'prove', '--member', member, '--domain', 'PROVED.test', '--mailbox', 'postmaster');
    assert.deepEqual([begun.domain, begun.mailbox], [domain, `postmaster@${domain}`]);
    const mail = (await mailText()).find(text => text.includes(begun.mailbox)) ?? '';
    const code = /^[a-z2-7]{32}$/m.exec(mail)?.[0] ?? '';
    assert.match(mail, /^Auto-Submitted: auto-generated$/m);
    refused(await site.run('domain', 'confirm', '--member', member, '--domain', domain, '--code', 'wrong'), /not the code/);
    const confirmed = await site.json('domain', 'confirm', '--member', member, '--domain', domain, '--code', code.toUpperCase());
    assert.deepEqual([confirmed.domain, confirmed.status], [domain, 'valid']);
    refused(await site.run('domain', 'confirm', '--member', member, '--domain', domain, '--code', code), /begin with "domain prove"/);
    const [proof] = await site.json('domain', 'list', '--member', member, '--domain', domain);
    assert.deepEqual([proof.id, proof.status, proof.mailbox], [begun.id, 'valid', begun.mailbox]);
    assert.deepEqual(await site.json('domain', 'list', '--domain', 'other.test'), []);
    assert.equal((await site.json('domain', 'revoke', proof.id)).status, 'revoked');
    refused(await site.run('domain', 'revoke', proof.id), /revoked already/);
    refused(await site.run('domain', 'revoke', 'none'), /There is no proof none/);
  });

  it('crl: publish', async () => {
    const [one] = await site.json('crl', 'publish');
    const [two] = await site.json('crl', 'publish');
    assert.ok(two.number > one.number);
    assert.match(one.url, /^http:\/\/localhost:14080\/crl\/[0-9a-f]{16}\.crl$/);
    assert.match(one.thisUpdate, time);
  });

  it('outbox: list, retry', async () => {
    assert.deepEqual(await site.json('outbox', 'list'), []);
    const sent = await site.json('outbox', 'list', '--state', 'sent');
    assert.ok(sent.length > 0);
    assert.deepEqual([sent[0].kind, sent[0].state, sent[0].attempts], ['proof-code', 'sent', 1]);
    const db = await openDatabase(site.database);
    await db('outbox').where({ id: sent[0].id }).update({ state: 'dead', last_error: 'the mail server answered 550' });
    await db.destroy();
    const [dead] = await site.json('outbox', 'list');
    assert.deepEqual([dead.id, dead.state, dead.lastError], [sent[0].id, 'dead', 'the mail server answered 550']);
    const [retried] = await site.json('outbox', 'retry', '--id', dead.id);
    // What the code was for is over by now.
    assert.deepEqual([retried.id, retried.state], [dead.id, 'dead']);
    assert.deepEqual(await site.json('outbox', 'retry', '--id', 'none'), []);
  });
});
