import { AcmeClient, type Authorization } from '../acme.ts';
import { Ejabberd } from '../ejabberd.ts';
import { checkIssued, type Facts } from '../openssl.ts';
import { checkRevocation } from '../revocation.ts';
import type { Case, Trial } from '../trial.ts';
import { until } from '../wait.ts';

export const ejabberdCases: Case[] = [
  {
    name: 'ejabberd http-01',
    async run(t) {
      t.answerHere(allNames(t));
      await requestTwice(t, await t.ca.memberDirectory(await t.ca.member(t.name)));
    },
  },
  {
    name: 'ejabberd proved domains',
    async run(t) {
      const member = await t.provedMember();
      t.answerNowhere(allNames(t));
      await requestTwice(t, await t.ca.memberDirectory(member));
    },
  },
  {
    name: 'ejabberd proved and other names (known failure)',
    async run(t) {
      const { member, directory, proved, unproved } = await halfProved(t);
      const ejabberd = await start(t, directory);
      t.answerHere([...proved, ...unproved]);
      await t.step('request-certificate all', () => failsAtProof(ejabberd, proved));
      await t.step('what the server has', () => orderWaits(t, { member, directory, ejabberd, proved }));
      await t.ca.proveDomain(member, t.domain);
      t.answerNowhere(unproved);
      await t.step('request-certificate all, once all are proved', () => request(t, ejabberd, [...unproved, ...proved], 'all'));
    },
  },
  {
    name: 'ejabberd proved and other names apart',
    async run(t) {
      const { directory, proved, unproved } = await halfProved(t);
      const ejabberd = await start(t, directory);
      t.answerNowhere(proved);
      t.answerHere(unproved);
      for (const names of [proved, unproved]) await t.step(`request-certificate ${names}`, () => request(t, ejabberd, names));
    },
  },
  {
    name: 'ejabberd revokes by certificate key',
    async run(t) {
      const member = await t.provedMember();
      const ejabberd = await start(t, await t.ca.memberDirectory(member));
      const { file } = await request(t, ejabberd, allNames(t), 'all');
      await checkRevocation(t, { chain: file, key: file }, () => ejabberd.ctl('revoke-certificate', file));
    },
  },
];

const hosts = (t: Trial): [string, string] => [t.domain, `second.${t.domain}`];
const withComponents = (host: string) => [host, `conference.${host}`, `pubsub.${host}`];
/** Two hosts and two components of each: ejabberd asks for all of them in one order. */
const allNames = (t: Trial) => hosts(t).flatMap(withComponents);

/** A member that has proved the second host only. */
async function halfProved(t: Trial) {
  const [first, second] = hosts(t);
  const member = await t.ca.member(t.name);
  await t.ca.proveDomain(member, second);
  const directory = await t.ca.memberDirectory(member);
  return { member, directory, proved: withComponents(second), unproved: withComponents(first) };
}

/** It reads the authorizations of an order that is not ready, and gives up at the first without http-01, though that one is valid. */
async function failsAtProof(ejabberd: Ejabberd, proved: string[]): Promise<void> {
  const { code, stdout, stderr } = await ejabberd.tryCtl('request-certificate', 'all');
  if (code === 0)
    throw new Error(
      'known failure is gone: this ejabberd gets a certificate where some of the names are proved and http-01 is left for the others; make it a normal case, and say so in the documentation',
    );
  const complaints = proved.map(name => `ACME server offered unsupported challenges for domain ${name}: email-mailbox-01`);
  const complaint = complaints.find(line => (stdout + stderr).includes(line));
  if (complaint === undefined) throw new Error(`it fails, but in another way: ${stdout}${stderr}`);
  const failure = new RegExp(`Failed to request certificate for .*: ${complaint}`);
  await until('ejabberd to log its failure', () => failure.test(ejabberd.logged()), 10);
}

interface Failed {
  member: string;
  directory: string;
  ejabberd: Ejabberd;
  proved: string[];
}

/** The one order waits for http-01 that nobody has tried, its valid authorizations show what they were proved by, and nothing was issued. */
async function orderWaits(t: Trial, { member, directory, ejabberd, proved }: Failed): Promise<void> {
  const client = await AcmeClient.takeOver(t.ca.root, directory, ejabberd.accountKey);
  const orders = await client.orders();
  const statuses = orders.map(order => order.status).join();
  if (statuses !== 'pending') throw new Error(`the account's orders are ${statuses || 'none'}, not one that is pending`);
  const authorizations = await Promise.all(orders[0]!.authorizations.map(url => client.get<Authorization>(url)));
  const names = authorizations.map(authorization => authorization.identifier.value);
  if (names.sort().join() !== allNames(t).sort().join()) throw new Error(`the order is for ${names}`);
  for (const { identifier, status, challenges } of authorizations) {
    const shown = challenges.map(challenge => `${challenge.type} ${challenge.status}`);
    const good = proved.includes(identifier.value)
      ? status === 'valid' && shown.join() === 'email-mailbox-01 valid'
      : status === 'pending' && shown.includes('http-01 pending');
    if (!good) throw new Error(`the authorization of ${identifier.value} is ${status}, its challenges are ${shown}`);
  }
  const certificates = await t.ca.cli<unknown[]>('cert', 'list', '--member', member);
  if (certificates.length) throw new Error(`${certificates.length} certificates were issued`);
}

/** ejabberd makes a new key at every request; it has no renewal with the same one. */
async function requestTwice(t: Trial, directory: string): Promise<void> {
  const ejabberd = await start(t, directory);
  const first = await t.step('request-certificate', () => request(t, ejabberd, allNames(t), 'all'));
  const second = await t.step('request-certificate again', () => request(t, ejabberd, allNames(t), 'all'));
  if (first.serial === second.serial || first.publicKey === second.publicKey)
    throw new Error('the second request gave the old certificate');
  const loaded = /has been received, stored and loaded successfully/g;
  await until('ejabberd to log that it has loaded both', () => ejabberd.logged().match(loaded)?.length === 2, 10);
}

/**
 * One order, for the names that the command lists, or for all that ejabberd has; the result is the certificate that it has stored for it.
 * The times of the files do not tell which is new: ejabberd sets them to whole seconds, and can store two certificates within one.
 */
async function request(t: Trial, ejabberd: Ejabberd, names: string[], list = names.join()): Promise<Facts & { file: string }> {
  const before = ejabberd.stored();
  await ejabberd.ctl('request-certificate', list);
  return until(`ejabberd to store a new certificate for ${names}`, async () => {
    const [file] = [...ejabberd.stored()].find(([file, text]) => text !== before.get(file)) ?? [];
    return file !== undefined && { ...(await checkIssued({ chain: file, key: file }, t.ca.root, names)), file };
  });
}

async function start(t: Trial, directory: string): Promise<Ejabberd> {
  const ejabberd = await Ejabberd.prepare(t, 1);
  await ejabberd.start(`hosts: [${hosts(t).join(', ')}]
loglevel: info
ca_file: ${t.ca.root}
acme: {ca_url: "${directory}", contact: "mailto:admin@${t.domain}", cert_type: ec, auto: false}
listen:
  - {port: 80, ip: "${t.address}", module: ejabberd_http, request_handlers: {/.well-known/acme-challenge: ejabberd_acme}}
  - {port: 5222, ip: "${t.address}", module: ejabberd_c2s, starttls: true}
modules: {mod_disco: {}, mod_roster: {}, mod_muc: {}, mod_pubsub: {}}
`);
  return ejabberd;
}
