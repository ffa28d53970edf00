import type { Ctx } from '../../ctx.ts';
import type { Span } from '../../model/quarter.ts';
import type { Fact } from '../../model/report.ts';
import { actFacts, certificateFacts } from './certificates.ts';
import type { Source, Tally } from './figures.ts';
import { lifetimeFacts } from './lifetimes.ts';
import { noticeFacts, observationFacts } from './services.ts';

/** All rows but those that operators write: none of them changes any more when its quarter is over. */
export const keptSources: Record<Exclude<Source, 'written'>, (ctx: Ctx, span: Span) => AsyncIterable<Fact[]>> = {
  certificates: certificateFacts,
  lifetimes: lifetimeFacts,
  acts: actFacts,
  observations: observationFacts,
  notices: noticeFacts,
};

export async function countKept(ctx: Ctx, span: Span): Promise<Tally> {
  const tally: Tally = new Map();
  for (const facts of Object.values(keptSources)) await count(facts(ctx, span), tally);
  return tally;
}

export async function count(facts: AsyncIterable<Fact[]> | Fact[][], tally: Tally): Promise<Tally> {
  for await (const page of facts)
    for (const { figures, by } of page) for (const figure of figures) tally.set(figure, (tally.get(figure) ?? 0n) + by);
  return tally;
}

export const issuedOf = (tally: Tally): bigint => tally.get('certificates.issued') ?? 0n;
