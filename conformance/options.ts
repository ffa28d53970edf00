import { parseArgs } from 'node:util';

export interface Options {
  /** Runs only the cases whose name matches. */
  only: RegExp | undefined;
  /** Leaves the folder with all logs behind. */
  keep: boolean;
  list: boolean;
  /** The JSON report of mocha, for the check of the requirements. */
  mochaJson: string | undefined;
}

export const usage = 'usage: npm run conformance -- [--only PATTERN] [--list] [--keep] [--mocha-json FILE]';

/** @throws TypeError on words that it does not know */
export function readOptions(words: string[]): Options {
  const { values } = parseArgs({
    args: words,
    options: {
      only: { type: 'string' },
      keep: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      'mocha-json': { type: 'string' },
    },
  });
  return {
    only: values.only === undefined ? undefined : new RegExp(values.only, 'i'),
    keep: values.keep,
    list: values.list,
    mochaJson: values['mocha-json'],
  };
}
