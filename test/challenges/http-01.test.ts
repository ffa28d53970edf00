import assert from 'node:assert/strict';
import { http01 } from '../../src/challenges/http-01.ts';
import { Problem } from '../../src/model/problem.ts';
import { type FakeNetwork, fakeNetwork } from '../kit/fake-network.ts';

const task = {
  name: 'im.example.com',
  token: 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA',
  thumbprint: '9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI',
};
const url = `http://${task.name}/.well-known/acme-challenge/${task.token}`;
const right = `${task.token}.${task.thumbprint}`;
const check = (net: FakeNetwork) => http01.check?.(net, task) ?? assert.fail();

describe('http-01 (RFC 8555 §8.3)', () => {
  it('proves names, not wildcards', () => {
    assert.ok(http01.proves({ name: 'a.example', wildcard: false }));
    assert.ok(!http01.proves({ name: 'a.example', wildcard: true }));
  });
  for (const [what, body] of [
    ['the key authorization', right],
    ['a line feed at the end', `${right}\n`],
    ['white space at the end', `${right} \r\n\t`],
  ] as const)
    it(`accepts ${what}`, async () => {
      const net = fakeNetwork();
      net.pages.set(url, body);
      assert.deepEqual(await check(net), { url, address: '192.0.2.1' });
    });
  for (const [what, body] of [
    ['nothing', ''],
    ['the token alone', task.token],
    ['the thumbprint of another account', `${task.token}.x`],
    ['white space before it', ` ${right}`],
    ['a byte order mark before it', `\ufeff${right}`],
    ['text behind it', `${right} x`],
    ['another case', right.toUpperCase()],
    ['HTML around it', `<p>${right}</p>`],
    ['it twice', `${right}\n${right}`],
  ] as const)
    it(`refuses ${what}`, async () => {
      const net = fakeNetwork();
      net.pages.set(url, body);
      await assert.rejects(
        check(net),
        (error: unknown) => error instanceof Problem && error.type === 'incorrectResponse' && !error.detail.includes('<p>'),
      );
    });
  it('refuses a status other than 200', async () => {
    await assert.rejects(
      check(fakeNetwork()),
      (error: unknown) => error instanceof Problem && error.type === 'incorrectResponse' && /status 404/.test(error.detail),
    );
  });
  for (const [what, status] of [
    ['another status', 404],
    ['another body', 200],
  ] as const)
    it(`keeps odd text of a URL that it was redirected to out of the detail: ${what}`, async () => {
      const led = `http://other.example/'"<b>${'x'.repeat(300)}`;
      const net = { ...fakeNetwork(), get: async () => ({ status, headers: {}, body: Buffer.from('no'), address: '192.0.2.1', url: led }) };
      await assert.rejects(check(net), (error: unknown) => {
        assert.ok(error instanceof Problem);
        assert.match(error.detail, /^http:\/\/other\.example\/\\u0027\\u0022\\u003cb\\u003ex+… \(192\.0\.2\.1\) answered with /);
        assert.doesNotMatch(error.detail, /[<>"']/);
        assert.ok(error.detail.length < 320, error.detail);
        return true;
      });
    });
  it('hands on what the network says', async () => {
    const net = fakeNetwork();
    net.failures.set(`get:${task.name}`, new Problem('connection', 'refused'));
    await assert.rejects(check(net), (error: unknown) => error instanceof Problem && error.type === 'connection');
  });
});
