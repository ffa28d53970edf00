import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quarterAt } from '../../src/model/quarter.ts';
import { makeSite, type Site } from '../kit/process.ts';

describe('the report on the command line', function () {
  this.timeout(240_000);
  let site: Site;
  const quarter = quarterAt(Date.now() / 1000);
  before(async () => {
    site = await makeSite();
    const added = await site.run('ledger', 'add', '--category', 'hosting', '--amount', '-1.50', '--currency', 'EUR', '--note', 'a refund');
    assert.equal(added.code, 0, added.stderr);
  });
  after(() => site.close());

  it('is asked for without a verb, and is a table for people', async () => {
    const { code, stdout, stderr } = await site.run('report', quarter);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^all costs \(EUR\) +-1\.50 /m);
    assert.match(stderr, /is not closed/);
  });

  it('is one JSON value with --json, and CSV or HTML with --format, on stdout or in a file', async () => {
    const json = await site.run('report', quarter, '--json');
    assert.equal(JSON.parse(json.stdout).quarter, quarter);
    const csv = await site.run('report', 'show', quarter, '--format', 'csv');
    assert.match(csv.stdout, /^section,id,label,unit,/);
    const file = join(site.folder, 'report.html');
    const html = await site.run('report', quarter, '--format', 'html', '--output', file);
    assert.deepEqual([html.code, html.stdout], [0, `file:        ${file}\n`]);
    assert.match(await readFile(file, 'utf8'), /^<!doctype html>/);
  });

  it('is refused in one line where it is none', async () => {
    for (const [words, status, why] of [
      [['report', '2026-Q5'], 2, /is a quarter/],
      [['report', '2999-Q1'], 1, /has not begun/],
      [['report', quarter, '--format', 'pdf'], 2, /Allowed choices are json, text, csv, html/],
      [['report', quarter, '--json', '--format', 'csv'], 2, /leave one of them out/],
      [['report', quarter, '--output', site.folder], 1, /exists already: name a new file/],
      [['report', quarter, '--output', join(site.folder, 'none', 'report')], 1, /cannot be written \(ENOENT\)/],
    ] as const) {
      const { code, stdout, stderr } = await site.run(...words);
      assert.deepEqual([code, stdout], [status, ''], words.join(' '));
      assert.match(stderr, why);
    }
  });
});
