import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { curlLines } from '../../conformance/readme.ts';
import { openApi } from '../../src/http/admin/openapi.ts';
import { caaMethodLabels } from '../../src/model/challenge.ts';

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

describe('README', () => {
  it('says how CAA is read, and who validates DNSSEC (RFC 8657 §5.2)', () => {
    for (const word of ['CAA', 'accounturi', 'validationmethods', 'RFC 8657', caaMethodLabels['email-mailbox-01'], 'DNSSEC'])
      assert.ok(readme.includes(word), word);
  });

  it('asks the admin API by curl for what it has; the lines themselves are run by the conformance case', () => {
    const described = Object.entries(openApi().paths).flatMap(([path, methods]) => Object.keys(methods).map(method => `${method} ${path}`));
    assert.ok(curlLines.length >= 7);
    for (const line of curlLines) {
      const path = new URL(/https:\/\/[^\s"]+/.exec(line)?.[0] ?? '').pathname
        .replace(/^\/admin\/v1/, '')
        .replace(/\/(ID|SERIAL)(?=\/|$)/g, '/{}');
      const asked = `${line.includes('--json') ? 'post' : 'get'} ${path}`;
      assert.ok(described.map(d => d.replace(/{\w+}/g, '{}')).includes(asked), asked);
    }
  });
});
