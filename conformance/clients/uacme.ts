import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Eab } from '../ca.ts';
import { facts, type Issued } from '../openssl.ts';
import { type Client, issueAndRenew } from '../renewals.ts';
import { checkRevocation } from '../revocation.ts';
import type { Case, Trial } from '../trial.ts';
import { withTrust } from '../trust.ts';
import { serveWebroot } from '../webroot.ts';

export const uacmeCases: Case[] = [
  {
    name: 'uacme http-01',
    async run(t) {
      t.answerHere();
      const folder = await serveWebroot(t);
      const hook = t.file('hook', `#!/bin/sh\n[ "$2" = http-01 ] || exit 1\n[ "$1" != begin ] || printf %s "$5" > ${folder}/"$4"\n`, 0o755);
      await issueAndRenew(t, uacme(t, await t.ca.eab(await t.ca.member(t.name)), hook));
    },
  },
  {
    name: 'uacme proved domain',
    async run(t) {
      const eab = await t.ca.eab(await t.provedMember());
      await issueAndRenew(t, uacme(t, eab));
    },
  },
  {
    name: 'uacme revokes by account key',
    async run(t) {
      const client = uacme(t, await t.ca.eab(await t.provedMember()));
      await checkRevocation(t, await client.issue(), () => client.revoke());
    },
  },
  {
    name: 'uacme revokes by certificate key',
    async run(t) {
      const client = uacme(t, await t.ca.eab(await t.provedMember()));
      const issued = await client.issue();
      await checkRevocation(t, issued, () => client.revoke(issued.key));
    },
  },
];

/** Without a hook of its own it gets one that refuses every challenge. */
function uacme(t: Trial, eab: Eab, hook = '/bin/false'): Client & { revoke(...key: string[]): Promise<unknown> } {
  const run = (...args: string[]) => t.run(withTrust(t.ca.root, ['uacme', '-v', '-y', '-a', eab.directory, '-c', t.folder, ...args]));
  const issued: Issued = { chain: join(t.folder, t.domain, 'cert.pem'), key: join(t.folder, 'private', t.domain, 'key.pem') };
  const issue = async (...options: string[]) => {
    await run('-h', hook, '-t', 'EC', ...options, 'issue', ...t.names);
    return issued;
  };
  return {
    async issue() {
      await run('-e', `${eab.kid}:${eab.hmacKey}`, 'new', `admin@${t.domain}`);
      return issue();
    },
    async renew(key) {
      // It keeps the old certificate under the second's time, and fails where that file exists.
      const folder = dirname(issued.chain);
      for (const name of readdirSync(folder)) if (/^cert-\d+\.pem$/.test(name)) rmSync(join(folder, name));
      if (key === 'new key') rmSync(issued.key);
      return issue('-f');
    },
    async revoke(...key) {
      const copy = join(t.folder, `${(await facts(issued.chain)).serial}.pem`);
      copyFileSync(issued.chain, copy);
      await run('-r', '4', 'revoke', copy, ...key);
    },
  };
}
