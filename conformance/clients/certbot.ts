import { join } from 'node:path';
import type { Eab } from '../ca.ts';
import type { Issued } from '../openssl.ts';
import { type Client, issueAndRenew } from '../renewals.ts';
import { checkRevocation } from '../revocation.ts';
import type { Case, Trial } from '../trial.ts';

export const certbotCases: Case[] = [
  {
    name: 'certbot http-01',
    async run(t) {
      t.answerHere();
      await issueAndRenew(t, certbot(t, await newEab(t), standalone(t)));
    },
  },
  {
    name: 'certbot dns-01',
    async run(t) {
      const hook = (name: string, action: string) =>
        t.file(
          name,
          `#!/bin/sh\nexec curl -sSf -d "{\\"host\\":\\"_acme-challenge.$CERTBOT_DOMAIN\\",\\"value\\":\\"$CERTBOT_VALIDATION\\"}" ${t.dns.control}/${action}\n`,
          0o755,
        );
      const hooks = ['--manual-auth-hook', hook('auth', 'set-txt'), '--manual-cleanup-hook', hook('cleanup', 'clear-txt')];
      await issueAndRenew(t, certbot(t, await newEab(t), ['--manual', '--preferred-challenges', 'dns-01', ...hooks]));
    },
  },
  {
    name: 'certbot proved domain',
    async run(t) {
      const eab = await t.ca.eab(await t.provedMember());
      await issueAndRenew(t, certbot(t, eab, standalone(t)));
    },
  },
  {
    name: 'certbot revokes by account key',
    async run(t) {
      const client = certbot(t, await t.ca.eab(await t.provedMember()), standalone(t));
      await checkRevocation(t, await client.issue(), () => client.revoke());
    },
  },
  {
    name: 'certbot revokes by certificate key',
    async run(t) {
      const client = certbot(t, await t.ca.eab(await t.provedMember()), standalone(t));
      const issued = await client.issue();
      await checkRevocation(t, issued, () => client.revoke('--key-path', issued.key));
    },
  },
];

const newEab = async (t: Trial) => t.ca.eab(await t.ca.member(t.name));

const standalone = (t: Trial) => ['--standalone', '--http-01-address', t.address];

function certbot(t: Trial, eab: Eab, authenticator: string[]): Client & { revoke(...options: string[]): Promise<unknown> } {
  t.logs.push(join(t.folder, 'log', 'letsencrypt.log'));
  const folders = ['--config-dir', 'etc', '--work-dir', 'work', '--logs-dir', 'log'];
  const run = (...args: string[]) =>
    t.run(['certbot', ...folders, '-n', '--no-random-sleep-on-renew', ...args], { REQUESTS_CA_BUNDLE: t.ca.root });
  const live = join(t.folder, 'etc', 'live', 'one');
  const issued: Issued = { chain: join(live, 'fullchain.pem'), key: join(live, 'privkey.pem') };
  return {
    async issue() {
      const account = ['--agree-tos', '-m', `admin@${t.domain}`, '--no-eff-email', '--eab-kid', eab.kid, '--eab-hmac-key', eab.hmacKey];
      const names = t.names.flatMap(name => ['-d', name]);
      await run('certonly', '--server', eab.directory, ...authenticator, ...account, ...names, '--key-type', 'ecdsa', '--cert-name', 'one');
      return issued;
    },
    async renew(key) {
      await run('renew', '--cert-name', 'one', '--force-renewal', ...(key === 'same key' ? ['--reuse-key'] : []));
      return issued;
    },
    revoke: (...options) =>
      run(
        'revoke',
        '--server',
        eab.directory,
        '--cert-path',
        join(live, 'cert.pem'),
        ...options,
        '--reason',
        'superseded',
        '--no-delete-after-revoke',
      ),
  };
}
