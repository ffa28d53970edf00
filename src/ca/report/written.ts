import { rfc3339 } from '../../model/encoding.ts';
import type { LedgerEntry } from '../../model/ledger.ts';
import { formatAmount } from '../../model/money.ts';
import { dateAt, type Span, startOfDate } from '../../model/quarter.ts';
import type { AccountLine, Fact, Report } from '../../model/report.ts';
import { seconds } from '../../model/seconds.ts';
import { listIncidents } from '../../store/incidents.ts';
import { entriesOf } from '../../store/ledger.ts';
import type { Db } from '../../store/open.ts';

/** What an entry comes to in a quarter in which so many certificates were issued. */
export const totalOf = ({ per, amount }: LedgerEntry, issued: bigint): bigint => (per === 'certificate' ? amount * issued : amount);

/** The dates of a quarter; an open one's too. */
export const datesOf = ({ from, until }: Pick<Span, 'from' | 'until'>): { from: string; until: string } => ({
  from: dateAt(from),
  until: dateAt(until - 1 + seconds.day),
});

/** What operators have written down: costs and incidents. */
export async function writtenFacts(db: Db, span: Span, issued: bigint): Promise<Fact[]> {
  const costs = (await entriesOf(db, datesOf(span))).map((entry): Fact => {
    const { id, currency, category, per, date, note } = entry;
    const all = `costs.${currency}`;
    return {
      figures: [all, `${all}.${per}`, `${all}.category.${category}`],
      by: totalOf(entry, issued),
      row: { kind: 'ledger', id, at: startOfDate(date), note },
    };
  });
  const incidents = (await listIncidents(db, span)).map(
    ({ id, at, severity, what }): Fact => ({
      figures: ['incidents.noted', `incidents.noted.severity.${severity}`],
      by: 1n,
      row: { kind: 'incident', id, at, note: what },
    }),
  );
  return [...costs, ...incidents];
}

/** The full account, and the incidents, as the report tells them. */
export async function writtenOf(db: Db, span: Span, issued: bigint): Promise<Pick<Report, 'account' | 'incidents'>> {
  return {
    account: (await entriesOf(db, datesOf(span))).map(entry => lineOf(entry, issued)),
    incidents: (await listIncidents(db, span)).map(({ id, at, severity, what }) => ({ id, at: rfc3339(at), severity, what })),
  };
}

function lineOf(entry: LedgerEntry, issued: bigint): AccountLine {
  const { id, date, category, per, amount, currency, note, reverses } = entry;
  return {
    ...{ id, date, category, per, amount: formatAmount(amount, currency), currency },
    ...(per === 'certificate' && { certificates: Number(issued) }),
    ...{ total: formatAmount(totalOf(entry, issued), currency), note },
    ...(reverses !== undefined && { reverses }),
  };
}
