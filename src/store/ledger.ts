import type { CostBasis, LedgerEntry } from '../model/ledger.ts';
import { formatAmount } from '../model/money.ts';
import { Problem } from '../model/problem.ts';
import { type Db, present } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, rowsOf, selectRow } from './rows.ts';

interface LedgerRow {
  id: string;
  date: string;
  category: string;
  amount: number;
  currency: string;
  per: CostBasis;
  note: string;
  reverses: string | null;
  who: string;
  created_at: number;
}

function fromRow(r: LedgerRow): LedgerEntry {
  const { id, date, category, currency, per, note, who } = r;
  return {
    ...{ id, date, category, amount: BigInt(r.amount), currency, per, note, who, createdAt: r.created_at },
    ...present({ reverses: r.reverses }),
  };
}

/** @throws Problem where it is too much for a row; a duplicate where what it takes back was taken back already */
export async function insertEntry(trx: Db, { createdAt, amount, ...rest }: LedgerEntry): Promise<void> {
  if (!Number.isSafeInteger(Number(amount)))
    throw new Problem(
      'malformed',
      `${formatAmount(amount, rest.currency)} ${rest.currency} is more than an entry holds: add several in its place.`,
    );
  await insertRows(trx, 'ledger', { ...rest, amount: Number(amount), created_at: createdAt });
}

export async function findEntry(db: Db, id: string): Promise<LedgerEntry | undefined> {
  const r = await selectRow<LedgerRow>(db, 'ledger', { id });
  return r && fromRow(r);
}

/** From one date, before the other: as text, dates are in their order. */
export interface Dates {
  from: string;
  until: string;
}

export async function listEntries(db: Db, dates?: Dates, page?: Page): Promise<LedgerEntry[]> {
  const query = db('ledger');
  if (dates) query.where('date', '>=', dates.from).where('date', '<', dates.until);
  return (await inPages(query, page)).map(fromRow);
}

/** By date. */
export async function entriesOf(db: Db, { from, until }: Dates): Promise<LedgerEntry[]> {
  const sql = 'select * from ledger where date >= ? and date < ? order by date, created_at, id';
  return (await rowsOf<LedgerRow>(db, sql, [from, until])).map(fromRow);
}

export async function oldestEntryDate(db: Db): Promise<string | undefined> {
  return (await rowsOf<{ date: string }>(db, 'select date from ledger order by date limit 1', []))[0]?.date;
}
