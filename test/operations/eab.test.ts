import assert from 'node:assert/strict';
import { engines } from '../kit/ca.ts';
import { openTestCtx } from '../kit/ctx.ts';
import { opened } from '../kit/opened.ts';
import { storedMember } from '../kit/records.ts';

for (const engine of engines)
  describe(`the eab operations (${engine})`, () => {
    const at = opened(() => openTestCtx({ engine }));

    it('never make a MAC key that begins with -, which is an option on a client’s command line', async () => {
      const { id: member } = await storedMember(at.ctx);
      const { random } = at.ctx;
      const first = [0xf8, 0xfb, 0x10];
      // 0xf8 to 0xfb are the first bytes whose base64url begins with "-".
      at.ctx.random = size => {
        const bytes = random(size);
        if (size === 32) bytes[0] = first.shift() ?? bytes[0] ?? 0;
        return bytes;
      };
      const { hmacKey } = await at.run('eab create', { member });
      assert.deepEqual(first, []);
      assert.equal(Buffer.from(hmacKey, 'base64url')[0], 0x10);
    });
  });
