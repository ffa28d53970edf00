import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Issued, memberOfChain, ocspStatus, verifyWithCrl } from './openssl.ts';
import type { Trial } from './trial.ts';
import { until } from './wait.ts';

/** `openssl ocsp` and `openssl verify -crl_check` accept the certificate before `revoke` and refuse it afterwards. */
export async function checkRevocation(t: Trial, issued: Issued, revoke: () => Promise<unknown>): Promise<void> {
  // Some clients move the file away when they revoke.
  const chain = join(t.folder, 'to-be-revoked.pem');
  copyFileSync(issued.chain, chain);
  const issuer = await memberOfChain(chain, 1, t.folder);
  const { root } = t.ca;
  await t.step('before', async () => {
    const status = await ocspStatus(chain, issuer, root);
    if (status !== 'good') throw new Error(`openssl ocsp says ${status}`);
    const verified = await verifyWithCrl(chain, issuer, root, t.folder);
    if (verified.code !== 0) throw new Error(`openssl verify -crl_check says ${verified.stderr}`);
  });
  await t.step('revoke', revoke);
  await t.step('OCSP', () => until('openssl ocsp to say revoked', async () => (await ocspStatus(chain, issuer, root)) === 'revoked'));
  await t.step('CRL', async () => {
    await t.ca.cli('crl', 'publish');
    await until('openssl verify -crl_check to say revoked', async () => {
      const verified = await verifyWithCrl(chain, issuer, root, t.folder);
      return verified.code === 2 && verified.stderr.includes('certificate revoked');
    });
  });
}
