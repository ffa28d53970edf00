import type { Ctx } from '../../ctx.ts';
import type { ProfileName } from '../../model/certificate.ts';
import { type Span, weekAt } from '../../model/quarter.ts';
import type { Fact, ReportedRecord, SourceRow } from '../../model/report.ts';
import { seconds } from '../../model/seconds.ts';
import { unrevocableProfiles } from '../../pki/profiles/table.ts';
import { type ReportedCertificate, recordsOf, reportedCertificates } from '../../store/reported.ts';

/** Seconds within which a CRL lists what is revoked, as we promise. */
const promised = 60;

/** Seconds after the quarter in which a CRL is still looked for that lists what was revoked in it. */
const lookAhead = seconds.hour;

export const rowOf = ({ id, at, action, logIndex, subject }: ReportedRecord): SourceRow => ({
  ...{ kind: 'audit', id: String(id), at, action },
  ...(logIndex !== undefined && { logIndex }),
  ...(subject['serial'] !== undefined && { serial: subject['serial'] }),
  ...(subject['member'] !== undefined && { member: subject['member'] }),
});

/** Issued, revoked and given up; a certificate of an account that belongs to nobody is that of the member `none`. */
export async function* certificateFacts({ db, now }: Ctx, { from, until }: Span): AsyncGenerator<Fact[]> {
  const published = await publications(db, { from, until: until + lookAhead });
  for await (const records of recordsOf(db, ['certificate.issued', 'certificate.revoked', 'certificate.abandoned'], from, until)) {
    const known = await reportedCertificates(
      db,
      records.map(r => r.subject['serial'] ?? ''),
    );
    yield records.map(record => {
      const certificate = known.get(record.subject['serial'] ?? '');
      const figures = figuresOf(record, certificate, from);
      if (record.action === 'certificate.revoked' && certificate && isLate(record.at, certificate, published, now()))
        figures.push('crl.late');
      return { figures, by: 1n, row: rowOf(record) };
    });
  }
}

function figuresOf(record: ReportedRecord, certificate: ReportedCertificate | undefined, from: number): string[] {
  const { profile = 'unknown', memberId = 'none', isRenewal = false } = certificate ?? {};
  const week = weekAt(from, record.at);
  const split = (what: string) => [what, `${what}.profile.${profile}`, `${what}.member.${memberId}`, `${what}.week.${week}`];
  if (record.action === 'certificate.issued')
    return [...split('certificates.issued'), ...split(isRenewal ? 'certificates.renewed' : 'certificates.first')];
  if (record.action === 'certificate.abandoned') return ['certificates.abandoned'];
  return [...split('certificates.revoked'), `certificates.revoked.reason.${record.detail['reason']}`];
}

/** When each CRL was published, in order, by its name. */
type Publications = Map<string, number[]>;

/** A complete CRL is shard 0. */
const crlName = (issuer: string, shard: unknown = 0): string => `${issuer}/${shard}`;

async function publications(db: Ctx['db'], { from, until }: { from: number; until: number }): Promise<Publications> {
  const times: Publications = new Map();
  for await (const records of recordsOf(db, ['crl.published'], from, until))
    for (const { at, subject, detail } of records) {
      const name = crlName(subject['issuer'] ?? '', detail['shard']);
      const before = times.get(name);
      if (before) before.push(at);
      else times.set(name, [at]);
    }
  return times;
}

/** Whether the CRL that a certificate names lacked it for too long. Certificates without status (RFC 9608) are in no CRL. */
function isLate(revokedAt: number, { issuerId, shard, profile }: ReportedCertificate, published: Publications, now: number): boolean {
  if (unrevocableProfiles.includes(profile as ProfileName)) return false;
  const times = published.get(crlName(issuerId, shard)) ?? [];
  let low = 0;
  for (let high = times.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < revokedAt) low = middle + 1;
    else high = middle;
  }
  return (times[low] ?? now) > revokedAt + promised;
}

/** What is counted by what was done, one for each record. */
export async function* actFacts({ db }: Ctx, { from, until }: Span): AsyncGenerator<Fact[]> {
  const counted = ['challenge.valid', 'challenge.invalid', 'domain.proved', 'domain.refused', 'domain.revoked', 'crl.published'] as const;
  for await (const records of recordsOf(db, counted, from, until))
    yield records.map(record => ({ figures: actFigures(record), by: 1n, row: rowOf(record) }));
}

function actFigures({ action, detail }: ReportedRecord): string[] {
  switch (action) {
    case 'challenge.valid':
      return ['validations.valid', `validations.valid.method.${detail['type']}`];
    case 'challenge.invalid':
      return [
        'validations.invalid',
        `validations.invalid.method.${detail['type']}`,
        `validations.invalid.outcome.${detail['type']}.${detail['error']}`,
      ];
    case 'domain.proved':
      return ['proofs.made'];
    case 'domain.refused':
      return ['proofs.refused'];
    case 'domain.revoked':
      // Codes on their way, and proofs that had lapsed, are revoked too. Earlier versions did not record which stood.
      return detail['stood'] === false ? [] : ['proofs.revoked'];
    default:
      return ['crl.published'];
  }
}
