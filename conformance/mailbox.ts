import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AcmeClient, type Authorization, type Challenge } from './acme.ts';
import { MailServer } from './mail.ts';
import { checkIssued, makeCsr } from './openssl.ts';
import { readText } from './process.ts';
import type { Case, Trial } from './trial.ts';
import { until } from './wait.ts';

export const mailboxCases: Case[] = [
  {
    name: 'email-mailbox-01',
    async run(t) {
      t.dns.mx(t.domain, 'mail.test');
      const order = await newOrder(t, t.domain);
      const expected = ['hostmaster', 'postmaster', 'webmaster'].map(name => `${name}@${t.domain}`).join();
      if (order.challenge.mailboxes?.join() !== expected)
        throw new Error(`the mailboxes are ${order.challenge.mailboxes}, not ${expected}`);
      const mailbox = `webmaster@${t.domain}`;
      const sent = await order.client.answer(order.challenge, { mailbox });
      if (sent.status !== 'pending') throw new Error(`the challenge is ${sent.status} once the mail is sent`);
      await finish(t, order, mailbox);
      checkMail(t, mailbox);
      for (const other of [`hostmaster@${t.domain}`, `postmaster@${t.domain}`]) {
        const notice = await until(`a notice to ${other}`, () => deliveredTo(t, other));
        if (/^\s*[a-z2-7]{32}\s*$/m.test(notice.body)) throw new Error(`the notice to ${other} holds a code`);
      }
    },
  },
  {
    name: 'email-mailbox-01: a mailbox that the server refuses',
    async run(t) {
      const domain = MailServer.refused.split('@')[1]!;
      t.dns.mx(domain, 'mail.test');
      const order = await newOrder(t, domain);
      await order.client.answer(order.challenge, { mailbox: MailServer.refused });
      const refused = await until('the challenge to show an error', async () => {
        const challenge = await order.read();
        return challenge.error && challenge;
      });
      if (refused.status !== 'pending') throw new Error(`the challenge is ${refused.status} after a refusal, not pending`);
      const { type, detail } = refused.error!;
      if (type !== 'urn:ietf:params:acme:error:connection') throw new Error(`the error's type is ${type}`);
      if (!detail.includes('5.1.1')) throw new Error(`the error does not tell the enhanced status code: ${detail}`);
      if (detail.includes('<img')) throw new Error(`the error repeats the mail server's words unescaped: ${detail}`);
      const another = `hostmaster@${domain}`;
      await order.client.answer(order.challenge, { mailbox: another });
      await finish(t, order, another);
    },
  },
];

const deliveredTo = (t: Trial, mailbox: string) => t.mail.delivered().find(mail => mail.recipient === mailbox);

/** What the mail shows, and what exim saw when it took it. */
function checkMail(t: Trial, mailbox: string): void {
  const { headers, body } = deliveredTo(t, mailbox)!;
  if (!/^Auto-Submitted: auto-generated$/im.test(headers)) throw new Error('the mail is not marked as Auto-Submitted');
  const code = /^\s*([a-z2-7]{32})\s*$/m.exec(body)![1]!;
  if (headers.toLowerCase().includes(code)) throw new Error('a header holds the code');
  const id = / id (\S+) for /.exec(headers)?.[1] ?? 'no id';
  const log = readText(t.mail.log)
    .split('\n')
    .filter(line => line.includes(id))
    .join('\n');
  if (!/DKIM: d=ca\.test .*\[verification succeeded\]/.test(log)) throw new Error(`exim has not verified the DKIM signature:\n${log}`);
  if (!/ X=TLS.* A=plain:certmaster /.test(log)) throw new Error(`exim has not seen TLS and a password:\n${log}`);
}

interface Begun {
  client: AcmeClient;
  url: string;
  domain: string;
  challenge: Challenge;
  /** The challenge as it is now. */
  read(): Promise<Challenge>;
}

async function newOrder(t: Trial, domain: string): Promise<Begun> {
  const client = await AcmeClient.register(t.ca.root, await t.ca.eab(await t.ca.member(t.name)), `admin@${domain}`);
  const { url, order, authorization } = await client.order(domain);
  const find = (found: Authorization) => {
    const challenge = found.challenges.find(one => one.type === 'email-mailbox-01');
    if (challenge === undefined) throw new Error(`no email-mailbox-01 among ${found.challenges.map(one => one.type)}`);
    return challenge;
  };
  const read = async () => find(await client.get<Authorization>(order.authorizations[0]!));
  return { client, url, domain, challenge: find(authorization), read };
}

/** Reads the code in the mailbox, answers with it, and gets the certificate. */
async function finish(t: Trial, { client, url, domain, challenge }: Begun, mailbox: string): Promise<void> {
  const code = await t.mail.code(mailbox);
  const valid = await client.answer(challenge, { response: await client.responseTo(code, challenge) });
  if (valid.status !== 'valid')
    throw new Error(`the challenge is ${valid.status} after the right response: ${JSON.stringify(valid.error)}`);
  const [key, csr, chain] = ['key.pem', 'request.pem', 'chain.pem'].map(name => join(t.folder, name)) as [string, string, string];
  await makeCsr([domain], key, csr, 'P-256');
  await t.run(['openssl', 'req', '-in', csr, '-outform', 'DER', '-out', `${csr}.der`]);
  writeFileSync(chain, await client.finalize(url, readFileSync(`${csr}.der`)));
  await checkIssued({ chain, key }, t.ca.root, [domain]);
}
