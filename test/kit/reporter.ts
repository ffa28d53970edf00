import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import Mocha from 'mocha';

/** mocha's own report for people; besides, where MOCHA_RESULTS names a file, what passed and what failed, for the list of requirements. */
export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const file = process.env['MOCHA_RESULTS'];
    if (!file) return;
    const results = { passes: [] as object[], failures: [] as object[] };
    const entry = (test: Mocha.Test) => ({ file: relative(process.cwd(), test.file ?? ''), fullTitle: test.fullTitle() });
    runner.on('pass', test => results.passes.push(entry(test)));
    runner.on('fail', test => results.failures.push(entry(test)));
    runner.on('end', () => writeFileSync(file, JSON.stringify(results)));
  }
}
