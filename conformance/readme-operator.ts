import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { issue } from './certificates.ts';
import { facts } from './openssl.ts';
import { block, runLines } from './readme.ts';
import type { Case, Trial } from './trial.ts';
import { until } from './wait.ts';

/** What the README prints for operators, run as it is printed; today and what was just made are put in. */
export const operatorCases: Case[] = [
  {
    name: "the README's lines for the report, printed by Chromium",
    async run(t) {
      const { serial } = await facts((await issue(t, [t.domain])).chain);
      await t.ca.cli('cert', 'revoke', serial, '--reason', 'superseded');
      const now = new Date();
      const quarter = `${now.getUTCFullYear()}-Q${Math.floor(now.getUTCMonth() / 3) + 1}`;
      const today = (line: string) =>
        line
          .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, now.toISOString().replace(/\.\d+/, ''))
          .replaceAll(/--date \S+/g, `--date ${now.toISOString().slice(0, 10)}`)
          .replaceAll('2026-Q4', quarter);
      const spent = block(/^npx xmpp-ca ledger add/).split('\n');
      const added = await runLines(t, today(spent.slice(0, 2).join('\n')));
      const { stdout } = await runLines(t, today(spent.slice(2).join('\n')).replace('ID', told('id', added.stdout)));
      if (!/major/.test(stdout)) throw new Error(`the incident is not told: ${stdout}`);
      const { stdout: report } = await runLines(t, today(block(/^npx xmpp-ca report/)));
      if (!/superseded/.test(report) || !report.includes(serial))
        throw new Error(`the report or its trace lacks the revocation:\n${report}`);
      await printed(t, `${quarter}.html`);
    },
  },
  {
    name: "the README's lines for webhooks",
    async run(t) {
      const taken: { headers: IncomingHttpHeaders; body: string }[] = [];
      const server = createServer(async (req, res) => {
        taken.push({ headers: req.headers, body: await text(req) });
        res.writeHead(204).end();
      });
      t.defer(() => void server.close());
      server.listen(8000, t.address);
      await once(server, 'listening');
      const add = /^\$ (npx xmpp-ca webhook add .*)$/m.exec(block(/^\$ npx xmpp-ca webhook add/))?.[1] ?? '';
      const made = await runLines(t, add.replace('https://www.example.org', `http://${t.address}:8000`));
      const id = told('id', made.stdout);
      const lines = block(/^npx xmpp-ca webhook test/)
        .replaceAll(' ID', ` ${id}`)
        .replace('--index 1042', '--index 0');
      // The last of the lines disables it.
      const [last = '', ...others] = lines.trim().split('\n').reverse();
      const { stdout } = await runLines(t, others.reverse().join('\n'));
      if (told('secret', stdout) === told('secret', made.stdout)) throw new Error('the secret was not changed');
      const { serial } = await facts((await issue(t, [t.domain])).chain);
      const event = await until('the webhook to tell of the certificate', () => taken.find(({ body }) => body.includes(serial)));
      // One signature by each secret.
      if (!/^v1,\S+ v1,\S+$/.test(String(event.headers['webhook-signature'])))
        throw new Error(`signed ${event.headers['webhook-signature']}`);
      await runLines(t, last);
      const [kept] = (await t.ca.cli<{ id: string; status: string }[]>('webhook', 'list')).filter(w => w.id === id);
      if (kept?.status !== 'disabled') throw new Error(`the webhook is ${kept?.status}`);
    },
  },
  {
    name: "the README's lines for personal data and a new key",
    async run(t) {
      const { id } = await t.ca.cli<{ id: string }>('member', 'add', '--name', 'Example Club', '--email', 'admin@example.org');
      await t.ca.proveDomain(id, t.domain);
      t.answerNowhere();
      const { serial } = await facts((await issue(t, [t.domain], undefined, id)).chain);
      const { stdout } = await runLines(t, block(/^npx xmpp-ca member list --email/).replaceAll(' ID', ` ${id}`));
      if (!stdout.includes('Example Club')) throw new Error(`the member was not found:\n${stdout}`);
      const held = readFileSync(join(t.folder, 'member.json'), 'utf8');
      for (const each of ['Example Club', 'admin@example.org', serial])
        if (!held.includes(each)) throw new Error(`${each} is not among what is held about the member`);
      const erased = await t.ca.cli<{ name: string; status: string }>('member', 'show', id);
      if (erased.name !== '' || erased.status !== 'left') throw new Error(`the member is still ${JSON.stringify(erased)}`);

      // The server goes on under the new key.
      const [rotate = '', status = ''] = [...block(/^\$ npx xmpp-ca vault rotate/).matchAll(/^\$ (.*)$/gm)].map(([, line]) => line);
      const { stdout: key } = await runLines(t, `${rotate}\n${status}`);
      if (!/encrypted anew/.test(key)) throw new Error(`vault rotate says\n${key}`);
      const after = `after-${t.domain}`;
      await issue(t, [after], undefined, await t.provedMember(after));
      await t.ca.cli('audit', 'verify');
    },
  },
];

/** A value that a command has told by that name, the first. */
function told(name: string, stdout: string): string {
  const value = new RegExp(`^${name}: +(\\S+)$`, 'm').exec(stdout)?.[1];
  if (value === undefined) throw new Error(`there is no ${name} in\n${stdout}`);
  return value;
}

/** Prints a page to a PDF, and looks for what the board wants to read in it. */
async function printed(t: Trial, page: string): Promise<void> {
  const chromium = ['chromium', '--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(t.folder, 'browser')}`];
  await t.run([...chromium, '--no-pdf-header-footer', '--print-to-pdf=report.pdf', page]);
  const { stdout: info } = await t.run(['pdfinfo', 'report.pdf']);
  const pages = Number(/^Pages: +(\d+)$/m.exec(info)?.[1]);
  if (!(pages >= 1 && pages <= 12) || !/^Page size: .*A4/m.test(info)) throw new Error(`it is not a few pages of A4:\n${info}`);
  const { stdout } = await t.run(['pdftotext', '-layout', 'report.pdf', '-']);
  for (const each of ['superseded', 'OCSP was out of reach for 12 minutes', 'EUR', 'two servers, October'])
    if (!stdout.includes(each)) throw new Error(`the printed report lacks ${each}:\n${stdout}`);
}
