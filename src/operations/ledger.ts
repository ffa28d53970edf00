import { z } from 'zod';
import { addCost, costOf, reverseCost } from '../ca/report/ledger.ts';
import { datesOf } from '../ca/report/written.ts';
import { rfc3339 } from '../model/encoding.ts';
import { costBases, type LedgerEntry } from '../model/ledger.ts';
import { formatAmount } from '../model/money.ts';
import { dateAt, spanOf } from '../model/quarter.ts';
import { listEntries } from '../store/ledger.ts';
import { byCreation, listing } from './listing.ts';
import { operation, time } from './operation.ts';
import { quarter } from './report.ts';

/** What an operator writes, on a line; reports are kept, so no names of persons belong there. */
export const words = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^\P{C}*$/u, 'has no control characters');

const shown = z.object({
  id: z.string(),
  date: z.string(),
  category: z.string(),
  amount: z.string(),
  currency: z.string(),
  per: z.enum(costBases),
  note: z.string(),
  reverses: z.string().optional(),
  by: z.string(),
  createdAt: time,
});

const show = ({ id, date, category, amount, currency, per, note, reverses, who, createdAt }: LedgerEntry) => ({
  ...{ id, date, category, amount: formatAmount(amount, currency), currency, per, note },
  ...(reverses !== undefined && { reverses }),
  ...{ by: who, createdAt: rfc3339(createdAt) },
});

export const ledgerOperations = [
  operation({
    name: 'ledger add',
    summary: 'write down what something has cost; entries are never edited, only taken back',
    scope: 'admin',
    http: { method: 'post', path: '/ledger', creates: true },
    input: z.object({
      date: z.iso.date('is a date, such as 2026-10-31').optional().describe('of the cost, in UTC; without: today'),
      category: z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,39}$/, 'is a word of lowercase letters, digits and hyphens, such as hosting')
        .describe('by which costs are added up, such as hosting'),
      amount: z
        .string()
        .max(20)
        .regex(/^-?\d+(\.\d+)?$/, 'is a decimal, such as 12.50')
        .describe('a decimal with a point; negative: money that came back'),
      currency: z
        .string()
        .regex(/^[A-Z]{3}$/, 'is a currency of ISO 4217, such as EUR')
        .describe('of ISO 4217, such as EUR'),
      per: z.enum(costBases).default('fixed').describe('certificate: for each that is issued in the quarter of its date'),
      note: words.describe('what it was for; no names of persons'),
    }),
    output: shown,
    run: async (ctx, { date, ...rest }, actor) => show(await addCost(ctx, { date: date ?? dateAt(ctx.now()), ...rest }, actor)),
  }),
  operation({
    name: 'ledger reverse',
    summary: 'take an entry back, by one more entry',
    scope: 'admin',
    http: { method: 'post', path: '/ledger/{id}/reverse', creates: true },
    positional: ['id'],
    input: z.object({ id: z.string(), note: words.describe('why; no names of persons') }),
    output: shown,
    run: async (ctx, { id, note }, actor) => show(await reverseCost(ctx, await costOf(ctx, id), note, actor)),
  }),
  listing({
    name: 'ledger list',
    summary: 'what was written down as costs',
    scope: 'read',
    http: { method: 'get', path: '/ledger' },
    input: z.object({ quarter: quarter.optional().describe('dated in this quarter only, such as 2026-Q4') }),
    item: shown,
    read: (ctx, { quarter }, page) => listEntries(ctx.db, quarter && datesOf(spanOf(quarter)), page),
    show: (_, entries) => entries.map(show),
    at: byCreation,
  }),
];
