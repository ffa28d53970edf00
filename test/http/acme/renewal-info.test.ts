import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import type { AcmeClient } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';
import { askRenewalInfo, certIdOf, serialOf, windowIn } from '../../kit/renewal.ts';

const day = 86400;

for (const engine of engines) {
  describe(`renewal information (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));
    let client: AcmeClient;
    before(async () => {
      const member = await ca.member();
      ({ client } = member);
      await ca.prove(member.id, 'info.test');
    });

    it('is asked by GET, by anybody and without a nonce; an answer has the window, and says when to ask again', async () => {
      const { chain } = await issue(client, ca.net, ['info.test']);
      const stranger = await ca.client().open();
      assert.equal(stranger.directory.renewalInfo, `${ca.publicUrl}/acme/renewal-info`);
      const answer = await askRenewalInfo(stranger, chain);
      assert.equal(answer.status, 200, answer.body.toString());
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(answer.headers['retry-after'], '21600');
      assert.equal(answer.headers['replay-nonce'], undefined);
      assert.equal(answer.headers['access-control-allow-origin'], '*');
      assert.deepEqual(Object.keys(answer.json), ['suggestedWindow']);
      assert.deepEqual(Object.keys(answer.json.suggestedWindow), ['start', 'end']);
      for (const time of Object.values(answer.json.suggestedWindow)) assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.deepEqual((await askRenewalInfo(stranger, chain)).json, answer.json, 'the same whenever it is asked');
    });

    for (const [profile, earliest, latest] of [
      ['xmpp-server', 58, 71],
      ['xmpp-server-addr', 58, 71],
      ['xmpp-server-short', 3, 4.2],
    ] as const)
      it(`of the profile ${profile} has a window between day ${earliest} and day ${latest}`, async () => {
        const { chain } = await issue(client, ca.net, ['info.test'], { more: { profile } });
        const { start, end } = windowIn(await askRenewalInfo(client, chain));
        const issued = Date.parse(new X509Certificate(chain).validFrom) / 1000;
        assert.ok(issued + earliest * day < start && start < end && end < issued + latest * day);
      });

    it('of a revoked certificate has a window in the past', async () => {
      const { chain } = await issue(client, ca.net, ['info.test']);
      const certificate = new X509Certificate(chain).raw.toString('base64url');
      ca.later(5);
      assert.equal((await client.post(client.directory.revokeCert, { certificate })).status, 200);
      const { start, end } = windowIn(await askRenewalInfo(client, chain));
      assert.ok(start < end && end < ca.clock.now);
    });

    it('of a moved window is that window, with the page that says why, and is to be asked for sooner', async () => {
      const { chain } = await issue(client, ca.net, ['info.test']);
      const before = (await askRenewalInfo(client, chain)).json;
      const serial = serialOf(chain);
      const moved = { start: '2026-01-02T04:00:00Z', end: '2026-01-03T04:00:00Z' };
      await ca.run('renewal move', { serial, ...moved, explanation: 'https://ca.test/why' });
      const answer = await askRenewalInfo(client, chain);
      assert.deepEqual(answer.json, { suggestedWindow: moved, explanationURL: 'https://ca.test/why' });
      assert.equal(answer.headers['retry-after'], '3600');
      await ca.run('renewal reset', { serial });
      assert.deepEqual((await askRenewalInfo(client, chain)).json, before);
    });

    it('of an unknown certificate is 404; of what is no certID it is malformed', async () => {
      const { chain } = await issue(client, ca.net, ['info.test']);
      const ask = (certId: string) => client.get(`${client.directory.renewalInfo}/${certId}`);
      const [aki = '', serial = ''] = certIdOf(chain).split('.');
      const otherSerial = Buffer.from(serial, 'base64url').fill(0x11, 4).toString('base64url');
      const otherKey = Buffer.from(aki, 'base64url').fill(0x11, 4).toString('base64url');
      refused(await ask(`${aki}.${otherSerial}`), 'malformed', 404);
      refused(await ask(`${otherKey}.${serial}`), 'malformed', 404);
      refused(await ask('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE'), 'malformed', 404);
      for (const bad of [
        aki,
        `${aki}.`,
        `.${serial}`,
        `${aki}.${serial}.${serial}`,
        `${aki}.${serial}==`,
        `${aki}=.${serial}`,
        `${aki}.!!`,
        `${aki}.AA`,
      ])
        refused(await ask(bad), 'malformed', 400, /authority key identifier/);
      refused(await ask(`${aki}.AAAX`), 'malformed', 400);
      assert.equal((await client.send('POST', `${client.directory.renewalInfo}/${aki}.${serial}`, {}, '{}')).status, 405);
    });

    it('of a certificate that was never issued is 404', async () => {
      const { chain } = await issue(client, ca.net, ['info.test']);
      await ca.ctx
        .db('certificates')
        .where({ serial: serialOf(chain) })
        .update({ state: 'abandoned' });
      refused(await askRenewalInfo(client, chain), 'malformed', 404);
    });

    it('is in the directories of profiles and members too', async () => {
      const { id } = await ca.run('member add', { name: 'Club', email: 'a@club.test' });
      const { directory } = await ca.run('directory create', { member: id });
      for (const url of [directory, `${ca.publicUrl}/acme/p/xmpp-server-short/directory`])
        assert.equal((await ca.client().open(url)).directory.renewalInfo, `${ca.publicUrl}/acme/renewal-info`);
    });
  });
}
