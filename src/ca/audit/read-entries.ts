import { sealedAudit } from '../../store/audit.ts';
import type { Db } from '../../store/open.ts';
import { leafOf, readLogged } from './leaf.ts';

/** Entries of the log, from one on: the bytes that the tree is over. @throws Error where one is not there any more */
export async function readEntries(db: Db, from: number, count: number): Promise<Uint8Array[]> {
  const records = await sealedAudit(db, from, count);
  if (records.length < count || records.at(-1)?.seal?.index !== from + count - 1)
    throw new Error(`entries of the audit log from ${from} on are gone`);
  const loggedOf = await readLogged(db, records);
  return records.map(record => leafOf(record, record.seal?.recordHash ?? new Uint8Array(), loggedOf(record)));
}
