import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const Requirements = z.array(
  z.strictObject({
    id: z.string().min(1),
    level: z.enum(['MUST', 'MUST NOT', 'SHOULD', 'SHOULD NOT']),
    text: z.string().min(1),
    tests: z.array(z.string().min(1)),
  }),
);
const Divergences = z.record(z.string(), z.string().trim().min(1));

/**
 * Compares the requirements in a folder (see its README.md) with the ids of the tests that passed and failed.
 * A test id is `<file relative to the repository>: <full mocha title>` or `conformance: <case>`; a test in both sets has failed.
 * `met` and `diverging` count the requirements in order; each that is not has a line in `problems`.
 */
export function checkRequirements(
  folder: string,
  passed: ReadonlySet<string>,
  failed: ReadonlySet<string>,
): { met: number; diverging: number; problems: string[] } {
  const problems: string[] = [];
  const divergences = new Map(Object.entries(read(folder, 'divergences.yaml', Divergences, problems) ?? {}));
  const files = readdirSync(folder).filter(file => file.endsWith('.yaml') && file !== 'divergences.yaml');
  const seen = new Set<string>();
  let met = 0;
  let diverging = 0;

  for (const { id, tests } of files.sort().flatMap(file => read(folder, file, Requirements, problems) ?? [])) {
    if (seen.has(id)) {
      problems.push(`${id}: duplicate id`);
      continue;
    }
    seen.add(id);
    const found = tests.flatMap(test => testProblems(test, passed, failed)).map(problem => `${id}: ${problem}`);
    if (divergences.has(id) && tests.length > 0) found.push(`${id}: divergence and tests both`);
    if (!divergences.has(id) && tests.length === 0) found.push(`${id}: no test and no divergence`);
    problems.push(...found);
    if (found.length > 0) continue;
    if (divergences.has(id)) diverging++;
    else met++;
  }
  for (const id of divergences.keys()) if (!seen.has(id)) problems.push(`${id}: divergence for an id that does not exist`);
  return { met, diverging, problems };
}

/** What is wrong with one entry of `tests`; nothing where it stands for passing tests only. */
function testProblems(test: string, passed: ReadonlySet<string>, failed: ReadonlySet<string>): string[] {
  const failing = matches(test, failed);
  if (failing.length > 0) return failing.map(id => `failing test: ${id}`);
  return matches(test, passed).length > 0 ? [] : [`unknown test: ${test}`];
}

/** The ids that an entry stands for. A lone `*` stands for none: it would tie a requirement to the whole suite. */
function matches(test: string, ids: ReadonlySet<string>): string[] {
  if (!test.endsWith('*')) return ids.has(test) ? [test] : [];
  const prefix = test.slice(0, -1);
  return prefix === '' ? [] : [...ids].filter(id => id.startsWith(prefix));
}

/** One file's contents, or nothing and a problem that names the file. */
function read<T>(folder: string, file: string, schema: z.ZodType<T>, problems: string[]): T | undefined {
  try {
    const result = schema.safeParse(parse(readFileSync(path.join(folder, file), 'utf8')));
    if (result.success) return result.data;
    problems.push(...result.error.issues.map(issue => `${[file, ...issue.path].join('/')}: ${issue.message}`));
  } catch (error) {
    problems.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return undefined;
}
