import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { checkRequirements } from '../../conformance/check-requirements.ts';

const GOOD = 'test/http/acme/jws.test.ts: JWS refuses an unprotected header';
const ALSO_GOOD = 'test/http/acme/jws.test.ts: JWS refuses two signatures';
const BAD = 'test/http/acme/nonce.test.ts: nonce is good once';
const CASE = 'conformance: certbot issues';
const passed = new Set([GOOD, ALSO_GOOD, CASE]);
const failed = new Set([BAD]);

describe('checkRequirements', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'requirements-'));
    write('divergences.yaml', {});
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(file: string, contents: unknown): void {
    writeFileSync(path.join(folder, file), typeof contents === 'string' ? contents : stringify(contents));
  }

  function row(id: string, ...tests: string[]): object {
    return { id, level: 'MUST', text: 'Something holds.', tests };
  }

  function check() {
    return checkRequirements(folder, passed, failed);
  }

  it('counts what is met and what diverges, over all files', () => {
    write('rfc1.yaml', [row('rfc1-1-1', GOOD, CASE), row('rfc1-1-2')]);
    write('rfc2.yaml', [row('rfc2-1-1', ALSO_GOOD)]);
    write('divergences.yaml', { 'rfc1-1-2': 'We have no browsers as clients.' });
    write('README.md', 'not a list');
    assert.deepEqual(check(), { met: 2, diverging: 1, problems: [] });
  });

  it('names a requirement with neither test nor divergence', () => {
    write('rfc1.yaml', [row('rfc1-1-1')]);
    assert.deepEqual(check(), { met: 0, diverging: 0, problems: ['rfc1-1-1: no test and no divergence'] });
  });

  it('names a test that did not run', () => {
    write('rfc1.yaml', [row('rfc1-1-1', GOOD, 'test/gone.test.ts: gone')]);
    assert.deepEqual(check(), { met: 0, diverging: 0, problems: ['rfc1-1-1: unknown test: test/gone.test.ts: gone'] });
  });

  it('names a test that failed', () => {
    write('rfc1.yaml', [row('rfc1-1-1', GOOD, BAD)]);
    assert.deepEqual(check(), { met: 0, diverging: 0, problems: [`rfc1-1-1: failing test: ${BAD}`] });
  });

  it('takes a test that both passed and failed as failed', () => {
    write('rfc1.yaml', [row('rfc1-1-1', GOOD)]);
    assert.deepEqual(checkRequirements(folder, passed, new Set([GOOD])).problems, [`rfc1-1-1: failing test: ${GOOD}`]);
  });

  it('names a divergence without a requirement', () => {
    write('rfc1.yaml', [row('rfc1-1-1', GOOD)]);
    write('divergences.yaml', { 'rfc1-9-9': 'A slip of the pen.' });
    assert.deepEqual(check(), { met: 1, diverging: 0, problems: ['rfc1-9-9: divergence for an id that does not exist'] });
  });

  it('names an id used twice, across files too, and counts it once', () => {
    write('rfc1.yaml', [row('rfc1-1-1', GOOD), row('rfc1-1-1', GOOD)]);
    write('rfc2.yaml', [row('rfc1-1-1', GOOD)]);
    assert.deepEqual(check(), { met: 1, diverging: 0, problems: ['rfc1-1-1: duplicate id', 'rfc1-1-1: duplicate id'] });
  });

  it('names a requirement with a divergence and tests both', () => {
    write('rfc1.yaml', [row('rfc1-1-1', GOOD)]);
    write('divergences.yaml', { 'rfc1-1-1': 'Once upon a time.' });
    assert.deepEqual(check(), { met: 0, diverging: 0, problems: ['rfc1-1-1: divergence and tests both'] });
  });

  describe('with a trailing *', () => {
    it('accepts a prefix of passed tests', () => {
      write('rfc1.yaml', [row('rfc1-1-1', 'test/http/acme/jws.test.ts: JWS*')]);
      assert.deepEqual(check(), { met: 1, diverging: 0, problems: [] });
    });

    it('names each failed test with the prefix', () => {
      write('rfc1.yaml', [row('rfc1-1-1', 'test/http/acme/*')]);
      assert.deepEqual(check(), { met: 0, diverging: 0, problems: [`rfc1-1-1: failing test: ${BAD}`] });
    });

    it('names a prefix of no test', () => {
      write('rfc1.yaml', [row('rfc1-1-1', 'test/gone.test.ts: *')]);
      assert.deepEqual(check().problems, ['rfc1-1-1: unknown test: test/gone.test.ts: *']);
    });

    it('does not let a lone * stand for the whole suite', () => {
      write('rfc1.yaml', [row('rfc1-1-1', '*')]);
      assert.deepEqual(checkRequirements(folder, passed, new Set()).problems, ['rfc1-1-1: unknown test: *']);
    });

    it('does not take a title without * as a prefix', () => {
      write('rfc1.yaml', [row('rfc1-1-1', 'test/http/acme/jws.test.ts: JWS')]);
      assert.deepEqual(check().problems, ['rfc1-1-1: unknown test: test/http/acme/jws.test.ts: JWS']);
    });
  });

  it('names a file of the wrong shape, and the place in it', () => {
    write('rfc1.yaml', [row('rfc1-1-1', GOOD), { id: 'rfc1-1-2', level: 'MAY', text: 'Something may hold.', tests: null }]);
    write('rfc2.yaml', '[');
    write('divergences.yaml', { 'rfc1-1-1': ' ' });
    const { met, problems } = check();
    assert.equal(met, 0);
    assert.deepEqual(
      problems.map(problem => problem.split(': ')[0]),
      ['divergences.yaml/rfc1-1-1', 'rfc1.yaml/1/level', 'rfc1.yaml/1/tests', 'rfc2.yaml'],
    );
  });

  it('reads the lists of this repository', () => {
    const { problems } = checkRequirements(path.resolve(import.meta.dirname, '../../conformance/requirements'), new Set(), new Set());
    const wrong = problems.filter(problem => !/^rfc\d+-[\dA-Z.]+-\d+: (no test and no divergence|unknown test: .+)$/.test(problem));
    assert.deepEqual(wrong, []);
  });
});
