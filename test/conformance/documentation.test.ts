import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { caaMethodLabels } from '../../src/model/challenge.ts';

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

describe('README', () => {
  it('says how CAA is read, and who validates DNSSEC (RFC 8657 §5.2)', () => {
    for (const word of ['CAA', 'accounturi', 'validationmethods', 'RFC 8657', caaMethodLabels['email-mailbox-01'], 'DNSSEC'])
      assert.ok(readme.includes(word), word);
  });
});
