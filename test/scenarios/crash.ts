/**
 * The crash test, with any number of kills: node --import tsx test/scenarios/crash.ts --kills 1000 [--database postgres://…]
 * A server under load is killed with SIGKILL at random moments and started again, and then held against what its clients saw.
 */
import assert from 'node:assert/strict';
import { type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseSerial } from '../../src/model/certificate.ts';
import { fromPem } from '../../src/model/encoding.ts';
import { listAudit } from '../../src/store/audit.ts';
import { findCertificate, listCertificates } from '../../src/store/certificates.ts';
import { type Db, openDatabase } from '../../src/store/open.ts';
import { listMessages } from '../../src/store/outbox.ts';
import { AcmeClient, type Answer, type Json, newKey } from '../kit/acme-client.ts';
import { makeCsr } from '../kit/csr.ts';
import { answerHttp01 } from '../kit/issue.ts';
import { readMails } from '../kit/mails.ts';
import { makeSite, type ServerProcess, type Site, until } from '../kit/process.ts';
import { startWorld, type World } from '../kit/world.ts';
import { examineRevocations, letLeasesLapse, type Revocable, revokeSome, Seen } from './crash-revocations.ts';

export interface CrashOptions {
  kills: number;
  /** Instead of SQLite. */
  database?: string;
  /** Clients that order all the time. */
  clients?: number;
  say?(line: string): void;
}

export interface CrashReport {
  kills: number;
  killedBeforeReady: number;
  orders: number;
  /** Certificates that a client has in hand. */
  received: number;
  /** Of these, what it was told is revoked. */
  revoked: number;
  invalid: number;
  /** Rows that a crash left committed, and that were signed later. */
  recovered: number;
  abandoned: number;
}

/** An order as its client remembers it. */
interface Order extends Revocable {
  names: string[];
  url: string;
  csr: string;
  status: string;
}

/** A client that goes on with its orders through every crash. */
interface Customer {
  key: KeyObject;
  kid: string | undefined;
  /** Its names are proved, so that its orders are ready at once. */
  domain: string | undefined;
  eab: { kid: string; hmacKey: string };
  orders: Order[];
}

/** @throws AssertionError where the server forgot or invented something */
export async function crash({ kills, database, clients = 4, say = () => {} }: CrashOptions): Promise<CrashReport> {
  const world = await startWorld();
  const site = await makeSite({
    validation: { ...world.validation, methods: ['http-01', 'email-mailbox-01'] },
    ...(database && { database }),
    log: 'error',
  });
  try {
    const run = new Run(site, world, say);
    await run.prepare(clients);
    const killedBeforeReady = await run.killAgainAndAgain(kills);
    await run.settle();
    const report = await run.examine();
    return { kills, killedBeforeReady, ...report };
  } finally {
    await site.close();
    await world.close();
  }
}

class Run {
  readonly #site: Site;
  readonly #world: World;
  readonly #say: (line: string) => void;
  readonly #customers: Customer[] = [];
  #root = '';
  #seen: Seen | undefined;
  #server: ServerProcess | undefined;
  #ending = false;
  #names = 0;

  constructor(site: Site, world: World, say: (line: string) => void) {
    this.#site = site;
    this.#world = world;
    this.#say = say;
  }

  /** One member; every other customer has a proved domain. */
  async prepare(clients: number): Promise<void> {
    const { id } = await this.#site.json('member', 'add', '--name', 'Crash Club', '--email', 'admin@club.test');
    this.#root = await readFile(join(this.#site.folder, 'data/root.pem'), 'utf8');
    this.#seen = await Seen.of(this.#site);
    for (let i = 0; i < clients; i++) {
      const eab = await this.#site.json('eab', 'create', '--member', id, '--uses', 'any');
      const domain = i % 2 ? `proved${i}.test` : undefined;
      if (domain !== undefined) await proveDomain(this.#site, this.#world, id, domain);
      this.#customers.push({ key: newKey(), kid: undefined, domain, eab, orders: [] });
    }
  }

  /** The next server loads on hold while the present one works. */
  async killAgainAndAgain(kills: number): Promise<number> {
    let early = 0;
    let next = this.#site.serve(true);
    const load = this.#customers.map(customer => this.#orderOnAndOn(customer));
    const failed = Promise.all(load).then(() => new Promise<never>(() => {}));
    for (let kill = 0; kill < kills; kill++) {
      const server = next;
      next = this.#site.serve(true);
      const life = Promise.race([failed, this.#live(server)]);
      if (!(await life)) early++;
      const { code, signal, stderr } = await server.end('SIGKILL');
      assert.equal(signal, 'SIGKILL', `the server ended by itself (${code}): ${stderr}`);
      this.#server = undefined;
      if ((kill + 1) % 50 === 0) this.#say(`${kill + 1} kills`);
    }
    this.#ending = true;
    await letLeasesLapse(this.#site.database);
    next.begin();
    await next.ready;
    this.#server = next;
    await Promise.all(load);
    // No life has forked or torn the log, and nothing waits for its place for ever.
    await until(async () => (await this.#site.json('audit', 'verify')).unsealed === 0);
    return early;
  }

  /** Some lives end while they begin. @returns whether it got ready */
  async #live(server: ServerProcess): Promise<boolean> {
    await letLeasesLapse(this.#site.database);
    server.begin();
    const early = Math.random() < 0.2 && pause(Math.random() * 400).then(() => false);
    const ready = server.ready.then(() => true);
    if (!(await (early ? Promise.race([early, ready]) : ready))) return false;
    const orders = this.#orders();
    assert.deepEqual(await this.#seen?.missing(server, orders), [], 'revocations that the first CRL of a life lacks');
    await this.#seen?.askOcsp(server, orders);
    this.#server = server;
    await pause(Math.random() * 600);
    return true;
  }

  /** What failed because the server was killed is done again with the next server; anything else is an error. */
  async #withServer<T>(customer: Customer, work: (client: AcmeClient) => Promise<T>): Promise<T | undefined> {
    const server = await until(async () => this.#server, 5);
    const client = new AcmeClient(this.#site.publicUrl, server.address, this.#root, customer.key);
    client.kid = customer.kid;
    try {
      await client.open();
      return await work(client);
    } catch (error) {
      // A whole answer that is wrong is wrong, also from a server that is gone by now.
      if (error instanceof assert.AssertionError || (server === this.#server && !isBroken(error))) throw error;
      return undefined;
    } finally {
      client.close();
    }
  }

  async #orderOnAndOn(customer: Customer): Promise<void> {
    while (!this.#ending) {
      await this.#withServer(customer, async client => {
        while (!this.#ending && this.#server?.address === client.address) {
          if (customer.kid === undefined) await register(client, customer);
          const order = customer.orders.findLast(o => isOpen(o)) ?? (await this.#newOrder(client, customer));
          await this.#goOn(client, order);
        }
      });
    }
  }

  async #newOrder(client: AcmeClient, customer: Customer): Promise<Order> {
    const names = [`n${++this.#names}.${customer.domain ?? 'open.test'}`];
    const csr = makeCsr(newKey(), names).toString('base64url');
    const answer = wanted(await client.newOrder(names), 201);
    const order = { names, csr, url: String(answer.headers['location']), status: answer.json.status };
    customer.orders.push(order);
    return order;
  }

  /** As far as it goes now; one whose finalization was interrupted is left for the end. */
  async #goOn(client: AcmeClient, order: Order): Promise<void> {
    let json = wanted(await client.read(order.url), 200).json;
    if (json.status === 'pending' && !this.#ending && (await isBeingValidated(client, json))) {
      order.status = 'processing';
      return;
    }
    if (json.status === 'pending') {
      await answerHttp01(client, this.#world, json);
      json = wanted(await client.read(order.url), 200).json;
    }
    if (json.status === 'ready') {
      const answer = await client.post(json.finalize, { csr: order.csr });
      json = answer.status === 200 ? answer.json : wanted(await client.read(order.url), 200).json;
    }
    order.status = json.status;
    if (json.status === 'valid') order.chain = wanted(await client.read(json.certificate), 200).body.toString();
    await revokeSome(client, order);
  }

  readonly #orders = () => this.#customers.flatMap(c => c.orders);

  /** Every order of every client ends: claims of the dead lapse after half a minute. */
  async settle(): Promise<void> {
    for (const customer of this.#customers) {
      for (const order of customer.orders) {
        await until(async () => {
          if (order.chain !== undefined || order.status === 'invalid') return true;
          await this.#withServer(customer, client => this.#goOn(client, order));
          return false;
        });
      }
    }
    const db = await openDatabase(this.#site.database);
    try {
      const left = async () =>
        (await count(db, 'certificates', { state: 'committed' })) +
        (await count(db, 'orders', { state: 'processing' })) +
        (await count(db, 'challenges', { status: 'processing' }));
      await until(async () => (await left()) === 0, 200);
    } finally {
      await db.destroy();
    }
  }

  async examine(): Promise<Omit<CrashReport, 'kills' | 'killedBeforeReady'>> {
    const server = this.#server;
    assert.ok(server);
    await until(async () => (await this.#seen?.missing(server, this.#orders()))?.length === 0);
    await this.#seen?.askOcsp(server, this.#orders());
    const ended = await this.#server?.end('SIGTERM');
    assert.deepEqual({ code: ended?.code, signal: ended?.signal }, { code: 0, signal: null }, ended?.stderr);
    const db = await openDatabase(this.#site.database);
    try {
      return await examine(db, this.#customers);
    } finally {
      await db.destroy();
    }
  }
}

/** Asked before anything is answered in this life: then the life before was interrupted in it, and its claim has to lapse. */
async function isBeingValidated(client: AcmeClient, order: Json): Promise<boolean> {
  for (const url of order.authorizations) {
    const { challenges } = wanted(await client.read(url), 200).json;
    if (challenges.some((c: Json) => c.status === 'processing')) return true;
  }
  return false;
}

/** An interrupted finalization is not asked about again until the end: its claim has to lapse first. */
const isOpen = ({ status, chain }: Order): boolean => chain === undefined && status !== 'invalid' && status !== 'processing';

async function register(client: AcmeClient, customer: Customer): Promise<void> {
  // 200 where the answer to an earlier attempt was lost.
  const answer = await client.register({ eab: customer.eab });
  if (answer.status !== 200) wanted(answer, 201);
  customer.kid = client.kid;
}

/** A code by mail, given back. */
export async function proveDomain(site: Site, world: World, member: string, domain: string): Promise<void> {
  world.dns.set(domain, 'MX', [{ exchange: `mail.${domain}`, preference: 10 }]);
  const { id } = await site.json('domain', 'prove', '--member', member, '--domain', domain);
  const code = await codeFor(site, id);
  await site.json('domain', 'confirm', '--member', member, '--domain', domain, '--code', code);
}

async function codeFor(site: Site, proofId: string): Promise<string> {
  for (const text of await readMails(join(site.folder, 'data/mail'))) {
    const code = /^[a-z2-7]{32}$/m.exec(text)?.[0];
    if (code && text.includes(proofId.slice(0, 8))) return code;
  }
  throw new Error(`no mail about the proof ${proofId}`);
}

/** What a killed server leaves its clients with. */
function isBroken(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: string };
  return code !== undefined && ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ECONNABORTED'].includes(code);
}

function wanted(answer: Answer, status: number): { headers: Answer['headers']; json: Json; body: Buffer } {
  assert.equal(answer.status, status, `${answer.body}`);
  return answer;
}

async function count(db: Db, table: string, where: Record<string, string>): Promise<number> {
  return Number((await db(table).where(where).count('* as n').first())?.['n']);
}

async function examine(db: Db, customers: Customer[]): Promise<Omit<CrashReport, 'kills' | 'killedBeforeReady'>> {
  const orders = customers.flatMap(c => c.orders);
  for (const order of orders) assert.ok(['valid', 'invalid'].includes(order.status), `the order ${order.url} hangs: ${order.status}`);
  for (const customer of customers)
    if (customer.kid !== undefined) assert.equal(await count(db, 'accounts', { id: customer.kid.split('/').at(-1) ?? '' }), 1);

  // What a client holds, the database holds: the same bytes, under the same serial.
  const received = orders.flatMap(o => o.chain ?? []);
  const serials = new Set<string>();
  for (const chain of received) {
    const [leaf] = fromPem('CERTIFICATE', chain);
    assert.ok(leaf);
    const serial = parseSerial(new X509Certificate(leaf).serialNumber) ?? '';
    const stored = await findCertificate(db, serial);
    assert.equal(stored?.state, 'issued', `the certificate ${serial} that a client holds is ${stored?.state ?? 'unknown'}`);
    assert.ok(Buffer.from(stored.der ?? []).equals(leaf), `the certificate ${serial} differs from the stored one`);
    serials.add(serial);
  }
  assert.equal(serials.size, received.length, 'no serial was given twice');

  // Every row has ended, and everything that tells of it is there once.
  const rows = await listCertificates(db, {}, 0, { limit: 1_000_000 });
  const subjects = async (action: Parameters<typeof listAudit>[1]) => (await listAudit(db, action)).map(e => e.subject['serial'] ?? '');
  const committed = await subjects({ action: 'certificate.committed' });
  const issued = await subjects({ action: 'certificate.issued' });
  const abandoned = await subjects({ action: 'certificate.abandoned' });
  const notices = (await listMessages(db, ['queued', 'sent', 'dead'])).flatMap(m => (m.kind === 'issued' ? m.refs.serial : []));
  const states = (state: string) => rows.filter(r => r.state === state).map(r => r.serial);
  assert.deepEqual(states('committed'), [], 'no row is left committed');
  const same = (told: string[], are: string[], what: string) => assert.deepEqual([...told].sort(), [...are].sort(), what);
  same(committed, [...states('issued'), ...states('abandoned')], 'one audit row certificate.committed for each certificate');
  same(issued, states('issued'), 'one audit row certificate.issued for each issued certificate');
  // Our own that were interrupted are abandoned too; they have no order, and are not listed.
  same(
    abandoned.filter(s => states('abandoned').includes(s)),
    states('abandoned'),
    'one audit row certificate.abandoned for each abandoned one',
  );
  same(notices, states('issued'), 'one notice for each issued certificate');
  for (const { state, orderId, serial } of rows) {
    const order = await db('orders').where({ id: orderId }).first();
    assert.equal(order?.state, state === 'issued' ? 'valid' : 'invalid', `the order of ${serial}`);
    assert.equal(order?.serial, serial);
  }
  const recovered = (await listAudit(db, { action: 'certificate.issued' })).filter(e => e.who === 'clock').length;
  return {
    orders: orders.length,
    received: received.length,
    revoked: await examineRevocations(db, orders),
    invalid: orders.filter(o => o.status === 'invalid').length,
    recovered,
    abandoned: states('abandoned').length,
  };
}

/** No top-level await: the test beside this file could not share its modules with the others. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { kills: { type: 'string' }, database: { type: 'string' }, clients: { type: 'string' } } });
  const kills = Number(values.kills ?? 100);
  const clients = Number(values.clients ?? 4);
  if (!Number.isInteger(kills) || kills < 1 || !Number.isInteger(clients) || clients < 1)
    throw new Error('--kills and --clients are positive whole numbers');
  const report = await crash({ kills, clients, ...(values.database && { database: values.database }), say: line => console.error(line) });
  console.log(JSON.stringify(report));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch(error => {
    console.error(error);
    process.exitCode = 1;
  });
}
