import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { checkRequirements } from './check-requirements.ts';
import type { Result } from './results.ts';

interface MochaReport {
  passes: { file: string; fullTitle: string }[];
  failures: { file: string; fullTitle: string }[];
}

const here = import.meta.dirname;

/** One result for the requirements as a whole, from this run's cases and mocha's JSON report; its reason has a line for each that is not met. */
export function requirementsMet(results: Result[], mochaJson: string): Result {
  const start = Date.now();
  const { passes, failures } = readReport(mochaJson);
  const id = ({ file, fullTitle }: { file: string; fullTitle: string }) => `${relative(resolve(here, '..'), file)}: ${fullTitle}`;
  const cases = (ok: boolean) => results.filter(result => result.ok === ok).map(result => `conformance: ${result.name}`);
  const passed = new Set([...passes.map(id), ...cases(true)]);
  const failed = new Set([...failures.map(id), ...cases(false)]);
  const { met, diverging, problems } = checkRequirements(join(here, 'requirements'), passed, failed);
  return {
    name: `requirements: ${met} met, ${diverging} divergences, ${problems.length} open`,
    ok: problems.length === 0,
    seconds: (Date.now() - start) / 1000,
    ...(problems.length && { reason: problems.join('\n') }),
  };
}

function readReport(file: string): MochaReport {
  if (!existsSync(file)) throw new Error(`${file} is missing: npm test -- --reporter json --reporter-option output=${file}`);
  return JSON.parse(readFileSync(file, 'utf8')) as MochaReport;
}
