import assert from 'node:assert/strict';
import { extendLease, holdsLease, releaseLease, takeLease } from '../../src/store/leases.ts';
import { onEachEngine } from '../kit/database.ts';

onEachEngine('leases', at => {
  it('are held by one, who may extend them', async () => {
    const first = await takeLease(at.db, 'crl', 'a', 60);
    assert.ok(first);
    assert.equal(await takeLease(at.db, 'crl', 'b', 60), undefined);
    assert.equal(await takeLease(at.db, 'crl', 'a', 60), undefined, 'two works of one process are two');
    assert.equal(await holdsLease(at.db, first), true);
    assert.equal(await holdsLease(at.db, { ...first, fence: first.fence + 1 }), false);
    assert.equal(await extendLease(at.db, first, 0), true);
    assert.ok(await takeLease(at.db, 'crl', 'b', 60));
    assert.equal(await extendLease(at.db, first, 60), false);
    assert.ok(await takeLease(at.db, 'another', 'b', 60), 'names are apart');
  });

  it('pass on when they lapse, and the former holder’s work is void', async () => {
    const first = await takeLease(at.db, 'lapsing', 'a', 0);
    const second = await takeLease(at.db, 'lapsing', 'b', 60);
    assert.ok(first && second && second.fence > first.fence);
    assert.equal(await holdsLease(at.db, first), false);
    await releaseLease(at.db, first);
    assert.equal(await holdsLease(at.db, second), true);
    assert.equal(await takeLease(at.db, 'lapsing', 'a', 60), undefined, 'who does not hold it cannot release it');
  });

  it('pass on at once when they are released', async () => {
    const lease = await takeLease(at.db, 'released', 'a', 60);
    assert.ok(lease);
    await releaseLease(at.db, lease);
    assert.ok(await takeLease(at.db, 'released', 'b', 60));
  });

  it('go to one of many that ask at once', async () => {
    const leases = await Promise.all(Array.from({ length: 8 }, (_, i) => takeLease(at.db, 'wanted', `holder ${i}`, 60)));
    assert.equal(leases.filter(Boolean).length, 1);
  });
});
