import type { Ctx } from '../../ctx.ts';
import { registrableDomain } from '../../model/identifier.ts';
import type { Span } from '../../model/quarter.ts';
import type { Fact, ReportedRecord, SourceRow } from '../../model/report.ts';
import { lifetimes, proofLifetimes, standingRecords } from '../../store/reported.ts';
import { rowOf } from './certificates.ts';

/** Who belongs to the federation, and which domains are held, at the beginning of the quarter and at its end. */
export async function* lifetimeFacts(ctx: Ctx, span: Span): AsyncGenerator<Fact[]> {
  const { facts, atStart, atEnd, proofEnds } = await memberships(ctx, span);
  yield facts;
  const holdings = { start: new Map<string, SourceRow>(), end: new Map<string, SourceRow>() };
  const hold = (member: string, domain: string, row: SourceRow, { from, until }: { from: number; until: number }) => {
    const key = `${member} ${domain}`;
    if (atStart.has(member) && from < span.from && until >= span.from && !holdings.start.has(key)) holdings.start.set(key, row);
    if (atEnd.has(member) && from < span.until && until >= span.until && !holdings.end.has(key)) holdings.end.set(key, row);
  };
  for (const { id, memberId, domain, from, until } of await proofLifetimes(ctx.db, span.from, span.until)) {
    const row: SourceRow = { kind: 'proof', id, at: from, member: memberId };
    hold(memberId, registrableDomain(domain), row, { from, until: Math.min(until, (proofEnds.get(id) ?? Number.POSITIVE_INFINITY) - 1) });
  }
  for await (const page of lifetimes(ctx.db, span.from, span.until)) {
    const valid: Fact[] = [];
    for (const { serial, memberId, names, from, until } of page) {
      const row: SourceRow = { kind: 'certificate', id: serial, at: from, serial, ...(memberId !== undefined && { member: memberId }) };
      if (until >= span.until) valid.push({ figures: ['certificates.valid'], by: 1n, row });
      if (memberId !== undefined)
        for (const domain of new Set(names.map(name => registrableDomain(name.replace(/^\*\./, '')))))
          hold(memberId, domain, row, { from, until });
    }
    yield valid;
  }
  yield [...holdings.end].map(([key, row]) => ({
    figures: ['domains.total', ...(holdings.start.has(key) ? [] : ['domains.gained'])],
    by: 1n,
    row,
  }));
  yield [...holdings.start].filter(([key]) => !holdings.end.has(key)).map(([, row]) => ({ figures: ['domains.lost'], by: 1n, row }));
}

interface Memberships {
  facts: Fact[];
  atStart: ReadonlySet<string>;
  atEnd: ReadonlySet<string>;
  /** When proofs were revoked. */
  proofEnds: ReadonlyMap<string, number>;
}

/** A member that is suspended is one still; one that had left and comes back is gained once more. */
async function memberships({ db }: Ctx, { from, until }: Span): Promise<Memberships> {
  const members = new Map<string, ReportedRecord>();
  const proofEnds = new Map<string, number>();
  const facts: Fact[] = [];
  let atStart: Set<string> | undefined;
  for await (const records of standingRecords(db, until))
    for (const record of records) {
      const { action, at, subject } = record;
      const { member = '', proof = '' } = subject;
      if (at >= from) atStart ??= new Set(members.keys());
      if (action === 'domain.revoked') proofEnds.set(proof, at);
      else if ((action === 'member.left') === members.has(member)) {
        if (at >= from) facts.push({ figures: [action === 'member.left' ? 'members.lost' : 'members.gained'], by: 1n, row: rowOf(record) });
        if (action === 'member.left') members.delete(member);
        else members.set(member, record);
      }
    }
  for (const record of members.values()) facts.push({ figures: ['members.total'], by: 1n, row: rowOf(record) });
  return { facts, atStart: atStart ?? new Set(members.keys()), atEnd: new Set(members.keys()), proofEnds };
}
