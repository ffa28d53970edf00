import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { issue } from './certificates.ts';
import { facts } from './openssl.ts';
import type { Case, Trial } from './trial.ts';
import { until } from './wait.ts';

const source = resolve(import.meta.dirname, 'log-check/main.go');
const libraries = '/usr/share/gocode';

/** The audit log, read by programs that are not ours. */
export const logCases: Case[] = [
  {
    name: "the published log, by the Go checksum database's own packages",
    async run(t) {
      const program = join(t.folder, 'log-check');
      const go = {
        GO111MODULE: 'off',
        GOPATH: libraries,
        GOCACHE: join(t.folder, 'go-cache'),
        CGO_ENABLED: '0',
        PATH: process.env['PATH'] ?? '',
      };
      await t.run(['go', 'build', '-o', program, source], go, { timeout: 300 });
      const { key, url } = await t.ca.cli<{ key: string; url: string }>('audit', 'key');

      const member = await t.provedMember();
      const first = await logged(t, member, t.domain);
      const before = await t.run([program, url, key], {}, { timeout: 120 });
      requireEntry(before.stdout, 'certificate', first);
      const known = t.file('checkpoint', before.stderr);

      const second = await logged(t, member, `other.${t.domain}`);
      await t.ca.cli('cert', 'revoke', second.serial);
      await until('the log to tell of the revocation', async () => {
        const after = await t.run([program, url, key, known], {}, { timeout: 120 });
        requireEntry(after.stdout, 'certificate', second);
        requireEntry(after.stdout, 'revocation', second);
        return after.stdout.startsWith(before.stdout);
      });
      const forged = t.file('forged', before.stderr.replace(/\n\d+\n/, '\n1\n'));
      const { code, stderr } = await t.run([program, url, key, forged], {}, { accept: [1] });
      if (code !== 1 || !/invalid signature|unverified/.test(stderr)) throw new Error(`a forged checkpoint was accepted: ${stderr}`);
    },
  },
];

/** A certificate that the log has a proof of. */
async function logged(t: Trial, member: string, name: string): Promise<{ serial: string; der: string }> {
  const issued = await issue(t, [name], undefined, member);
  const { serial } = await facts(issued.chain);
  await until('a proof of the certificate', async () => (await fetch(`${t.ca.status}/log/proof/${serial}`)).ok);
  return { serial, der: new X509Certificate(readFileSync(issued.chain)).raw.toString('base64') };
}

function requireEntry(entries: string, type: 'certificate' | 'revocation', { serial, der }: { serial: string; der: string }): void {
  const said = entries
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, string>)
    .some(entry => entry['type'] === type && (type === 'certificate' ? entry['certificate'] === der : entry['serial'] === serial));
  if (!said) throw new Error(`the log has no ${type} of ${serial}`);
}
