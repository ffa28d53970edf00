import { join } from 'node:path';
import type { Eab } from '../ca.ts';
import type { Issued } from '../openssl.ts';
import { type Client, issueAndRenew } from '../renewals.ts';
import { checkRevocation } from '../revocation.ts';
import type { Case, Trial } from '../trial.ts';

export const legoCases: Case[] = [
  {
    name: 'lego http-01',
    async run(t) {
      t.answerHere();
      await issueAndRenew(t, lego(t, await newEab(t), http(t)));
    },
  },
  {
    name: 'lego dns-01',
    async run(t) {
      const hook = t.file(
        'hook',
        `#!/bin/sh
case $1 in
  present) exec curl -sSf -d "{\\"host\\":\\"$2\\",\\"value\\":\\"$3\\"}" ${t.dns.control}/set-txt ;;
  cleanup) exec curl -sSf -d "{\\"host\\":\\"$2\\"}" ${t.dns.control}/clear-txt ;;
esac
`,
        0o755,
      );
      const env = { EXEC_PATH: hook, EXEC_POLLING_INTERVAL: '1', EXEC_PROPAGATION_TIMEOUT: '10', EXEC_SEQUENCE_INTERVAL: '1' };
      const options = ['--key-type', 'ec384', '--dns', 'exec', '--dns.disable-cp', '--dns.resolvers', `${t.dns.address}:53`];
      await issueAndRenew(t, lego(t, await newEab(t), options, env));
    },
  },
  {
    name: 'lego tls-alpn-01',
    async run(t) {
      t.answerHere();
      await issueAndRenew(t, lego(t, await newEab(t), ['--tls', '--tls.port', `${t.address}:443`]));
    },
  },
  {
    name: 'lego proved domain',
    async run(t) {
      const eab = await t.ca.eab(await t.provedMember());
      await issueAndRenew(t, lego(t, eab, http(t)));
    },
  },
  {
    name: 'lego is refused where nobody answers',
    async run(t) {
      t.answerNowhere();
      const why = await lego(t, await newEab(t), http(t))
        .issue()
        .then(() => 'it got a certificate')
        .catch(String);
      if (!why.includes('urn:ietf:params:acme:error:connection')) throw new Error(why);
    },
  },
  {
    name: 'lego revokes by account key',
    async run(t) {
      const client = lego(t, await t.ca.eab(await t.provedMember()), http(t));
      await checkRevocation(t, await client.issue(), () => client.revoke());
    },
  },
];

const newEab = async (t: Trial) => t.ca.eab(await t.ca.member(t.name));

const http = (t: Trial) => ['--http', '--http.port', `${t.address}:80`];

/** `names` and `directory` where they are not the case's own: for other files that need a certificate made. */
export function lego(
  t: Trial,
  eab: Eab,
  challenge = http(t),
  env: Record<string, string> = {},
  names = t.names,
): Client & { revoke(): Promise<unknown> } {
  const state = join(t.folder, `lego-${names[0]}`);
  // It wants to be given the EAB key every time, though only the first makes an account.
  const account = ['--accept-tos', '--email', `admin@${t.domain}`, '--eab', '--kid', eab.kid, '--hmac', eab.hmacKey];
  const run = (...args: string[]) =>
    t.run(['lego', '--server', eab.directory, '--path', state, ...account, ...args], { LEGO_CA_CERTIFICATES: t.ca.root, ...env });
  const order = [...challenge, ...names.flatMap(name => ['-d', name])];
  const issued: Issued = { chain: join(state, 'certificates', `${names[0]}.crt`), key: join(state, 'certificates', `${names[0]}.key`) };
  return {
    async issue() {
      await run(...order, 'run');
      return issued;
    },
    async renew(key) {
      await run(...order, 'renew', '--days', '9999', '--no-random-sleep', ...(key === 'same key' ? ['--reuse-key'] : []));
      return issued;
    },
    revoke: () => run('-d', names[0]!, 'revoke', '--reason', '4', '--keep'),
  };
}
