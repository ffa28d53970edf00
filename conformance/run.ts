import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { cases } from './cases.ts';
import { runInNamespace } from './namespace.ts';
import { readOptions, usage } from './options.ts';
import { installPackages, Unprepared } from './packages.ts';
import { requirementsMet } from './requirements-met.ts';
import { printResult, type Result } from './results.ts';

const here = import.meta.dirname;

/** The whole run; the result is the exit code. */
async function main(words: string[]): Promise<number> {
  const options = readOptions(words);
  if (options.list) {
    process.stdout.write(cases.map(one => `${one.name}\n`).join(''));
    return 0;
  }
  if (!existsSync(resolve(here, '../dist/src/main.js'))) throw new Unprepared('dist/src/main.js is missing: npm run build');
  await installPackages();
  const folder = mkdtempSync(join(tmpdir(), 'xmpp-ca-conformance-'));
  // ejabberd and exim run as their own users and must get through.
  chmodSync(folder, 0o711);
  try {
    const code = await runInNamespace(folder, [
      process.execPath,
      '--import',
      import.meta.resolve('tsx'),
      join(here, 'inside.ts'),
      folder,
      ...words,
    ]);
    const file = join(folder, 'results.json');
    const results = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Result[]) : [];
    if (code !== 0) {
      const broken = { name: 'the run comes to its end', ok: false, seconds: 0, reason: `it broke off with ${code}` };
      printResult(broken);
      results.push(broken);
    }
    // A part of the cases says nothing about all requirements.
    if (options.mochaJson !== undefined && options.only === undefined) {
      const met = requirementsMet(results, options.mochaJson);
      printResult(met);
      results.push(met);
    }
    return report(results);
  } finally {
    if (options.keep) process.stdout.write(`all files are in ${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

function report(results: Result[]): number {
  writeFileSync(join(here, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  const failed = results.filter(result => !result.ok).length;
  process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`);
  return failed || results.length === 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof Unprepared) process.stderr.write(`${error.message}\n`);
  else
    process.stderr.write(
      `${error instanceof TypeError ? `${error.message}\n${usage}` : String(error instanceof Error ? error.stack : error)}\n`,
    );
  process.exitCode = 1;
}
