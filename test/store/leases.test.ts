import assert from 'node:assert/strict';
import { holdsLease, releaseLease, takeLease } from '../../src/store/leases.ts';
import { onEachEngine } from '../kit/database.ts';

onEachEngine('leases', at => {
  it('are held by one, who may extend them under a new fence', async () => {
    const first = await takeLease(at.db, 'crl', 'a', 60);
    assert.ok(first !== undefined);
    assert.equal(await takeLease(at.db, 'crl', 'b', 60), undefined);
    assert.equal(await holdsLease(at.db, 'crl', 'a', first), true);
    assert.equal(await holdsLease(at.db, 'crl', 'b', first), false);
    const extended = await takeLease(at.db, 'crl', 'a', 60);
    assert.ok(extended !== undefined && extended > first);
    assert.equal(await holdsLease(at.db, 'crl', 'a', first), false);
    assert.ok((await takeLease(at.db, 'another', 'b', 60)) !== undefined, 'names are apart');
  });

  it('pass on when they lapse, and the former holder’s work is void', async () => {
    const first = await takeLease(at.db, 'lapsing', 'a', 0);
    const second = await takeLease(at.db, 'lapsing', 'b', 60);
    assert.ok(first !== undefined && second !== undefined && second > first);
    assert.equal(await holdsLease(at.db, 'lapsing', 'a', first), false);
    await releaseLease(at.db, 'lapsing', 'a');
    assert.equal(await holdsLease(at.db, 'lapsing', 'b', second), true);
    assert.equal(await takeLease(at.db, 'lapsing', 'a', 60), undefined, 'who does not hold it cannot release it');
  });

  it('pass on at once when they are released', async () => {
    await takeLease(at.db, 'released', 'a', 60);
    await releaseLease(at.db, 'released', 'a');
    assert.ok((await takeLease(at.db, 'released', 'b', 60)) !== undefined);
  });

  it('go to one of many that ask at once', async () => {
    const fences = await Promise.all(Array.from({ length: 8 }, (_, i) => takeLease(at.db, 'wanted', `holder ${i}`, 60)));
    assert.equal(fences.filter(f => f !== undefined).length, 1);
  });
});
