import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { dns01 } from '../../src/challenges/dns-01.ts';
import { Problem } from '../../src/model/problem.ts';
import { fakeNetwork } from '../kit/fake-network.ts';

const task = { name: 'im.example.com', token: 'token', thumbprint: 'thumbprint' };
const owner = `_acme-challenge.${task.name}`;
const right = createHash('sha256').update('token.thumbprint').digest('base64url');

const check = (records: string[]) => {
  const net = fakeNetwork();
  net.dns.txt.set(owner, records);
  return dns01.check?.(net, task) ?? assert.fail();
};
const refuses = (records: string[], type: string) =>
  assert.rejects(check(records), (error: unknown) => error instanceof Problem && error.type === type && error.detail.includes(owner));

describe('dns-01 (RFC 8555 §8.4)', () => {
  it('proves names and wildcards', () => {
    for (const wildcard of [true, false]) assert.ok(dns01.proves({ name: 'a.example', wildcard }));
  });
  it('accepts the digest, among other records too', async () => {
    assert.deepEqual(await check([right]), { owner, record: right });
    assert.deepEqual(await check(['other', right]), { owner, record: right });
  });
  it('names a record that is missing', () => refuses([], 'dns'));
  for (const [what, record] of [
    ['the key authorization itself', 'token.thumbprint'],
    ['a padded digest', `${right}=`],
    ['a quoted digest', `"${right}"`],
    ['the digest with a space', `${right} `],
    ['the digest in base64', Buffer.from(right, 'base64url').toString('base64')],
    ['nothing', ''],
  ] as const)
    it(`refuses ${what}`, () => refuses([record], 'incorrectResponse'));
  it('hands on what the network says', async () => {
    const net = fakeNetwork();
    net.failures.set(`txt:${owner}`, new Problem('dns', 'SERVFAIL'));
    await assert.rejects(dns01.check?.(net, task) ?? assert.fail(), (error: unknown) => error instanceof Problem && error.type === 'dns');
  });
});
