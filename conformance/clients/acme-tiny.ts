import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Issued, makeCsr } from '../openssl.ts';
import { type Client, issueAndRenew } from '../renewals.ts';
import type { Case, Trial } from '../trial.ts';
import { serveWebroot, webroot } from '../webroot.ts';

export const acmeTinyCases: Case[] = [
  {
    name: 'acme-tiny http-01',
    async run(t) {
      t.answerHere();
      const directory = await t.ca.memberDirectory(await t.ca.member(t.name));
      await issueAndRenew(t, acmeTiny(t, directory, await serveWebroot(t)));
    },
  },
  {
    name: 'acme-tiny proved domain',
    async run(t) {
      const directory = await t.ca.memberDirectory(await t.provedMember());
      await issueAndRenew(t, acmeTiny(t, directory, webroot(t)));
    },
  },
];

function acmeTiny(t: Trial, directory: string, folder: string): Client {
  const account = join(t.folder, 'account.pem');
  const issued: Issued = { chain: join(t.folder, 'chain.pem'), key: join(t.folder, 'key.pem') };
  const request = async (key: 'RSA 2048' | 'same key') => {
    const csr = join(t.folder, 'request.pem');
    if (!existsSync(account)) await t.run(['openssl', 'genrsa', '-out', account, '2048']);
    await makeCsr(t.names, issued.key, csr, key);
    const options = ['--account-key', account, '--csr', csr, '--acme-dir', folder, '--directory-url', directory, '--disable-check'];
    writeFileSync(issued.chain, (await t.run(['acme-tiny', '--quiet', ...options], { SSL_CERT_FILE: t.ca.root })).stdout);
    return issued;
  };
  return { issue: () => request('RSA 2048'), renew: key => request(key === 'same key' ? key : 'RSA 2048') };
}
