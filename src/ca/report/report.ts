import type { Ctx } from '../../ctx.ts';
import { clock } from '../../model/audit.ts';
import { hex, rfc3339 } from '../../model/encoding.ts';
import { Problem } from '../../model/problem.ts';
import { type Quarter, quarterAt, quartersLater, type Span, spanOf, startOfDate } from '../../model/quarter.ts';
import type { Report } from '../../model/report.ts';
import { seconds } from '../../model/seconds.ts';
import { sha256 } from '../../model/sha256.ts';
import { oldestEntryDate } from '../../store/ledger.ts';
import type { Db } from '../../store/open.ts';
import { firstRecordAt, recordsOf } from '../../store/reported.ts';
import { type ClosedReport, findReport, insertReport, lastClosed, lockAccounts } from '../../store/reports.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { underLease } from '../under-lease.ts';
import { count, countKept, issuedOf } from './count.ts';
import { compared, type Tally, type Values, valuesOf } from './figures.ts';
import { writtenFacts, writtenOf } from './written.ts';

/** A report, and its SHA-256 where it is closed. */
export type Told = Report & { sha256?: string };

/** @throws Problem where the quarter has not begun, or was before the CA */
export async function tellReport(ctx: Ctx, quarter: Quarter): Promise<Told> {
  await checkQuarter(ctx, quarter);
  const closed = await closedReport(ctx, quarter);
  if (closed) return closed;
  const span = soFar(ctx, quarter);
  const tally = await countKept(ctx, span);
  return compose(ctx, ctx.db, { span, kept: tally, others: await othersOf(ctx, quarter), state: 'open' });
}

/** As it was closed; undefined where it is not. */
export async function closedReport({ db }: Ctx, quarter: Quarter): Promise<Told | undefined> {
  const closed = await findReport(db, quarter);
  return closed && { ...(await readClosed(db, closed)), sha256: closed.sha256 };
}

/** Held against the audit log, which nobody rewrites unseen. @throws Error where the text is not the one that was closed */
async function readClosed(db: Db, { quarter, text, sha256, closedAt }: ClosedReport): Promise<Report> {
  const recorded: unknown[] = [];
  for await (const records of recordsOf(db, ['report.closed'], closedAt, closedAt + 1))
    recorded.push(...records.filter(({ subject }) => subject['report'] === quarter).map(({ detail }) => detail['sha256']));
  if (hashOf(text) !== sha256 || !recorded.includes(sha256))
    throw new Error(`the report of ${quarter} is not the one that was closed: it was altered`);
  return JSON.parse(text);
}

const hashOf = (text: string): string => hex(sha256(text));

/** @throws Problem where it has not begun, or was before the CA */
export async function checkQuarter(ctx: Ctx, quarter: Quarter): Promise<void> {
  if (spanOf(quarter).from > ctx.now()) throw new Problem('malformed', `The quarter ${quarter} has not begun.`);
  const first = await firstQuarter(ctx, ctx.db);
  if (quarter < first) throw new Problem('malformed', `There is no report of ${quarter}: the first is that of ${first}.`, { status: 404 });
}

/** In which the CA was made. */
const begunQuarter = async (ctx: Ctx, db: Db): Promise<Quarter> => quarterAt((await firstRecordAt(db)) ?? ctx.now());

/** In which the CA was made, or something was paid for it. */
async function firstQuarter(ctx: Ctx, db: Db): Promise<Quarter> {
  const begun = await begunQuarter(ctx, db);
  const paid = await oldestEntryDate(db);
  const first = paid === undefined ? begun : quarterAt(startOfDate(paid));
  return first < begun ? first : begun;
}

/** Until now, where it goes on. */
export function soFar(ctx: Ctx, quarter: Quarter): Span {
  const span = spanOf(quarter);
  return { ...span, until: Math.min(span.until, ctx.now() + 1) };
}

/** What the quarter is compared with. */
interface Others {
  before: Values | undefined;
  yearBefore: Values | undefined;
}

async function othersOf(ctx: Ctx, quarter: Quarter): Promise<Others> {
  const first = await firstQuarter(ctx, ctx.db);
  const of = async (other: Quarter): Promise<Values | undefined> => {
    if (other < first) return undefined;
    const closed = await closedReport(ctx, other);
    if (closed) return new Map(closed.figures.map(({ id, value }) => [id, value]));
    const span = soFar(ctx, other);
    const tally = await countKept(ctx, span);
    return valuesOf(await count([await writtenFacts(ctx.db, span, issuedOf(tally))], tally));
  };
  return { before: await of(quartersLater(quarter, -1)), yearBefore: await of(quartersLater(quarter, -4)) };
}

/** What a report is made of, but for what operators have written. */
interface Counted {
  span: Span;
  kept: Tally;
  others: Others;
  state: Report['state'];
}

async function compose(ctx: Ctx, db: Db, { span, kept, others, state }: Counted): Promise<Report> {
  const { quarter } = span;
  const issued = issuedOf(kept);
  const tally = await count([await writtenFacts(db, span, issued)], new Map(kept));
  const { from, until } = spanOf(quarter);
  return {
    ...{ quarter, from: rfc3339(from), until: rfc3339(until), state, asOf: rfc3339(ctx.now()) },
    ...{ before: quartersLater(quarter, -1), yearBefore: quartersLater(quarter, -4) },
    figures: compared(valuesOf(tally), others.before, others.yearBefore),
    ...(await writtenOf(db, span, issued)),
  };
}

/** The next to be closed, once it is time. One before the CA waits for the CA's own first: until that is closed, costs may be dated in any before it. */
async function dueQuarter(ctx: Ctx, db: Db): Promise<Quarter | undefined> {
  const last = await lastClosed(db);
  const next = last === undefined ? await firstQuarter(ctx, db) : quartersLater(last, 1);
  const begun = await begunQuarter(ctx, db);
  const { until } = spanOf(next < begun ? begun : next);
  return until + ctx.config.report.closeDays * seconds.day > ctx.now() ? undefined : next;
}

/** Closes each quarter that ended days ago, one after another, by one process of many. What is closed is never counted again. */
export async function closeReports(ctx: Ctx): Promise<void> {
  await underLease(ctx, 'close reports', async held => {
    for (;;) {
      const quarter = await dueQuarter(ctx, ctx.db);
      if (ctx.background.ending.aborted || quarter === undefined) return;
      const span = spanOf(quarter);
      const kept = await countKept(ctx, span);
      const others = await othersOf(ctx, quarter);
      await transact(ctx, clock, async act => {
        const { trx, now: closedAt } = act;
        await held(trx);
        await lockAccounts(trx);
        // Meanwhile something may have been dated in one before it.
        if ((await dueQuarter(ctx, trx)) !== quarter) return;
        const text = JSON.stringify(await compose(ctx, trx, { span, kept, others, state: 'closed' }));
        const sha256 = hashOf(text);
        await insertReport(trx, { quarter, text, sha256, closedAt });
        await record(act, { action: 'report.closed', subject: { report: quarter }, detail: { sha256 } });
      });
    }
  });
}
