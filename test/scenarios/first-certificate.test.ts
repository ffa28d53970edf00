import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { engines, startCa } from '../kit/ca.ts';
import { issue } from '../kit/issue.ts';
import { opened } from '../kit/opened.ts';

for (const engine of engines) {
  describe(`a member's first certificate (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));

    it('comes by http-01 with an external account binding', async () => {
      const { client } = await ca.member();
      const { chain, order } = await issue(client, ca.net, ['im.test', 'conference.im.test']);
      assert.equal(order.status, 'valid');
      const leaf = new X509Certificate(chain);
      assert.match(leaf.subjectAltName ?? '', /DNS:im\.test, DNS:conference\.im\.test/);
    });

    it('needs no challenge where the member has proved the domain', async () => {
      const { id, client } = await ca.member();
      await ca.prove(id, 'proved.test');
      const { json, status } = await client.newOrder(['chat.proved.test']);
      assert.equal(status, 201);
      assert.equal(json.status, 'ready');
      await issue(client, ca.net, ['chat.proved.test']);
    });

    it('is told to the member', async () => {
      await ca.settled();
      const subjects = (await ca.mails()).map(m => m.subject);
      assert.ok(subjects.includes('Certificate issued for im.test and 1 more'), subjects.join(', '));
    });
  });
}
