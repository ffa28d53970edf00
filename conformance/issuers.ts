import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { issue } from './certificates.ts';
import { fetchCrl, memberOfChain, ocspStatus } from './openssl.ts';
import type { Output } from './process.ts';
import type { Case, Trial } from './trial.ts';
import { until } from './wait.ts';

/** A certificate with the issuing CA that it came from. */
interface Copied {
  leaf: string;
  issuer: string;
}

export const issuerCases: Case[] = [
  {
    name: 'a new issuing CA without a stop, and the end of the old one',
    async run(t) {
      const member = await t.provedMember();
      const next = async (name: string) => copy(t, (await issue(t, [`${name}.${t.domain}`], undefined, member)).chain, name);
      const status = async (id: string) => (await issuers(t)).find(i => i.id === id)?.status;
      const before = await next('before');
      const old = (await issuers(t)).find(i => i.status === 'active')?.id ?? '';

      const { id } = await t.ca.cli<{ id: string }>('issuer', 'create');
      await t.ca.cli('issuer', 'activate', id);
      if ((await status(id)) !== 'active' || (await status(old)) !== 'standby') throw new Error('the new issuing CA is not the active one');
      // The running server hears of it within a second.
      let after = await next('after-0');
      for (let n = 1; (await subjectOf(t, after.issuer)) === (await subjectOf(t, before.issuer)); n++) {
        if (n > 20) throw new Error('the server still issues by the old one');
        after = await next(`after-${n}`);
      }
      for (const each of [before, after]) {
        const { code, stderr } = await verify(t, each);
        if (code !== 0) throw new Error(stderr);
        const said = await ocspStatus(each.leaf, each.issuer, t.ca.root);
        if (said !== 'good') throw new Error(`openssl ocsp says ${said}`);
      }

      await t.ca.cli('issuer', 'revoke', old, '--reason', 'superseded');
      await until('openssl verify -crl_check_all to refuse what the old one issued', async () => {
        const { code, stderr } = await verify(t, before);
        return code === 2 && /error 23 at 1 depth lookup: certificate revoked/.test(stderr);
      });
      const { code, stderr } = await verify(t, after);
      if (code !== 0) throw new Error(stderr);
    },
  },
];

const issuers = (t: Trial) => t.ca.cli<{ id: string; status: string }[]>('issuer', 'list');

async function copy(t: Trial, chain: string, name: string): Promise<Copied> {
  const take = async (position: number, file: string) => {
    copyFileSync(await memberOfChain(chain, position, t.folder), join(t.folder, file));
    return join(t.folder, file);
  };
  return { leaf: await take(0, `${name}.pem`), issuer: await take(1, `${name}-issuer.pem`) };
}

async function subjectOf(t: Trial, file: string): Promise<string> {
  return (await t.run(['openssl', 'x509', '-in', file, '-noout', '-subject'])).stdout;
}

/** Against the CRLs that leaf and issuing CA name, fetched just now. */
async function verify(t: Trial, { leaf, issuer }: Copied): Promise<Output> {
  const crls = [await fetchCrl(leaf, t.folder), await fetchCrl(issuer, t.folder)].flatMap(file => ['-CRLfile', file]);
  return t.run(
    ['openssl', 'verify', '-x509_strict', '-crl_check_all', '-CAfile', t.ca.root, '-untrusted', issuer, ...crls, leaf],
    {},
    { accept: [0, 2] },
  );
}
