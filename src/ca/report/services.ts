import type { Ctx } from '../../ctx.ts';
import type { Span } from '../../model/quarter.ts';
import type { Fact } from '../../model/report.ts';
import { seconds } from '../../model/seconds.ts';
import { noticeCounts } from '../../store/notice-counts.ts';
import { observations } from '../../store/observations.ts';
import { firstRecordAt } from '../../store/reported.ts';

/** What the CA saw of its own CRLs and OCSP, minute after minute. It does not look while no server runs: these minutes are counted as such. */
export async function* observationFacts({ db }: Ctx, { from, until }: Span): AsyncGenerator<Fact[]> {
  const seen = await observations(db, from, until);
  const begun = Math.max(from, (await firstRecordAt(db)) ?? until);
  const facts = seen.flatMap(({ hour, service, asked, answered, lastFailure }): Fact[] => {
    const row = {
      kind: 'observation',
      id: `${service}-${hour}`,
      at: hour,
      ...(lastFailure !== undefined && { note: lastFailure }),
    } as const;
    return [
      { figures: [`${service}.asked`], by: BigInt(asked), row },
      { figures: [`${service}.answered`], by: BigInt(answered), row },
    ];
  });
  // Hour by hour, those of which nothing is known too.
  const asked = new Map(seen.filter(({ service }) => service === 'ocsp').map(o => [o.hour, o.asked]));
  for (let at = begun - (begun % seconds.hour); at < until; at += seconds.hour) {
    const minutes = Math.floor((Math.min(until, at + seconds.hour) - Math.max(begun, at)) / seconds.minute);
    const missed = minutes - (asked.get(at) ?? 0);
    if (missed > 0) facts.push({ figures: ['status.unobserved'], by: BigInt(missed), row: { kind: 'observation', id: `ocsp-${at}`, at } });
  }
  yield facts;
}

/** What became of messages, by the day. */
export async function* noticeFacts({ db }: Ctx, { from, until }: Span): AsyncGenerator<Fact[]> {
  yield (await noticeCounts(db, from, until)).map(({ day, kind, outcome, notices }) => ({
    figures: [`notices.${outcome}`, `notices.${outcome}.kind.${kind}`],
    by: BigInt(notices),
    row: { kind: 'notices', id: `${kind}-${outcome}-${day}`, at: day },
  }));
}
