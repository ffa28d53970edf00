import assert from 'node:assert/strict';
import { listAudit } from '../../../src/store/audit.ts';
import { startCa } from '../../kit/ca.ts';
import { opened } from '../../kit/opened.ts';
import { refused } from '../../kit/refused.ts';

describe('what an account was refused', () => {
  const ca = opened(() => startCa());
  const refusals = async () =>
    (await listAudit(ca.ctx.db, { action: 'request.refused' })).map(({ who, outcome, subject, detail }) => ({
      who,
      outcome,
      subject,
      detail,
    }));

  it('is on record, without what was sent', async () => {
    const { id, client } = await ca.member();
    refused(await client.newOrder(['secret.invalid.']), 'malformed', 400);
    const [refusal, ...more] = await refusals();
    assert.deepEqual(more, []);
    const account = String(client.kid).split('/').at(-1) ?? '';
    assert.deepEqual(refusal, {
      who: `account:${account}`,
      outcome: 'refused',
      subject: { account, member: id },
      detail: { path: '/acme/new-order', type: 'malformed' },
    });
  });

  it('is not where a stranger asked, or something was only read', async () => {
    const before = (await refusals()).length;
    const { client } = await ca.member();
    await client.read(client.directory.newOrder.replace('new-order', 'order/aaaaaaaaaaaaaaaa'));
    const stranger = await ca.client().open();
    assert.equal((await stranger.register()).status, 403);
    assert.equal((await refusals()).length, before);
  });
});
