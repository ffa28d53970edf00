import assert from 'node:assert/strict';
import { listAudit } from '../../../src/store/audit.ts';
import { startCa } from '../../kit/ca.ts';
import { opened } from '../../kit/opened.ts';

describe('the start of a server', () => {
  const ca = opened(() => startCa({ config: { policy: { keepDays: 77 } } }));

  it('is on record with the rules that it runs by, and a code that tells any other configuration', async () => {
    const [start, ...more] = await listAudit(ca.ctx.db, { action: 'server.started' });
    assert.deepEqual(more, []);
    assert.ok(start?.detail);
    const { policy, configuration } = start.detail as { policy: { keepDays: number }; configuration: string };
    assert.equal(policy.keepDays, 77);
    assert.match(configuration, /^[0-9a-f]{64}$/);
  });
});
