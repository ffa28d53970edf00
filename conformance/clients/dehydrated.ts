import { join } from 'node:path';
import type { Eab } from '../ca.ts';
import type { Issued } from '../openssl.ts';
import { type Client, issueAndRenew } from '../renewals.ts';
import { checkRevocation } from '../revocation.ts';
import type { Case, Trial } from '../trial.ts';
import { serveWebroot, webroot } from '../webroot.ts';

export const dehydratedCases: Case[] = [
  {
    name: 'dehydrated http-01',
    async run(t) {
      t.answerHere();
      const eab = await t.ca.eab(await t.ca.member(t.name));
      await issueAndRenew(t, dehydrated(t, eab, await serveWebroot(t)));
    },
  },
  {
    name: 'dehydrated proved domain',
    async run(t) {
      const eab = await t.ca.eab(await t.provedMember());
      await issueAndRenew(t, dehydrated(t, eab, webroot(t)));
    },
  },
  {
    name: 'dehydrated revokes by account key',
    async run(t) {
      const client = dehydrated(t, await t.ca.eab(await t.provedMember()), webroot(t));
      await checkRevocation(t, await client.issue(), () => client.revoke());
    },
  },
];

function dehydrated(t: Trial, eab: Eab, wellKnown: string): Client & { revoke(): Promise<unknown> } {
  const config = (key: 'new key' | 'same key') =>
    t.file(
      'config',
      `CA=${eab.directory}
BASEDIR=${t.folder}
WELLKNOWN=${wellKnown}
DOMAINS_TXT=${t.file('domains.txt', `${t.names.join(' ')} > one\n`)}
CONTACT_EMAIL=admin@${t.domain}
CURL_OPTS="--cacert ${t.ca.root}"
KEY_ALGO=prime256v1
EAB_KID=${eab.kid}
EAB_HMAC_KEY=${eab.hmacKey}
PRIVATE_KEY_RENEW=${key === 'new key' ? 'yes' : 'no'}
`,
    );
  const run = (file: string, ...args: string[]) => t.run(['dehydrated', '-f', file, ...args]);
  const certs = join(t.folder, 'certs', 'one');
  const issued: Issued = { chain: join(certs, 'fullchain.pem'), key: join(certs, 'privkey.pem') };
  return {
    async issue() {
      await run(config('new key'), '-c', '--accept-terms');
      return issued;
    },
    async renew(key) {
      await run(config(key), '-c', '-x');
      return issued;
    },
    revoke: () => run(config('new key'), '--revoke', join(certs, 'cert.pem')),
  };
}
