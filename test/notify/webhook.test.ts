import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { type Hook, sendHook, shownSecret, signatures } from '../../src/notify/webhook.ts';
import { fakeNetwork } from '../kit/fake-network.ts';

/** The reference vector of the specification's own libraries. */
const reference = {
  shown: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const secret = Buffer.from(reference.shown.slice('whsec_'.length), 'base64');

describe('a webhook', () => {
  it('is signed as the reference vector is', () => {
    const { shown, id, timestamp, body, signature } = reference;
    assert.equal(shownSecret(secret), shown);
    assert.equal(signatures([secret], id, timestamp, body), signature);
    const apart = createHmac('sha256', Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64'));
    assert.equal(`v1,${apart.update(`${id}.${timestamp}.${body}`).digest('base64')}`, signature);
  });

  const url = 'https://hooks.example/in';
  const hook: Hook = {
    id: 'abc-17-00ff',
    type: 'member.added',
    timestamp: '2026-09-21T14:13:20Z',
    data: { index: 17, domain: 'exämple.test' },
  };
  // At the time of the test: the other implementation refuses what is five minutes old.
  const now = () => Math.floor(Date.now() / 1000);
  const never = new AbortController().signal;
  const send = (net = fakeNetwork(), secrets: Uint8Array[] = [secret]) =>
    sendHook(net, { url, secrets }, hook, { now: now(), roots: ['root'], signal: never });

  it('is accepted by another implementation, under the old secret and the new, and under no third', async () => {
    const newer = Buffer.alloc(32, 7);
    const net = fakeNetwork();
    const { id: _, ...payload } = hook;
    let taken = 0;
    net.hooks.set(url, ({ headers, body, roots }) => {
      taken++;
      assert.deepEqual(roots, ['root']);
      const text = Buffer.from(body).toString();
      for (const each of [secret, newer]) assert.deepEqual(new Webhook(shownSecret(each)).verify(text, headers), payload);
      assert.throws(() => new Webhook(shownSecret(Buffer.alloc(32, 8))).verify(text, headers));
      assert.throws(() => new Webhook(shownSecret(secret)).verify(text.replace('17', '18'), headers));
      assert.equal(headers['webhook-id'], hook.id);
      assert.equal(headers['content-length'], String(body.length));
      return 200;
    });
    assert.deepEqual(await send(net, [newer, secret]), { took: 'taken' });
    assert.equal(taken, 1);
  });

  const outcomes: [number, string][] = [
    [200, 'taken'],
    [204, 'taken'],
    [299, 'taken'],
    [301, 'refused'],
    [307, 'refused'],
    [400, 'refused'],
    [404, 'refused'],
    [410, 'gone'],
    [429, 'nothing'],
    [500, 'refused'],
    [502, 'nothing'],
    [503, 'nothing'],
    [504, 'nothing'],
  ];
  for (const [status, took] of outcomes)
    it(`that is answered by ${status}: ${took}`, async () => {
      const net = fakeNetwork();
      net.hooks.set(url, () => status);
      assert.equal((await send(net)).took, took);
    });

  it('that nobody answers: nothing is taken now, and it says why', async () => {
    assert.deepEqual(await send(), { took: 'nothing', why: `Cannot connect to ${url}: 192.0.2.1: the connection was refused.` });
  });
});
