import { Ejabberd } from '../ejabberd.ts';
import { checkIssued, type Issued } from '../openssl.ts';
import { checkRevocation } from '../revocation.ts';
import type { Case, Trial } from '../trial.ts';

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
    name: 'ejabberd revokes by certificate key',
    async run(t) {
      const member = await t.provedMember();
      const ejabberd = await start(t, await t.ca.memberDirectory(member));
      await ejabberd.ctl('request-certificate', 'all');
      const file = ejabberd.acmeFile();
      await checkRevocation(t, { chain: file, key: file }, () => ejabberd.ctl('revoke-certificate', file));
    },
  },
];

const hosts = (t: Trial) => [t.domain, `second.${t.domain}`];
/** Two hosts and two components of each: ejabberd asks for all of them in one order. */
const allNames = (t: Trial) => hosts(t).flatMap(host => [host, `conference.${host}`, `pubsub.${host}`]);

/** ejabberd makes a new key at every request; it has no renewal with the same one. */
async function requestTwice(t: Trial, directory: string): Promise<void> {
  const ejabberd = await start(t, directory);
  const request = async () => {
    await ejabberd.ctl('request-certificate', 'all');
    const file = ejabberd.acmeFile();
    const issued: Issued = { chain: file, key: file };
    return checkIssued(issued, t.ca.root, allNames(t));
  };
  const first = await t.step('request-certificate', request);
  const second = await t.step('request-certificate again', request);
  if (first.serial === second.serial || first.publicKey === second.publicKey)
    throw new Error('the second request gave the old certificate');
  if (!ejabberd.logged().includes('has been received, stored and loaded successfully')) throw new Error('ejabberd has not loaded it');
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
