import assert from 'node:assert/strict';
import { type ErrorType, errorTypes } from '../../src/model/problem.ts';
import type { Answer, Json } from './acme-client.ts';

const urn = 'urn:ietf:params:acme:error:';

/** Asserts a whole problem document (RFC 8555 §6.7) and returns it; the status is the type's usual one unless said. */
export function refused(answer: Answer, type: ErrorType, status: number = errorTypes[type], detail?: RegExp): Json {
  const text = answer.body.toString();
  assert.equal(`${answer.status} ${answer.json?.type}`, `${status} ${urn}${type}`, text);
  checkProblem(answer);
  if (detail) assert.match(answer.json.detail, detail);
  return answer.json;
}

/** What holds for every problem document. */
export function checkProblem({ status, headers, body, json }: Answer): void {
  const text = body.toString();
  assert.equal(headers['content-type'], 'application/problem+json', text);
  assert.equal(json.status, status, text);
  assert.ok(Object.keys(errorTypes).includes(json.type.slice(urn.length)) && json.type.startsWith(urn), text);
  assert.ok(typeof json.detail === 'string' && json.detail.length > 0, text);
  assert.ok(!('identifier' in json), `"identifier" at the top (§6.7.1): ${text}`);
  assert.doesNotMatch(text, /\n\s*at |\.(ts|js):\d|node_modules|node:internal|SQLITE|select .* from/i);
  for (const sub of json.subproblems ?? []) {
    assert.ok(sub.type.startsWith(urn) && sub.detail.length > 0, text);
    if ('identifier' in sub) assert.deepEqual(Object.keys(sub.identifier), ['type', 'value'], text);
  }
}

/** A Link field's targets, by relation. */
export function links({ headers }: Answer): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [, target = '', rel = ''] of String(headers['link'] ?? '').matchAll(/<([^>]*)>;rel="([^"]*)"/g)) {
    found[rel] ??= [];
    found[rel].push(target);
  }
  return found;
}
