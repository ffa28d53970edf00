import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import Mocha from 'mocha';

/** Milliseconds in which the process has to end by itself after the last test. */
const patience = 30_000;

/** What keeps a run from ending, a connection of a hook that failed in its middle for one, does not hold up whoever waits for the result. */
function endAtLast(): void {
  const timer = setTimeout(() => {
    process.stderr.write(`The tests are over, but something still runs: ${process.getActiveResourcesInfo().join(', ')}\n`);
    // mocha says 0 there where no test has failed.
    process.on('exit', () => {
      process.exitCode = 1;
    });
    process.exit();
  }, patience);
  timer.unref();
}

/** mocha's own report for people; besides, where MOCHA_RESULTS names a file, what passed and what failed, for the list of requirements. */
export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.on('end', endAtLast);
    const file = process.env['MOCHA_RESULTS'];
    if (!file) return;
    const results = { passes: [] as object[], failures: [] as object[] };
    const entry = (test: Mocha.Test) => ({ file: relative(process.cwd(), test.file ?? ''), fullTitle: test.fullTitle() });
    runner.on('pass', test => results.passes.push(entry(test)));
    runner.on('fail', test => results.failures.push(entry(test)));
    runner.on('end', () => writeFileSync(file, JSON.stringify(results)));
  }
}
