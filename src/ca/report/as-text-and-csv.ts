import { csvLine } from '../../model/csv.ts';
import type { Report, Value } from '../../model/report.ts';

/** The report as rows: its figures, then the lines of the account, then incidents. One table, so that a spreadsheet reads it as it is. */
export function reportCsv({ quarter, before, yearBefore, figures, account, incidents }: Report): string {
  const lines = figures.map(f => [f.section, f.id, f.label, f.unit, f.value, f.before, f.yearBefore]);
  const entries = account.map(({ id, date, category, per, amount, currency, total, note }) => [
    ...[
      'Account',
      `ledger.${id}`,
      `${date} ${category}, ${amount} ${per === 'fixed' ? 'fixed' : 'for each certificate'}: ${note}`,
      currency,
    ],
    ...[total, null, null],
  ]);
  const noted = incidents.map(({ id, at, severity, what }) => [
    'Incidents',
    `incident.${id}`,
    `${at} ${what}`,
    'severity',
    severity,
    null,
    null,
  ]);
  const head = ['section', 'id', 'label', 'unit', quarter, before, yearBefore];
  return [head, ...lines, ...entries, ...noted].map(csvLine).join('');
}

/** For a terminal. */
export function reportText(report: Report): string {
  const { quarter, before, yearBefore, state, asOf, figures, account, incidents } = report;
  const groups = new Map<string, string[][]>();
  for (const { section, label, unit, value, before, yearBefore } of figures)
    groups.set(section, [...(groups.get(section) ?? []), [label, ...[value, before, yearBefore].map(v => said(v, unit))]]);
  const tables = [...groups].map(([section, rows]) => table([[section, quarter, before, yearBefore], ...rows]));
  const lines = account.map(({ id, date, category, per, amount, currency, certificates, total, note }) => {
    const basis = per === 'fixed' ? '' : `${amount} x ${certificates} = `;
    return `${date}  ${id}  ${category}  ${basis}${total} ${currency}  ${note}\n`;
  });
  const noted = incidents.map(({ id, at, severity, what }) => `${at}  ${id}  ${severity}  ${what}\n`);
  return [
    `${quarter}, ${state === 'closed' ? 'closed' : 'as it stands'} at ${asOf}\n`,
    ...tables,
    ...(lines.length ? [`Account\n${lines.join('')}`] : []),
    ...(noted.length ? [`Incidents\n${noted.join('')}`] : []),
  ].join('\n');
}

/** Nothing to tell is a dash. */
export const said = (value: Value, unit: string): string => (value === null ? '-' : unit === 'percent' ? `${value} %` : String(value));

function table(rows: string[][]): string {
  const widths = [0, 1, 2, 3].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return rows
    .map(row => `${row.map((cell, column) => (column ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[0] ?? 0))).join('  ')}\n`)
    .join('');
}
