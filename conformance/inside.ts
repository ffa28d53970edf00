import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Authority } from './ca.ts';
import { cases } from './cases.ts';
import { Dns } from './dns.ts';
import { MailServer } from './mail.ts';
import { readOptions } from './options.ts';
import { readText, tail } from './process.ts';
import { printResult, type Result } from './results.ts';
import { type Case, type Lab, Trial } from './trial.ts';

// Runs in namespaces of its own (namespace.ts): whatever it starts ends with it.
const [folder, ...words] = process.argv.slice(2) as [string, ...string[]];
const options = readOptions(words);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const dns = await Dns.start('127.0.0.53');
const mail = new MailServer(join(folder, 'mail'));
await mail.start(dns);
const ca = new Authority(join(folder, 'ca'), dns, mail);
await ca.start();
const lab: Lab = { folder, ca, dns, mail };

const results: Result[] = [];
const note = (result: Result) => {
  results.push(result);
  writeFileSync(join(folder, 'results.json'), JSON.stringify(results));
  printResult(result);
};
for (const [index, one] of cases.entries()) if (options.only?.test(one.name) ?? true) note(await runCase(one, index + 1));
if (options.only === undefined) note(await timed('the server logged no warning and no error, and ended cleanly', endServer));
process.exit(0);

async function runCase(one: Case, number: number): Promise<Result> {
  const trial = new Trial(lab, one.name, number);
  const from = readText(ca.log).length;
  const result = await timed(one.name, () => one.run(trial));
  if (result.reason !== undefined) {
    const logs = [...trial.logs.map(file => [file, readText(file)]), [ca.log, readText(ca.log).slice(from)]] as [string, string][];
    for (const [file, text] of logs) if (text.trim()) result.reason += `\n--- the end of ${file}\n${tail(text, 20)}`;
  }
  await trial.end().catch((error: unknown) => {
    result.ok = false;
    result.reason = `${result.reason ?? ''}\nat the end: ${String(error)}`;
  });
  return result;
}

async function timed(name: string, work: () => Promise<void>): Promise<Result> {
  const start = Date.now();
  try {
    await work();
    return { name, ok: true, seconds: (Date.now() - start) / 1000 };
  } catch (error) {
    return { name, ok: false, seconds: (Date.now() - start) / 1000, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function endServer(): Promise<void> {
  const code = await ca.stop();
  if (code !== 0) throw new Error(`SIGTERM ended it with ${code}`);
  // pino: 20 is debug, 30 is info. nodemailer complains of a machine that has only the loopback.
  const harmless = /^\{"level":[123]0,|^Failed to resolve IPv4 addresses with current network$/;
  const lines = readText(ca.log)
    .split(/^ready.*$/m)[1]!
    .split('\n');
  const others = lines.filter(line => line.trim() !== '' && !harmless.test(line));
  if (others.length) throw new Error(tail(others.join('\n'), 20));
}
