import { join } from 'node:path';
import { type Exchange, exchange, textOf, type User } from './chat.ts';
import { lego } from './clients/lego.ts';
import { Ejabberd } from './ejabberd.ts';
import { facts, type Issued } from './openssl.ts';
import { readText } from './process.ts';
import { Prosody } from './prosody.ts';
import { CronJob } from './readme.ts';
import type { Case, Trial } from './trial.ts';
import { until } from './wait.ts';

export const federationCases: Case[] = [
  {
    name: 'federation: default profile',
    async run(t) {
      const pair = await Pair.make(t);
      await pair.prosody.start(await pair.certificate(pair.prosodyDomain));
      await pair.startEjabberd({ directory: await t.ca.memberDirectory(pair.member) });
      await pair.ejabberd.ctl('request-certificate', 'all');
      await pair.accepted();
    },
  },
  {
    name: 'federation: ejabberd refuses another name',
    async run(t) {
      const pair = await Pair.make(t);
      await pair.prosody.start(await pair.certificate(`other.${t.domain}`));
      await pair.startEjabberd({ files: await pair.certificate(pair.ejabberdDomain) });
      const [p, e] = [pair.prosodyDomain, pair.ejabberdDomain];
      await pair.refused(pair.ejabberd, [
        new RegExp(`Failed inbound s2s EXTERNAL authentication ${p} -> ${e} .*: Certificate host name mismatch`),
        new RegExp(`Failed to establish outbound s2s connection ${e} -> ${p}: Peer certificate rejected: Certificate host name mismatch`),
      ]);
    },
  },
  {
    name: 'federation: Prosody refuses another name',
    async run(t) {
      const pair = await Pair.make(t);
      await pair.prosody.start(await pair.certificate(pair.prosodyDomain));
      await pair.startEjabberd({ files: await pair.certificate(`other.${t.domain}`) });
      const refusal = `Forbidding insecure connection to/from ${pair.ejabberdDomain} because its certificate is not valid for this name`;
      await pair.refused(pair.prosody, [new RegExp(`s2sout.*${refusal}`), new RegExp(`s2sin.*${refusal}`)]);
    },
  },
  {
    name: 'federation: Prosody accepts XmppAddr',
    async run(t) {
      const pair = await Pair.make(t);
      await pair.prosody.start(await pair.certificate(pair.prosodyDomain));
      await pair.startEjabberd({ directory: await t.ca.memberDirectory(pair.member, '--profile', 'xmpp-server-addr') });
      await pair.ejabberd.ctl('request-certificate', 'all');
      await pair.accepted();
    },
  },
  {
    name: "federation: the README's cron job, and Prosody's CRLs",
    async run(t) {
      const pair = await Pair.make(t);
      const [own, others] = [await pair.certificate(pair.prosodyDomain), await pair.certificate(pair.ejabberdDomain)];
      const cron = new CronJob(t, pair.prosody.pidFile);
      const file = join(cron.folder, 'root-and-crls.pem');
      const urls = await cron.urls();
      await t.step('a first file', async () => {
        await pair.prosody.start(own);
        const { stdout, stderr } = await cron.run(urls);
        if (stdout + stderr !== '') throw new Error(`cron would mail: ${stdout}${stderr}`);
        await cron.verify(others.chain);
      });
      await pair.prosody.start(own, cron.prosody(own.key, own.chain));
      await pair.startEjabberd({ files: others });
      await t.step('before', () => pair.accepted());
      await t.ca.cli('cert', 'revoke', (await facts(others.chain)).serial, '--reason', 'keyCompromise');
      await t.ca.cli('crl', 'publish');
      await t.step('a CRL that does not come', async () => {
        const before = readText(file);
        const { code, stderr, stdout } = await cron.run([...urls, urls[0]!.replace(/[^/]+$/, '0.crl')], [1]);
        if (code !== 1 || !/404/.test(stdout + stderr)) throw new Error(`cron would not mail what is wrong: ${stdout}${stderr}`);
        if (readText(file) !== before) throw new Error('the file is another one all the same');
      });
      const from = pair.prosody.logged().length;
      await t.step('a newer file', async () => {
        await cron.run(urls);
        const { stderr } = await cron.verify(others.chain, [2]);
        if (!stderr.includes('certificate revoked')) throw new Error(stderr);
        await until('Prosody to take it up', () => /Certificates reloaded/.test(pair.prosody.logged(from)), 20);
      });
      await t.step('after', async () => {
        await pair.ejabberd.ctl('stop_s2s_connections');
        const got = await exchange(t, pair.alice, pair.bob, 20);
        if (got.first === textOf(pair.bob) || got.second === textOf(pair.alice)) throw new Error('they still hear each other');
        await until('Prosody to log why', () => /certificate revoked/.test(pair.prosody.logged(from)), 20);
      });
    },
  },
  {
    name: 'federation: XmppAddr crashes ejabberd (known failure)',
    async run(t) {
      const pair = await Pair.make(t);
      await pair.prosody.start(await pair.certificate(pair.prosodyDomain, 'xmpp-server-addr'));
      await pair.startEjabberd({ files: await pair.certificate(pair.ejabberdDomain) });
      const crash = () => /\{badarg,[\s\S]{0,600}?\{xmpp_stream_pkix,/.test(pair.ejabberd.logged());
      const got = await pair.exchange(30);
      if (got.first === textOf(pair.bob) && got.second === textOf(pair.alice))
        throw new Error(
          'known failure is gone: this ejabberd accepts a certificate with XmppAddr; make it a normal case, and say so in the documentation',
        );
      await until('ejabberd to log its crash', crash, 10);
    },
  },
];

/** Prosody and ejabberd on one machine, and a member that has proved the domain that both are below. */
class Pair {
  readonly prosody: Prosody;
  readonly ejabberd: Ejabberd;
  readonly member: string;
  readonly prosodyDomain: string;
  readonly ejabberdDomain: string;
  readonly alice: User;
  readonly bob: User;
  readonly #t: Trial;
  readonly #ejabberdAddress: string;

  static async make(t: Trial): Promise<Pair> {
    const member = await t.provedMember();
    return new Pair(t, member, await Ejabberd.prepare(t, 2));
  }

  private constructor(t: Trial, member: string, ejabberd: Ejabberd) {
    this.#t = t;
    this.member = member;
    this.prosodyDomain = `prosody.${t.domain}`;
    this.ejabberdDomain = `ejabberd.${t.domain}`;
    this.#ejabberdAddress = t.silent;
    for (const [domain, address] of [
      [this.prosodyDomain, t.address],
      [this.ejabberdDomain, t.silent],
    ] as const) {
      t.dns.host(domain, address);
      t.dns.srv(`_xmpp-server._tcp.${domain}`, 5269, domain);
    }
    this.prosody = new Prosody(t, this.prosodyDomain, t.address);
    this.ejabberd = ejabberd;
    this.alice = { jid: `alice@${this.prosodyDomain}`, password: 'in wonderland', address: t.address };
    this.bob = { jid: `bob@${this.ejabberdDomain}`, password: 'the builder', address: t.silent };
  }

  /** By lego, for a name and its `conference.`. */
  async certificate(name: string, profile?: string): Promise<Issued> {
    const eab = await this.#t.ca.eab(this.member);
    const directory = profile === undefined ? eab.directory : `${this.#t.ca.url}/acme/p/${profile}/directory`;
    return lego(this.#t, { ...eab, directory }, undefined, {}, [name, `conference.${name}`]).issue();
  }

  /** With a certificate from files, or with its own ACME client at a directory. */
  async startEjabberd(source: { files: Issued } | { directory: string }): Promise<void> {
    const t = this.#t;
    const certificate =
      'files' in source
        ? `certfiles: ["${this.ejabberd.certfile(source.files)}"]`
        : `acme: {ca_url: "${source.directory}", contact: "mailto:admin@${t.domain}", cert_type: ec, auto: false}`;
    await this.ejabberd.start(`hosts: ["${this.ejabberdDomain}"]
loglevel: info
${certificate}
s2s_cafile: ${t.ca.root}
s2s_use_starttls: required
s2s_max_retry_delay: 1
outgoing_s2s_families: [ipv4]
auth_method: internal
listen:
  - {port: 5222, ip: "${this.#ejabberdAddress}", module: ejabberd_c2s, starttls_required: true}
  - {port: 5269, ip: "${this.#ejabberdAddress}", module: ejabberd_s2s_in}
modules: {mod_disco: {}, mod_roster: {}, mod_muc: {host: "conference.${this.ejabberdDomain}"}}
`);
  }

  /** Registers both users and lets them write to each other. */
  async exchange(seconds: number): Promise<Exchange> {
    await this.prosody.register('alice', this.alice.password);
    await this.ejabberd.ctl('register', 'bob', this.ejabberdDomain, this.bob.password);
    return exchange(this.#t, this.alice, this.bob, seconds);
  }

  /** Both messages arrive, and both logs show SASL EXTERNAL accepted in both directions. */
  async accepted(): Promise<void> {
    const got = await this.exchange(60);
    if (got.first !== textOf(this.bob)) throw new Error(`alice got ${got.first} instead of bob's message`);
    if (got.second !== textOf(this.alice)) throw new Error(`bob got ${got.second} instead of alice's message`);
    const [p, e] = [this.prosodyDomain, this.ejabberdDomain];
    const prosody = [
      `Accepting SASL EXTERNAL identity from ${e}`,
      `SASL EXTERNAL with ${e} succeeded`,
      `authenticated incoming ${e} -> ${p} by `,
      `authenticated outgoing ${p} -> ${e} by `,
    ];
    const ejabberd = [
      `Accepted inbound s2s EXTERNAL authentication ${p} -> ${e}`,
      `Accepted outbound s2s EXTERNAL authentication ${e} -> ${p}`,
    ];
    for (const line of prosody) await until(`Prosody to log ${line}`, () => this.prosody.logged().includes(line), 10);
    for (const line of ejabberd) await until(`ejabberd to log ${line}`, () => this.ejabberd.logged().includes(line), 10);
  }

  /** Nothing arrives, nobody accepts, and the log of `judge` has a line for each refusal. */
  async refused(judge: Prosody | Ejabberd, refusals: RegExp[]): Promise<void> {
    const got = await this.exchange(20);
    if (got.first === textOf(this.bob)) throw new Error('alice got the message of bob');
    if (got.second === textOf(this.alice)) throw new Error('bob got the message of alice');
    for (const refusal of refusals) await until(`${refusal} in the log`, () => refusal.test(judge.logged()), 20);
    const accepted = /^.*(Accepted (in|out)bound s2s EXTERNAL|Accepting SASL EXTERNAL|SASL EXTERNAL with \S+ succeeded).*$/m;
    const line = accepted.exec(this.prosody.logged())?.[0] ?? accepted.exec(this.ejabberd.logged())?.[0];
    if (line !== undefined) throw new Error(`accepted all the same: ${line}`);
  }
}
