import { type Db, databaseClock } from './open.ts';

/** Takes or extends a lease, by the database's clock. @returns its fence, or undefined where another holds it */
export async function takeLease(db: Db, name: string, holder: string, seconds: number): Promise<number | undefined> {
  const clock = databaseClock(db);
  const until = db.raw('? + ?', [clock, seconds]);
  await db('leases').insert({ name, holder: '', fence: 0, until: 0 }).onConflict('name').ignore();
  const rows = await db('leases')
    .where({ name })
    .where(q => q.where('until', '<=', clock).orWhere({ holder }))
    .update({ holder, until, fence: db.raw('fence + 1') })
    .returning('fence');
  return rows[0]?.fence;
}

/** Whether the lease is still ours; in the transaction that its work commits. */
export async function holdsLease(db: Db, name: string, holder: string, fence: number): Promise<boolean> {
  return (await db('leases').where({ name, holder, fence }).update({ holder })) === 1;
}

export async function releaseLease(db: Db, name: string, holder: string): Promise<void> {
  await db('leases').where({ name, holder }).update({ until: 0 });
}
