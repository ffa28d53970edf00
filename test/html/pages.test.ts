import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type DefaultTreeAdapterTypes, parse } from 'parse5';
import type { VNode } from 'preact';
import { ReportPage } from '../../src/ca/report/page.tsx';
import { parseConfig } from '../../src/config.ts';
import { Document } from '../../src/html/document.tsx';
import { renderPage } from '../../src/html/render.ts';
import { TermsPage } from '../../src/http/acme/terms.tsx';
import { openApi } from '../../src/http/admin/openapi.ts';
import { ReferencePage } from '../../src/http/admin/reference.tsx';
import { publicFacts, renderStatement } from '../../src/http/cp-cps.tsx';
import { FrontPage } from '../../src/http/front.tsx';
import type { Report } from '../../src/model/report.ts';
import { shipped } from '../../src/shipped.ts';

const markup = `</title></style><script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="alert(1)" data-foreign='y`;

type Shape = { [name: string]: Shape } | Shape[] | string | number | boolean | null | undefined;

/** Members whose own members are named by others. */
const named = ['paths', 'properties'];

/** Puts markup into every text of a value, but for the members that it keeps. */
function hostile<T>(value: T, keeps: readonly string[] = []): T {
  const change = (part: Shape, name = ''): Shape => {
    if (typeof part === 'string') return keeps.includes(name) ? part : part + markup;
    if (Array.isArray(part)) return part.map(each => change(each, name));
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(
      Object.entries(part).flatMap(([member, inner]) => [
        [member, change(inner, member)],
        ...(named.includes(name) ? [[member + markup, change(inner, member)] as const] : []),
      ]),
    );
  };
  return change(value as Shape) as T;
}

/** Elements and attributes as a browser finds them. */
function elementsOf(html: string): { name: string; attributes: Record<string, string> }[] {
  const found: { name: string; attributes: Record<string, string> }[] = [];
  const walk = (node: DefaultTreeAdapterTypes.Node): void => {
    if ('tagName' in node)
      found.push({ name: node.tagName, attributes: Object.fromEntries(node.attrs.map(({ name, value }) => [name, value])) });
    if ('childNodes' in node) for (const child of node.childNodes) walk(child);
  };
  walk(parse(html));
  return found;
}

function assertTame(html: string): void {
  assert.ok(html.includes('alert(1)'), 'the markup stands in the page, as text');
  for (const { name, attributes } of elementsOf(html)) {
    assert.ok(!['script', 'img'].includes(name), name);
    for (const [attribute, value] of Object.entries(attributes)) {
      assert.doesNotMatch(attribute, /^on|foreign/);
      if (attribute === 'href') assert.match(value, /^(https?:\/\/|\/|#)/);
    }
  }
}

const inDocument = (children: VNode): string => renderPage(Document({ title: `Title ${markup}`, children }));

const report: Report & { sha256: string } = {
  ...{ quarter: '2026-Q4', before: '2026-Q3', yearBefore: '2025-Q4', state: 'closed', sha256: 'ab' },
  ...{ from: '2026-10-01T00:00:00Z', until: '2027-01-01T00:00:00Z', asOf: '2027-01-06T00:00:00Z' },
  figures: [
    ['certificates.issued', 'Certificates', 'issued', 'count', 7],
    ['certificates.issued.week.01', 'Certificates by week', 'issued, week 01', 'count', 7],
    ['certificates.issued.member.aaaa', 'Certificates by member', 'issued to aaaa', 'count', 7],
    ['certificates.revoked.reason.superseded', 'Revocations', 'superseded', 'count', 1],
    ['validations.valid.method.http-01', 'Validations', 'http-01', 'count', 5],
    ['costs.EUR', 'Costs', 'all costs', 'EUR', '12.50'],
    ['costs.EUR.category.hosting', 'Costs', 'hosting', 'EUR', '12.50'],
    ['ocsp.availability', 'Status', 'availability', 'percent', '99.9'],
  ].map(
    ([id, section, label, unit, value]) => ({ id, section, label, unit, value, before: '1', yearBefore: null }) as Report['figures'][0],
  ),
  account: [
    {
      ...{ id: 'a', date: '2026-10-02', category: 'hosting', per: 'certificate', amount: '1.00', currency: 'EUR' },
      ...{ certificates: 7, total: '7.00', note: 'for each', reverses: 'b' },
    },
  ],
  incidents: [{ id: 'i', at: '2026-10-03T00:00:00Z', severity: 'minor', what: 'it stopped' }],
};

/** Every page that the server or a command makes, with markup in every field. */
const pages: Record<string, () => string> = {
  front: () => inDocument(FrontPage(hostile({ directory: 'd', fingerprint: 'f', log: { url: 'u', key: 'k' } }))),
  'terms of service': () => inDocument(TermsPage({ terms: `https://a.example/${markup}`, hasAgreed: false })),
  'reference of the admin API': () => {
    const { info, servers, paths } = openApi();
    return inDocument(ReferencePage(hostile({ info, servers, paths })));
  },
  'report to the board': () => renderPage(ReportPage({ report: hostile(report, ['from', 'until', 'asOf']) })),
  'practice statement': () => renderStatement(readFileSync(shipped('docs/cp-cps.md'), 'utf8'), hostile(publicFacts(parseConfig({}, '/')))),
  'practice statement, whose own text is foreign': () =>
    renderStatement(`# T ${markup}\n\n## 1. A ${markup}\n\n${markup} [l](#1 "${markup}")\n`, {}),
};

describe('a page with markup in every field', () => {
  for (const [name, make] of Object.entries(pages)) it(`shows it as text: ${name}`, () => assertTame(make()));
});

describe('a page with a URL that runs a script', () => {
  const url = 'javascript:alert(1)';
  for (const [name, make] of Object.entries<() => string>({
    'terms of service': () => inDocument(TermsPage({ terms: url, hasAgreed: true })),
    'reference of the admin API': () => inDocument(ReferencePage({ ...openApi(), servers: [{ url }] })),
    'practice statement': () => renderStatement(`# T\n\n## 1. A\n\n[l](${url})\n`, {}),
  }))
    it(`is not made: ${name}`, () => assert.throws(make, /must be a URL/));
});
