import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Db, openDatabase } from '../../src/store/open.ts';
import { AcmeClient, type Answer, type Eab, type Json, newKey } from '../kit/acme-client.ts';
import { makeCsr } from '../kit/csr.ts';
import { readMails } from '../kit/mails.ts';
import { freshPostgres } from '../kit/postgres.ts';
import { makeSite, type ServerProcess, type Site, until } from '../kit/process.ts';
import { startWorld, type World } from '../kit/world.ts';

/** Goes to another server with each request. */
class Wanderer extends AcmeClient {
  readonly #addresses: string[];
  readonly #publicUrl: string;
  badNonces = 0;
  #turn = 0;

  constructor(publicUrl: string, addresses: string[], root: string) {
    super(publicUrl, publicUrl, root, newKey());
    this.#addresses = addresses;
    this.#publicUrl = publicUrl;
  }

  override async send(method: string, url: string, headers: Record<string, string> = {}, body?: string | Uint8Array): Promise<Answer> {
    const address = this.#addresses[this.#turn++ % this.#addresses.length];
    const target = url.startsWith(this.#publicUrl) ? address + url.slice(this.#publicUrl.length) : url;
    const answer = await super.send(method, target, headers, body);
    if (answer.json?.type === 'urn:ietf:params:acme:error:badNonce') this.badNonces++;
    return answer;
  }
}

describe('two server processes on one PostgreSQL', () => {
  let world: World;
  let site: Site;
  let servers: ServerProcess[];
  let root: string;
  let db: Db;
  let member: string;
  const clients: AcmeClient[] = [];

  before(async function () {
    this.timeout(120_000);
    world = await startWorld();
    site = await makeSite({ validation: { ...world.validation, methods: ['http-01'] }, database: await freshPostgres() });
    // At once, on an empty database.
    servers = [site.serve(), site.serve()];
    await Promise.all(servers.map(s => s.ready));
    db = await openDatabase(site.database);
    root = await readFile(join(site.folder, 'data/root.pem'), 'utf8');
    member = (await site.json('member', 'add', '--name', 'Example Club', '--email', 'admin@club.test')).id;
  });

  after(async () => {
    for (const client of clients) client.close();
    await db?.destroy();
    const ended = await Promise.all((servers ?? []).map(s => s.end('SIGTERM')));
    await site?.close();
    await world?.close();
    for (const { code, stderr } of ended) assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  const eab = (): Promise<Eab> => site.json('eab', 'create', '--member', member);

  async function wander(): Promise<Wanderer> {
    const client = new Wanderer(
      site.publicUrl,
      servers.map(s => s.address),
      root,
    );
    clients.push(client);
    await client.open();
    assert.equal((await client.register({ eab: await eab() })).status, 201);
    return client;
  }

  function at(server: ServerProcess | undefined): AcmeClient {
    const client = new AcmeClient(site.publicUrl, server?.address ?? '', root);
    clients.push(client);
    return client;
  }

  async function issueBy(client: AcmeClient, name: string): Promise<string> {
    const created = await client.newOrder([name]);
    assert.equal(created.status, 201, `${created.body}`);
    const [url] = created.json.authorizations;
    const { json: authorization } = await client.read(url);
    const challenge = authorization.challenges.find((c: Json) => c.type === 'http-01');
    world.pages.set(`http://${name}/.well-known/acme-challenge/${challenge.token}`, client.keyAuthorization(challenge.token));
    assert.equal((await client.post(challenge.url, {})).status, 200);
    await client.poll(url, a => a.status !== 'pending');
    const finalized = await client.post(created.json.finalize, { csr: makeCsr(newKey(), [name]).toString('base64url') });
    assert.equal(finalized.json.status, 'valid', `${finalized.body}`);
    return (await client.read(finalized.json.certificate)).body.toString();
  }

  it('have one hierarchy', async () => {
    const roots = await Promise.all(servers.map(async s => (await at(s).get(`${s.address}/root.pem`)).body.toString()));
    assert.deepEqual(roots, [root, root]);
    assert.equal((await db('issuers')).length, 2);
  });

  it('serve clients that go from one to the other with every request, with no stray badNonce', async function () {
    this.timeout(120_000);
    const wanderers = await Promise.all([wander(), wander(), wander()]);
    await Promise.all(
      wanderers.map(async (client, i) => {
        for (let n = 0; n < 3; n++) {
          const leaf = new X509Certificate(await issueBy(client, `w${i}-${n}.im.test`));
          assert.equal(leaf.subjectAltName?.startsWith(`DNS:w${i}-${n}.im.test`), true);
        }
      }),
    );
    assert.deepEqual(
      wanderers.map(w => w.badNonces),
      [0, 0, 0],
    );
    assert.equal(Number((await db('audit').where({ action: 'certificate.issued' }).count('* as n').first())?.['n']), 9);
  });

  it('use a nonce once, at whichever of them', async () => {
    const [one, other] = [at(servers[0]), at(servers[1])];
    await one.open();
    assert.equal((await one.register({ eab: await eab() })).status, 201);
    other.key = one.key;
    other.kid = one.kid;
    const nonce = await one.takeNonce();
    const url = String(one.kid);
    assert.equal((await other.post(url, '', { nonce })).status, 200);
    for (const client of [one, other]) {
      const again = await client.post(url, '', { nonce });
      assert.equal(again.json.type, 'urn:ietf:params:acme:error:badNonce');
    }
  });

  it('make one account of a single-use key that both are asked with at once', async () => {
    const key = await eab();
    const asked = await Promise.all([0, 1, 0, 1].map(async i => (await at(servers[i]).open()).register({ eab: key })));
    assert.deepEqual(asked.map(a => a.status).sort(), [201, 403, 403, 403]);
    assert.equal((await db('accounts').where({ door_id: key.kid })).length, 1);
  });

  it('finalize an order once, asked at both at once', async () => {
    const client = await wander();
    const name = 'both.im.test';
    const created = await client.newOrder([name]);
    const [url] = created.json.authorizations;
    const { json: authorization } = await client.read(url);
    const challenge = authorization.challenges.find((c: Json) => c.type === 'http-01');
    world.pages.set(`http://${name}/.well-known/acme-challenge/${challenge.token}`, client.keyAuthorization(challenge.token));
    await client.post(challenge.url, {});
    await client.poll(url, a => a.status !== 'pending');
    const askers = servers.map(s => {
      const asker = at(s);
      asker.key = client.key;
      asker.kid = client.kid;
      return asker;
    });
    const csrs = [newKey(), newKey()].map(key => makeCsr(key, [name]).toString('base64url'));
    const answers = await Promise.all(askers.map((asker, i) => asker.post(created.json.finalize, { csr: csrs[i] })));
    assert.deepEqual(answers.map(a => a.status).sort(), [200, 403], answers.map(a => `${a.body}`).join('\n'));
    assert.equal((await db('certificate_names').where({ name })).length, 1);
  });

  it('send each mail once', async function () {
    this.timeout(120_000);
    const waiting = async () => Number((await db('outbox').where({ state: 'queued' }).count('* as n').first())?.['n']);
    await until(async () => (await waiting()) === 0);
    const mails = await readMails(join(site.folder, 'data/mail'));
    const ids = mails.map(text => /^Message-ID: <(.*)>$/im.exec(text)?.[1] ?? '').sort();
    const sent = (await db('outbox').where({ state: 'sent' }).select('id', 'attempts')) as { id: string; attempts: number }[];
    assert.equal(new Set(ids).size, ids.length, 'no message lies there twice');
    assert.deepEqual(
      ids.map(id => id.split('@')[0]),
      sent.map(m => m.id).sort(),
    );
    assert.ok(sent.every(m => m.attempts === 1));
  });

  it('publish a CRL once for a revocation', async function () {
    this.timeout(120_000);
    const crls = async (): Promise<{ number: number }[]> =>
      db('crls').whereIn('issuer_id', db('issuers').where({ kind: 'issuing' }).select('id'));
    const before = (await crls()).length;
    const [certificate] = await site.json('cert', 'list', '--limit', '1');
    await site.json('cert', 'revoke', certificate.serial);
    await until(async () => (await crls()).length > before);
    // Each looks again every five seconds: two rounds of both find nothing to do.
    const last = await db('crls').max('this_update as at').first();
    await until(async () => Date.now() / 1000 > last?.['at'] + 11, 500);
    assert.equal((await crls()).length, before + 1);
    const served = await Promise.all(
      servers.map(async s => Buffer.from(await (await fetch(`${s.status}/crl/${certificate.issuer}.crl`)).arrayBuffer())),
    );
    assert.ok(served[0]?.equals(served[1] ?? Buffer.alloc(0)));
    assert.ok(served[0]?.includes(Buffer.from(certificate.serial, 'hex')));
  });

  it('go on when one of them ends', async () => {
    const client = await wander();
    const [first, second] = servers;
    const { code } = (await first?.end('SIGTERM')) ?? {};
    assert.equal(code, 0);
    servers = second ? [second] : [];
    const stayed = at(second);
    stayed.key = client.key;
    stayed.kid = client.kid;
    await stayed.open();
    // Its nonce is from the one that has ended.
    stayed.nonce = client.nonce;
    assert.match(await issueBy(stayed, 'later.im.test'), /BEGIN CERTIFICATE/);
  });

  it('have one audit log, in which every act of each stands once', async () => {
    // What was mailed and published for the last certificate may still be on its way into it.
    const { size, checkpoints } = await until(async () => {
      const found = await site.json('audit', 'verify');
      const { records, last } = (await db('audit').count('id as records').max('log_index as last').first()) ?? {};
      return found.unsealed === 0 && Number(records) === found.size && Number(last) === found.size - 1 && found;
    });
    assert.ok(checkpoints > 1);
    assert.equal((await db('audit').where({ action: 'server.started' })).length, 2);
    for (const { status } of servers) {
      const [origin, served] = (await (await fetch(`${status}/log/checkpoint`)).text()).split('\n');
      assert.match(String(origin), /^\S+\/log$/);
      assert.ok(Number(served) >= size);
    }
  });
});
