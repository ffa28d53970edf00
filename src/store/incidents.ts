import type { Incident, Severity } from '../model/ledger.ts';
import type { Db } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows } from './rows.ts';

interface IncidentRow {
  id: string;
  at: number;
  severity: Severity;
  what: string;
  who: string;
  created_at: number;
}

const fromRow = ({ created_at: createdAt, ...rest }: IncidentRow): Incident => ({ ...rest, createdAt });

export async function insertIncident(trx: Db, { createdAt, ...rest }: Incident): Promise<void> {
  await insertRows(trx, 'incidents', { ...rest, created_at: createdAt });
}

/** In the order in which they happened; from one time, before the other. */
export async function listIncidents(db: Db, span?: { from: number; until: number }, page?: Page): Promise<Incident[]> {
  const query = db('incidents');
  if (span) query.where('at', '>=', span.from).where('at', '<', span.until);
  return (await inPages(query, page, { at: 'at' })).map(fromRow);
}
