import assert from 'node:assert/strict';
import fc from 'fast-check';
import { accountUrl, newId, newToken } from '../../src/ca/ids.ts';
import { fromBase64url } from '../../src/model/encoding.ts';

/** Random octets that a property draws, and how many were asked for. */
const drawing = fc.infiniteStream(fc.integer({ min: 0, max: 255 })).map(stream => {
  const octets = stream[Symbol.iterator]();
  const asked: number[] = [];
  return {
    asked,
    random: (size: number) => {
      asked.push(size);
      return Uint8Array.from({ length: size }, () => Number(octets.next().value));
    },
  };
});

describe('tokens', () => {
  it('are 128 random bits in base64url, without padding (RFC 8555 §8.3, RFC 8737 §3)', () => {
    fc.assert(
      fc.property(drawing, ctx => {
        const token = newToken(ctx);
        assert.match(token, /^[A-Za-z0-9_-]{22}$/);
        assert.equal(fromBase64url(token)?.length, 16);
        assert.deepEqual(ctx.asked, [16]);
      }),
    );
  });
});

describe('ids', () => {
  it('are 80 random bits in lowercase base32, and never begin with a hyphen', () => {
    fc.assert(fc.property(drawing, ctx => assert.match(newId(ctx), /^[a-z2-7]{16}$/)));
  });
});

describe('account URLs', () => {
  it('are URLs of the public origin, whatever the directory (RFC 8657 §5.4)', () => {
    assert.equal(accountUrl('https://ca.example', 'abc'), 'https://ca.example/acme/account/abc');
    assert.equal(new URL(accountUrl('https://ca.example', 'abc')).host, 'ca.example');
  });
});
