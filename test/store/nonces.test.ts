import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type Nonces, openNonces } from '../../src/store/nonces.ts';
import { onEachEngine } from '../kit/database.ts';
import { at0 } from '../kit/records.ts';

const random = (size: number) => randomBytes(size);

onEachEngine('nonces', at => {
  const clock = { now: at0 };
  const open = (): Promise<Nonces> => openNonces(at.db, () => clock.now, random);

  beforeEach(() => {
    clock.now = at0;
  });

  it('are used once, also where many try at once', async () => {
    const nonces = await open();
    const nonce = nonces.issue();
    assert.match(nonce, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(await nonces.use(nonce), true);
    assert.equal(await nonces.use(nonce), false);
    const wanted = nonces.issue();
    const used = await Promise.all(Array.from({ length: 8 }, () => nonces.use(wanted)));
    assert.equal(used.filter(Boolean).length, 1);
  });

  it('are refused when nobody here made them', async () => {
    const nonces = await open();
    const good = Buffer.from(nonces.issue(), 'base64url');
    for (let bit = 0; bit < good.length * 8; bit += 5) {
      const forged = Buffer.from(good);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(await nonces.use(forged.toString('base64url')), false, `bit ${bit}`);
    }
    for (const text of ['', 'AA', '=', `${good.toString('base64url')}AA`, `${good.toString('base64url')}=`, 'é'.repeat(43), 'x'.repeat(43)])
      assert.equal(await nonces.use(text), false, text);
    assert.equal(await nonces.use(good.toString('base64url')), true);
  });

  it('live an hour', async () => {
    const nonces = await open();
    const [soon, late] = [nonces.issue(), nonces.issue()];
    clock.now = at0 + 3599;
    assert.equal(await nonces.use(soon), true);
    clock.now = at0 + 3600;
    assert.equal(await nonces.use(late), false);
  });

  it('of a clock that is far ahead are refused', async () => {
    const nonces = await open();
    clock.now = at0 + 61;
    const [ahead, far] = [nonces.issue(), nonces.issue()];
    clock.now = at0 + 1;
    assert.equal(await nonces.use(ahead), true);
    clock.now = at0;
    assert.equal(await nonces.use(far), false);
  });

  it('that were used stay used until they are too old, however often is pruned', async () => {
    const nonces = await open();
    const nonce = nonces.issue();
    assert.equal(await nonces.use(nonce), true);
    for (const later of [0, 1800, 3599]) {
      clock.now = at0 + later;
      await nonces.prune();
      assert.equal(await nonces.use(nonce), false, `after ${later} s`);
    }
    const fresh = nonces.issue();
    assert.equal(await nonces.use(fresh), true);
    for (const later of [3660, 7199, 7400]) {
      clock.now = at0 + later;
      await nonces.prune();
      assert.equal(await nonces.use(fresh), false, `after ${later} s`);
      assert.equal(await nonces.use(nonce), false, `after ${later} s`);
    }
  });

  it('are forgotten when they cannot be accepted any more', async () => {
    if (at.engine === 'sqlite') return;
    const nonces = await open();
    await nonces.use(nonces.issue());
    const count = async () => Number((await at.db('used_nonces').count('* as n').first())?.['n']);
    assert.ok((await count()) > 0);
    clock.now = at0 + 3 * 3600;
    await nonces.prune();
    assert.equal(await count(), 0);
  });

  it('belong to all processes on PostgreSQL, and to one on SQLite', async () => {
    const [one, other] = [await open(), await open()];
    const shared = at.engine === 'postgres';
    const nonce = one.issue();
    assert.equal(await other.use(nonce), shared);
    assert.equal(await one.use(nonce), !shared);
    assert.equal(await other.use(nonce), false);
    if (!shared) return;
    for (let i = 0; i < 20; i++) {
      const [maker, user] = i % 2 ? [one, other] : [other, one];
      const next = maker.issue();
      assert.equal(await user.use(next), true);
      assert.equal(await maker.use(next), false);
    }
    assert.equal(await at.db('nonce_keys').then(rows => rows.length), 1);
  });

  it('opened by many at once have one key', async () => {
    if (at.engine === 'sqlite') return;
    await at.db('nonce_keys').delete();
    const all = await Promise.all(Array.from({ length: 6 }, open));
    for (const maker of all) for (const user of all) assert.equal(await user.use(maker.issue()), true);
  });

  it('vanish together in a crash of the database: older ones are refused, new ones work in every process', async () => {
    if (at.engine === 'sqlite') return;
    const [one, other] = [await open(), await open()];
    const used = one.issue();
    assert.equal(await one.use(used), true);
    const unused = one.issue();
    // What PostgreSQL does to unlogged tables when it recovers.
    await at.db.raw('truncate nonce_keys, used_nonces');
    assert.equal(await one.use(used), false, 'no second use');
    assert.equal(await one.use(unused), false);
    const fresh = one.issue();
    assert.equal(await other.use(unused), false);
    assert.equal(await other.use(fresh), true, 'the other process takes the new key up');
    assert.equal(await one.use(fresh), false);
    assert.equal(await one.use(other.issue()), true);
  });
});
