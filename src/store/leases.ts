import { type Db, databaseClock, secondsFromNow } from './open.ts';
import { updateRows } from './rows.ts';

/** Who holds a lease: the fence rises with each holder, so that work of a former one can be told. */
export interface Lease {
  name: string;
  fence: number;
}

/** Takes a lease that nobody holds, by the database's clock; the holder's name is for whoever looks at the table. @returns undefined where it is held */
export async function takeLease(db: Db, name: string, holder: string, seconds: number): Promise<Lease | undefined> {
  await db('leases').insert({ name, holder: '', fence: 0, until: 0 }).onConflict('name').ignore();
  const rows = await db('leases')
    .where({ name })
    .where('until', '<=', databaseClock(db))
    .update({ holder, until: secondsFromNow(db, seconds), fence: db.raw('fence + 1') })
    .returning('fence');
  return rows[0] && { name, fence: rows[0].fence };
}

/** @returns whether it was still ours */
export async function extendLease(db: Db, { name, fence }: Lease, seconds: number): Promise<boolean> {
  return (
    (await db('leases')
      .where({ name, fence })
      .update({ until: secondsFromNow(db, seconds) })) === 1
  );
}

/** Whether the lease is still ours, and remains so until the end of this transaction: that in which its work commits. */
export async function holdsLease(trx: Db, { name, fence }: Lease): Promise<boolean> {
  return (await updateRows(trx, 'leases', { name, fence }, { fence })) === 1;
}

export async function releaseLease(db: Db, { name, fence }: Lease): Promise<void> {
  await updateRows(db, 'leases', { name, fence }, { until: 0 });
}
