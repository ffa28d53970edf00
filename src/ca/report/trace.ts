import type { Ctx } from '../../ctx.ts';
import { Problem } from '../../model/problem.ts';
import type { Quarter, Span } from '../../model/quarter.ts';
import type { Fact, SourceRow, Value } from '../../model/report.ts';
import { count, issuedOf, keptSources } from './count.ts';
import { type Described, describe, nothing, partsOf, type Tally, valuesOf } from './figures.ts';
import { checkQuarter, closedReport, soFar } from './report.ts';
import { writtenFacts } from './written.ts';

/** A row that makes a figure, or a part of it, and by how much. */
export interface TracedRow {
  figure: string;
  by: bigint;
  row: SourceRow;
}

export interface Traced extends Pick<Described, 'label' | 'unit'> {
  value: Value;
  rows: TracedRow[];
  /** There are more rows than were asked for. */
  more: boolean;
}

/** A figure with so many of its rows. @throws Problem where there is no such figure */
export async function traceFigure(ctx: Ctx, quarter: Quarter, id: string, limit: number): Promise<Traced> {
  const { label, unit } = described(id);
  const rows: TracedRow[] = [];
  const tally: Tally = new Map();
  let more = false;
  for await (const page of tracedRows(ctx, quarter, id)) {
    for (const { figure, by } of page) tally.set(figure, (tally.get(figure) ?? 0n) + by);
    more ||= page.length > limit - rows.length;
    rows.push(...page.slice(0, limit - rows.length));
  }
  const closed = await closedReport(ctx, quarter);
  const value = closed ? closed.figures.find(f => f.id === id)?.value : valuesOf(tally).get(id);
  return { label, unit, value: value === undefined ? nothing({ id, unit }) : value, rows, more };
}

/** Rows handed over at a time. */
const atOnce = 500;

/** All rows of a figure, in pieces. @throws Problem where there is no such figure */
export async function* tracedRows(ctx: Ctx, quarter: Quarter, id: string): AsyncGenerator<TracedRow[]> {
  await checkQuarter(ctx, quarter);
  described(id);
  const parts = partsOf(id);
  for await (const page of factsOf(ctx, soFar(ctx, quarter), parts)) {
    const rows = page.flatMap(({ figures, by, row }) => figures.filter(f => parts.includes(f)).map(figure => ({ figure, by, row })));
    for (let from = 0; from < rows.length; from += atOnce) yield rows.slice(from, from + atOnce);
  }
}

/** Only what these figures are counted from. */
async function* factsOf(ctx: Ctx, span: Span, figures: string[]): AsyncGenerator<Fact[]> {
  const sources = new Set(figures.map(figure => described(figure).source));
  const written = sources.delete('written');
  // What each certificate costs comes to as much as were issued.
  if (figures.some(figure => figure.startsWith('costs.'))) sources.add('certificates');
  const issued: Tally = new Map();
  for (const [source, facts] of Object.entries(keptSources))
    if (sources.has(source as keyof typeof keptSources))
      for await (const page of facts(ctx, span)) {
        if (written) await count([page], issued);
        yield page;
      }
  if (written) yield await writtenFacts(ctx.db, span, issuedOf(issued));
}

function described(id: string): Described {
  const found = describe(id);
  if (!found) throw new Problem('malformed', `There is no figure "${id}"; the report names them all.`, { status: 404 });
  return found;
}
