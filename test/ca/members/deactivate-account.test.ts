import assert from 'node:assert/strict';
import { listAudit } from '../../../src/store/audit.ts';
import type { AcmeClient } from '../../kit/acme-client.ts';
import { engines, startCa, type TestCa } from '../../kit/ca.ts';
import { refused } from '../../kit/refused.ts';

for (const engine of engines) {
  describe(`closing a door (${engine})`, () => {
    let ca: TestCa;
    let member: string;
    before(async () => {
      ca = await startCa({ engine });
      ({ id: member } = await ca.run('member add', { name: 'Club', email: 'admin@club.test' }));
    });
    after(() => ca.close());

    /** A door of each kind with its revocation, and how a client comes through it. */
    const doors = {
      async eab() {
        const eab = await ca.run('eab create', { member, uses: 'any' });
        return { noun: 'eab' as const, key: { kid: eab.kid }, open: (client: AcmeClient) => client.register({ eab }) };
      },
      async directory() {
        const { id, directory } = await ca.run('directory create', { member, accounts: 'any' });
        return {
          noun: 'directory' as const,
          key: { id },
          open: async (client: AcmeClient) => (await client.open(directory)).register(),
        };
      },
    };

    for (const [kind, make] of Object.entries(doors)) {
      it(`that is closed already still takes the accounts along that are left: ${kind}`, async () => {
        const { noun, key, open } = await make();
        const clients = [ca.client(), ca.client()];
        for (const client of clients) assert.equal((await open(client)).status, 201);
        const revoke = (more: object = {}) => ca.run(`${noun} revoke`, { ...key, ...more });
        const { revokedAt } = await revoke();
        for (const client of clients) assert.equal((await client.newOrder(['im.test'])).status, 201);
        await assert.rejects(revoke(), /is revoked already/);

        ca.later(60);
        assert.equal((await revoke({ deactivateAccounts: true })).revokedAt, revokedAt, 'the first time stands');
        for (const client of clients) refused(await client.newOrder(['im.test']), 'unauthorized', 401, /deactivated/);
        const events = await listAudit(ca.ctx.db, { action: `${noun}.revoked` });
        assert.equal(events.length, 1);
      });

      it(`takes them along once, however often it is asked for: ${kind}`, async () => {
        const { noun, key, open } = await make();
        const client = ca.client();
        await open(client);
        const deactivated = async () => (await listAudit(ca.ctx.db, { action: 'account.deactivated' })).length;
        const before = await deactivated();
        for (let i = 0; i < 2; i++) await ca.run(`${noun} revoke`, { ...key, deactivateAccounts: true });
        assert.equal(await deactivated(), before + 1);
      });
    }
  });
}
