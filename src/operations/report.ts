import { z } from 'zod';
import { reportCsv, reportText } from '../ca/report/as-text-and-csv.ts';
import { reportPage } from '../ca/report/page.tsx';
import { tellReport } from '../ca/report/report.ts';
import { type TracedRow, tracedRows, traceFigure } from '../ca/report/trace.ts';
import { auditActions } from '../model/audit.ts';
import { csvLine } from '../model/csv.ts';
import { rfc3339 } from '../model/encoding.ts';
import { formatAmount } from '../model/money.ts';
import { type Quarter, quarterPattern } from '../model/quarter.ts';
import type { Report } from '../model/report.ts';
import { listReports } from '../store/reports.ts';
import { listing } from './listing.ts';
import { operation, time } from './operation.ts';

export const quarter = z
  .string()
  .regex(quarterPattern, 'is a quarter, such as 2026-Q4')
  .transform(text => text as Quarter);

const quarterShown = z.templateLiteral([z.number(), '-Q', z.number()]);

const value = z.union([z.number(), z.string(), z.null()]).describe('a count, or a decimal; null: there is nothing to tell');

/** Members that a later version adds to it are told of a closed one as little as they were then. */
const report = z.looseObject({
  quarter: quarterShown,
  from: time,
  until: time.describe('the first second after it'),
  state: z.enum(['open', 'closed']),
  asOf: time.describe('when it was counted'),
  before: quarterShown,
  yearBefore: quarterShown,
  figures: z.array(
    z.object({ id: z.string(), section: z.string(), label: z.string(), unit: z.string(), value, before: value, yearBefore: value }),
  ),
  account: z.array(
    z.object({
      ...{ id: z.string(), date: z.string(), category: z.string(), per: z.string(), amount: z.string(), currency: z.string() },
      certificates: z.number().optional(),
      ...{ total: z.string(), note: z.string(), reverses: z.string().optional() },
    }),
  ),
  incidents: z.array(z.object({ id: z.string(), at: time, severity: z.string(), what: z.string() })),
  sha256: z.string().optional().describe('of a closed one: over this JSON without this last member'),
});

const source = z.object({
  figure: z.string(),
  by: z.string().describe('how much it adds to the figure'),
  kind: z.enum(['audit', 'certificate', 'proof', 'ledger', 'incident', 'observation', 'notices']),
  id: z.string(),
  at: time.optional(),
  logIndex: z.number().optional().describe('place in the audit log'),
  action: z.enum(auditActions).optional(),
  serial: z.string().optional(),
  member: z.string().optional(),
  note: z.string().optional(),
});

const traced = z.object({
  ...{ quarter: quarterShown, figure: z.string(), label: z.string(), unit: z.string(), value },
  rows: z.array(source),
  more: z.boolean().describe('whether there are more rows than these'),
});

const columns = Object.keys(source.shape);

const isMoney = (figure: string): boolean => figure.startsWith('costs.');

const showRow = ({ figure, by, row: { at, ...row } }: TracedRow): z.input<typeof source> => ({
  figure,
  by: isMoney(figure) ? formatAmount(by, figure.slice('costs.'.length).slice(0, 3)) : String(by),
  ...row,
  ...(at !== undefined && { at: rfc3339(at) }),
});

function rowsText({ label, unit, value, rows, more }: z.output<typeof traced>): string {
  const lines = rows.map(({ figure: _, ...row }) => `${Object.values(row).filter(Boolean).join('  ')}\n`);
  return `${label}: ${value ?? 'nothing to tell'}${unit === 'count' ? '' : ` ${unit}`}${more ? `, of which the first ${rows.length} rows` : ''}\n${lines.join('')}`;
}

export const reportOperations = [
  operation({
    name: 'report show',
    isDefault: true,
    summary: 'the report of a quarter to the board: of one that goes on, as it stands; of a closed one, as it was closed',
    scope: 'read',
    http: { method: 'get', path: '/reports/{quarter}' },
    positional: ['quarter'],
    input: z.object({ quarter }),
    output: report,
    formats: {
      text: { type: 'text/plain', write: told => reportText(told as Report) },
      csv: { type: 'text/csv', write: told => reportCsv(told as Report) },
      html: { type: 'text/html', write: told => reportPage(told as Report) },
    },
    run: async (ctx, { quarter }) => ({ ...(await tellReport(ctx, quarter)) }),
    remark: (_, { state, quarter }) => (state === 'open' ? `the quarter ${quarter} is not closed: its numbers may change` : undefined),
  }),
  operation({
    name: 'report trace',
    summary: 'the rows that make a figure of a report',
    scope: 'read',
    http: { method: 'get', path: '/reports/{quarter}/figures/{figure}' },
    positional: ['quarter', 'figure'],
    input: z.object({
      quarter,
      figure: z.string().max(200).describe('its id, as the report says it'),
      limit: z
        .number()
        .int()
        .min(1)
        .max(100_000)
        .optional()
        .describe('at most so many rows; 1000 unless said; of the admin API, as NDJSON or CSV, all of them unless said'),
    }),
    output: traced,
    formats: {
      text: { type: 'text/plain', write: rowsText },
      csv: {
        type: 'text/csv',
        write: ({ rows }) => [columns, ...rows.map(row => columns.map(c => row[c as keyof typeof row]))].map(csvLine).join(''),
      },
    },
    async run(ctx, { quarter, figure, limit = 1000 }) {
      const { rows, ...told } = await traceFigure(ctx, quarter, figure, limit);
      return { quarter, figure, ...told, rows: rows.map(showRow) };
    },
    remark: (_, { rows, more }) => (more ? `there are more than these ${rows.length} rows; --limit shows more` : undefined),
    columns,
    async *rows(ctx, { quarter, figure, limit = Number.POSITIVE_INFINITY }) {
      let left = limit;
      for await (const page of tracedRows(ctx, quarter, figure)) {
        yield page.slice(0, left).map(showRow);
        left -= page.length;
        if (left <= 0) return;
      }
    },
  }),
  listing({
    name: 'report list',
    summary: 'the reports that are closed',
    scope: 'read',
    http: { method: 'get', path: '/reports' },
    input: z.object({}),
    item: z.object({ quarter: quarterShown, closedAt: time, sha256: z.string() }),
    read: (ctx, _, page) => listReports(ctx.db, page),
    show: (_, reports) => reports.map(({ quarter, closedAt, sha256 }) => ({ quarter, closedAt: rfc3339(closedAt), sha256 })),
    at: ({ closedAt, quarter }) => ({ at: closedAt, id: quarter }),
  }),
];
