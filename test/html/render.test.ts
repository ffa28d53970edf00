import assert from 'node:assert/strict';
import { h } from 'preact';
import { renderHtml, renderPage } from '../../src/html/render.ts';

describe('rendering', () => {
  it('escapes text and attributes', () => {
    assert.equal(renderHtml('<b>&"'), '&lt;b>&amp;&quot;');
    assert.equal(renderHtml(h('p', { title: '"><b>' }, '<i>')), '<p title="&quot;>&lt;b>">&lt;i></p>');
  });

  it('begins a page with its document type', () => assert.equal(renderPage(h('p', null, 'x')), '<!doctype html>\n<p>x</p>\n'));

  for (const url of ['https://a.example/?x=1#y', 'http://a.example', 'HTTPS://A.EXAMPLE/', 'mailto:a@b.example', '#4.9', '/root.pem'])
    it(`takes ${url} for a URL`, () => assert.match(renderHtml(h('a', { href: url }, 'x')), /^<a href="/));

  for (const url of [
    'javascript:alert(1)',
    'JAVASCRIPT:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    '\u0001javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'blob:https://a.example/1',
    'file:///etc/passwd',
    'mailto:a@b.example?body=x',
    '//other.example/x',
    '/\\other.example/x',
    '/\t/other.example/x',
    '/\n\\other.example/x',
    '',
  ])
    it(`does not take ${JSON.stringify(url)} for a URL`, () => {
      for (const [type, name] of [
        ['a', 'href'],
        ['img', 'src'],
        ['form', 'action'],
        ['button', 'formaction'],
        ['button', 'formAction'],
        ['use', 'xlink:href'],
        ['object', 'data'],
      ] as const)
        assert.throws(
          () => renderHtml(h(type, { [name]: url })),
          /must be a URL of http, https or mailto, or begin with \/ or #, and hold no tab or end of a line, got "/,
        );
    });
});
