import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { curlLines } from '../../conformance/readme.ts';
import { configSchema } from '../../src/config.ts';
import { openApi } from '../../src/http/admin/openapi.ts';
import { profileNames } from '../../src/model/certificate.ts';
import { caaMethodLabels } from '../../src/model/challenge.ts';
import { operations } from '../../src/operations/table.ts';

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

describe('certificate policy and practice statement', () => {
  const root = join(import.meta.dirname, '../..');
  const text = readFileSync(join(root, 'docs/cp-cps.md'), 'utf8');
  const sections = text.split(/^(?=#{2,4} )/m).slice(1);
  const headingOf = (section: string) => /^#+ (.*)$/m.exec(section)?.[1] ?? '';
  const keys = new Set(keysOf(z.toJSONSchema(configSchema, { io: 'input' }) as Shape));

  it('has the outline of RFC 3647 §6, complete and in its order', () => {
    const outline = readFileSync(join(import.meta.dirname, 'rfc3647-outline.txt'), 'utf8')
      .trimEnd()
      .split('\n');
    assert.equal(outline.length, 270);
    assert.deepEqual(sections.map(headingOf), outline);
    for (const section of sections) assert.equal(/^#+/.exec(section)?.[0].length, depthOf(headingOf(section)), headingOf(section));
  });

  it('says something in each section, if only that nothing is stipulated', () => {
    for (const [i, section] of sections.entries()) {
      const isParent = depthOf(headingOf(sections[i + 1] ?? '')) > depthOf(headingOf(section));
      assert.ok(isParent || section.replace(/^#.*|^>.*/gm, '').trim(), headingOf(section));
    }
  });

  it('keeps each promise by tests and settings that are there', () => {
    const lines = [...text.matchAll(/^> (.*)$/gm)].map(m => m[1] ?? '');
    assert.ok(lines.length > 100);
    for (const line of lines) {
      assert.match(line, /^Kept by: `[^`]+`(, `[^`]+`)*$/);
      for (const [, what = ''] of line.matchAll(/`([^`]+)`/g))
        assert.ok(keys.has(what) || (/^(test\/.*\.test\.ts|conformance\/.*)$/.test(what) && existsSync(join(root, what))), what);
    }
  });

  it('names no file and no setting that is not there', () => {
    const tops = new Set([...keys].map(key => key.split('.')[0]));
    for (const [, what = ''] of text.matchAll(/`([^`\n]+)`|\{\{([\w.]+)\}\}/g)) {
      if (/^(src|test|conformance|docs|migrations|bench)\//.test(what)) assert.ok(existsSync(join(root, what)), what);
      if (/^\w+(\.\w+)+$/.test(what) && tops.has(what.split('.')[0])) assert.ok(keys.has(what), what);
    }
  });

  it('names no command and no profile that is not there', () => {
    const names = new Set(operations.map(o => o.name));
    const nouns = new Set(operations.map(o => o.name.split(' ')[0]));
    for (const [, what = ''] of text.replace(/^\*\*TODO.*$/gm, '').matchAll(/`([a-z]+ [a-z-]+)[^`\n]*`/g))
      if (nouns.has(what.split(' ')[0])) assert.ok(names.has(what), what);
    for (const [profile] of text.matchAll(/\bxmpp-server[\w-]*/g))
      assert.ok((profileNames as readonly string[]).includes(profile), profile);
  });

  it('refers to sections that are there', () => {
    const numbers = new Set(sections.map(s => headingOf(s).split(' ')[0]?.replace(/\.$/, '')));
    for (const [, number = ''] of text.replace(/RFC \d+ section [\d.]+/g, '').matchAll(/\b[Ss]ections? (\d+(?:\.\d+)*)/g))
      assert.ok(numbers.has(number), number);
  });
});

/** `## 1.`, `### 1.1`, `#### 1.1.1`. */
const depthOf = (heading: string): number => (/^\d+(\.\d+)*/.exec(heading)?.[0].split('.').length ?? -2) + 1;

type Shape = { properties?: Record<string, Shape>; anyOf?: Shape[] };

function keysOf({ properties = {}, anyOf = [] }: Shape, before = ''): string[] {
  return [
    ...Object.entries(properties).flatMap(([name, shape]) => [before + name, ...keysOf(shape, `${before}${name}.`)]),
    ...anyOf.flatMap(shape => keysOf(shape, before)),
  ];
}
