import type { Quarter } from '../model/quarter.ts';
import { type Db, lock, type Trx } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, rowsOf, selectRow } from './rows.ts';

/** A report as it was closed. */
export interface ClosedReport {
  quarter: Quarter;
  /** JSON. */
  text: string;
  /** Of the text, in hex. */
  sha256: string;
  closedAt: number;
}

interface ReportRow {
  quarter: Quarter;
  report: string;
  sha256: string;
  closed_at: number;
}

const fromRow = (r: ReportRow): ClosedReport => ({ quarter: r.quarter, text: r.report, sha256: r.sha256, closedAt: r.closed_at });

/** Once. @throws a duplicate */
export async function insertReport(trx: Trx, { quarter, text, sha256, closedAt }: ClosedReport): Promise<void> {
  await insertRows(trx, 'reports', { quarter, report: text, sha256, closed_at: closedAt });
}

export async function findReport(db: Db, quarter: Quarter): Promise<ClosedReport | undefined> {
  const r = await selectRow<ReportRow>(db, 'reports', { quarter });
  return r && fromRow(r);
}

export async function listReports(db: Db, page?: Page): Promise<ClosedReport[]> {
  return (await inPages(db('reports'), page, { at: 'closed_at', id: 'quarter' })).map(fromRow);
}

/** The last quarter whose numbers stand; they are closed one after another. */
export async function lastClosed(db: Db): Promise<Quarter | undefined> {
  return (await rowsOf<{ quarter: Quarter }>(db, 'select quarter from reports order by quarter desc limit 1', []))[0]?.quarter;
}

/** Until the transaction's end no quarter is closed, and nothing is written that a quarter's account is made of. */
export const lockAccounts = (trx: Trx): Promise<void> => lock(trx, 'accounts');
