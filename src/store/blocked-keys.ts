import { type Db, lock, present, type Trx } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { places, rowsOf, selectRow } from './rows.ts';

/** Until the transaction's end nobody else blocks this key, or sees whether it is blocked. */
export const lockKey = (trx: Trx, spkiHash: Uint8Array): Promise<void> => lock(trx, `key ${Buffer.from(spkiHash).toString('hex')}`);

/** `why` is encrypted. @returns whether it was not yet */
export async function blockKey(db: Db, spkiHash: Uint8Array, why: Uint8Array, now: number): Promise<boolean> {
  const inserted = await db('blocked_keys')
    .insert({ spki_hash: Buffer.from(spkiHash), why_sealed: Buffer.from(why), blocked_at: now })
    .onConflict('spki_hash')
    .ignore()
    .returning('spki_hash');
  return inserted.length === 1;
}

export async function isBlockedKey(db: Db, spkiHash: Uint8Array): Promise<boolean> {
  return (await selectRow(db, 'blocked_keys', { spki_hash: spkiHash })) !== undefined;
}

/** The newest first. */
export async function listBlockedKeys(db: Db, page?: Page): Promise<{ key: string; why?: Uint8Array; blockedAt: number }[]> {
  const rows = await inPages(db('blocked_keys'), page, { at: 'blocked_at', id: 'spki_hash', newestFirst: true, bytes: true });
  return rows.map((r: { spki_hash: Uint8Array; why_sealed: Uint8Array | null; blocked_at: number }) => ({
    key: Buffer.from(r.spki_hash).toString('hex'),
    blockedAt: r.blocked_at,
    ...present({ why: r.why_sealed }),
  }));
}

/**
 * What is known against a key: blocked for ever; or, where no status can be asked (these profiles), that a certificate of it which has not expired was
 * revoked. Nobody blocks it until the transaction's end.
 */
export async function keyStanding(
  trx: Trx,
  spkiHash: Uint8Array,
  profiles: readonly string[],
  now: number,
): Promise<{ blocked: boolean; revoked: boolean }> {
  await lockKey(trx, spkiHash);
  const rows = await rowsOf<{ standing: 'blocked' | 'revoked' }>(
    trx,
    `select 'blocked' as standing from blocked_keys where spki_hash = ? union all
     select 'revoked' from certificates where spki_hash = ? and profile in (${places(profiles)}) and revoked_at is not null and not_after >= ?`,
    [spkiHash, spkiHash, ...profiles, now],
  );
  return { blocked: rows.some(r => r.standing === 'blocked'), revoked: rows.some(r => r.standing === 'revoked') };
}
