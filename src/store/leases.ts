import { type Db, databaseClock, secondsFromNow } from './open.ts';
import { updateRows } from './rows.ts';

/** Takes or extends a lease, by the database's clock. @returns its fence, or undefined where another holds it */
export async function takeLease(db: Db, name: string, holder: string, seconds: number): Promise<number | undefined> {
  await db('leases').insert({ name, holder: '', fence: 0, until: 0 }).onConflict('name').ignore();
  const rows = await db('leases')
    .where({ name })
    .where(q => q.where('until', '<=', databaseClock(db)).orWhere({ holder }))
    .update({ holder, until: secondsFromNow(db, seconds), fence: db.raw('fence + 1') })
    .returning('fence');
  return rows[0]?.fence;
}

/** Whether the lease is still ours; in the transaction that its work commits. */
export async function holdsLease(db: Db, name: string, holder: string, fence: number): Promise<boolean> {
  return (await updateRows(db, 'leases', { name, holder, fence }, { holder })) === 1;
}

export async function releaseLease(db: Db, name: string, holder: string): Promise<void> {
  await updateRows(db, 'leases', { name, holder }, { until: 0 });
}
