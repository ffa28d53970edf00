import assert from 'node:assert/strict';
import { printable } from '../../src/model/printable.ts';

describe('the text of a stranger', () => {
  for (const [what, text, shown] of [
    ['stays as it is', 'im.example.org:5280/a b', 'im.example.org:5280/a b'],
    ['keeps the letters of every script', 'münchen.example', 'münchen.example'],
    ['has no markup', '<script>', '\\u003cscript\\u003e'],
    ['has no quotes', `a"b'c`, 'a\\u0022b\\u0027c'],
    ['has no backslash', 'a\\b', 'a\\u005cb'],
    ['has no line of its own', 'a\r\nb\u2028c', 'a\\u000d\\u000ab\\u2028c'],
    ['does not turn the line around', '\u202egro', '\\u202egro'],
    ['has no half of a character', '\ud83d', '\\ud83d'],
    ['is cut after 200 characters', 'a'.repeat(201), `${'a'.repeat(200)}…`],
  ] as const)
    it(what, () => assert.equal(printable(text), shown));
});
