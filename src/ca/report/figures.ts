import { formatAmount, formatPercent, formatShare } from '../../model/money.ts';
import type { Figure, Value } from '../../model/report.ts';

/** Which rows a figure is counted from; `written`: those that operators write. */
export type Source = 'certificates' | 'lifetimes' | 'acts' | 'observations' | 'notices' | 'written';

/** What a figure is: by its id, or by the beginning of its id, and then by what it is of. */
interface Kind {
  id: string;
  section: string;
  source: Source;
  label: string;
  unit?: string;
  /** There is one for each of what follows the id. */
  each?: true;
}

const certificates = { section: 'Certificates', source: 'certificates' } as const;
const members = { section: 'Members and domains', source: 'lifetimes' } as const;
const proofs = { ...members, source: 'acts' } as const;
const validations = { section: 'Validations', source: 'acts' } as const;
const status = { section: 'CRL and OCSP', source: 'observations' } as const;
const notices = { section: 'Notices', source: 'notices' } as const;
const incidents = { section: 'Incidents', source: 'written' } as const;
const costs = { section: 'Costs', source: 'written' } as const;
const byMember = { section: 'Certificates by member', source: 'certificates', each: true } as const;
const byWeek = { section: 'Certificates by week', source: 'certificates', each: true } as const;

/** The only list, in the order in which figures are shown. */
const kinds: Kind[] = [
  { id: 'certificates.issued', label: 'issued', ...certificates },
  { id: 'certificates.first', label: 'issued for names that are new to their holder', ...certificates },
  { id: 'certificates.renewed', label: 'issued as renewals', ...certificates },
  { id: 'certificates.revoked', label: 'revoked', ...certificates },
  { id: 'certificates.abandoned', label: 'given up before they left the CA', ...certificates },
  { id: 'certificates.valid', label: 'valid at the end', ...certificates, source: 'lifetimes' },
  { id: 'certificates.issued.profile.', label: 'issued, profile', each: true, ...certificates },
  { id: 'certificates.first.profile.', label: 'issued for new names, profile', each: true, ...certificates },
  { id: 'certificates.renewed.profile.', label: 'renewed, profile', each: true, ...certificates },
  { id: 'certificates.revoked.profile.', label: 'revoked, profile', each: true, ...certificates },
  { id: 'certificates.revoked.reason.', label: 'revoked, reason', each: true, ...certificates },
  { id: 'members.gained', label: 'members gained', ...members },
  { id: 'members.lost', label: 'members lost', ...members },
  { id: 'members.total', label: 'members at the end', ...members },
  { id: 'domains.gained', label: 'domains gained', ...members },
  { id: 'domains.lost', label: 'domains lost', ...members },
  { id: 'domains.total', label: 'domains at the end', ...members },
  { id: 'proofs.made', label: 'domain proofs made', ...proofs },
  { id: 'proofs.refused', label: 'domain proofs refused: another member holds the domain', ...proofs },
  { id: 'proofs.revoked', label: 'domain proofs revoked while they stood', ...proofs },
  { id: 'validations.valid', label: 'succeeded', ...validations },
  { id: 'validations.invalid', label: 'failed', ...validations },
  { id: 'validations.valid.method.', label: 'succeeded,', each: true, ...validations },
  { id: 'validations.invalid.method.', label: 'failed,', each: true, ...validations },
  { id: 'validations.invalid.outcome.', label: 'failed,', each: true, ...validations },
  { id: 'crl.published', label: 'CRLs published', ...status, source: 'acts' },
  { id: 'crl.late', label: 'revocations that their CRL did not have within a minute', ...status, source: 'certificates' },
  { id: 'crl.asked', label: 'looks at the published CRLs', ...status },
  { id: 'crl.answered', label: 'looks that found them current and well signed', ...status },
  { id: 'crl.availability', label: 'availability of the CRLs', unit: 'percent', ...status },
  { id: 'ocsp.asked', label: 'questions to OCSP', ...status },
  { id: 'ocsp.answered', label: 'questions that were answered well', ...status },
  { id: 'ocsp.availability', label: 'availability of OCSP', unit: 'percent', ...status },
  { id: 'status.unobserved', label: 'minutes in which the CA did not look', unit: 'minutes', ...status },
  { id: 'notices.sent', label: 'sent', ...notices },
  { id: 'notices.failed', label: 'given up, also where a retry succeeded later', ...notices },
  { id: 'notices.sent.kind.', label: 'sent,', each: true, ...notices },
  { id: 'notices.failed.kind.', label: 'given up,', each: true, ...notices },
  { id: 'incidents.noted', label: 'noted', ...incidents },
  { id: 'incidents.noted.severity.', label: 'noted,', each: true, ...incidents },
  { id: 'costs.', label: '', each: true, ...costs },
  { id: 'certificates.issued.week.', label: 'issued, week', ...byWeek },
  { id: 'certificates.renewed.week.', label: 'of these renewals, week', ...byWeek },
  { id: 'certificates.first.week.', label: 'of these for new names, week', ...byWeek },
  { id: 'certificates.revoked.week.', label: 'revoked, week', ...byWeek },
  { id: 'certificates.issued.member.', label: 'issued, member', ...byMember },
  { id: 'certificates.first.member.', label: 'issued for new names, member', ...byMember },
  { id: 'certificates.renewed.member.', label: 'renewed, member', ...byMember },
  { id: 'certificates.revoked.member.', label: 'revoked, member', ...byMember },
];

/** What is said also where it is nothing. */
const always = kinds.filter(kind => !kind.each).map(({ id }) => id);

export type Described = Pick<Figure, 'id' | 'section' | 'label' | 'unit'> & { source: Source; place: number };

/** @returns undefined where no report has such a figure */
export function describe(id: string): Described | undefined {
  const place = kinds.findLastIndex(kind => (kind.each ? id.startsWith(kind.id) && id.length > kind.id.length : id === kind.id));
  const kind = kinds[place];
  if (!kind) return undefined;
  const { section, source, label, unit = 'count' } = kind;
  const rest = id.slice(kind.id.length);
  return kind.id === 'costs.' ? cost(id, rest, place) : { id, section, source, label: kind.each ? `${label} ${rest}` : label, unit, place };
}

function cost(id: string, rest: string, place: number): Described | undefined {
  const [, currency = '', what] = /^([A-Z]{3})(?:\.(fixed|certificate|per-certificate|category\.[a-z0-9-]+))?$/.exec(rest) ?? [];
  if (!currency) return undefined;
  const labels: Record<string, string> = {
    fixed: 'fixed costs',
    certificate: 'costs of each certificate',
    'per-certificate': 'cost per certificate issued',
  };
  const label = what === undefined ? 'all costs' : (labels[what] ?? `costs, ${what.slice('category.'.length)}`);
  return { id, ...costs, label: `${label} (${currency})`, unit: currency, place };
}

/** Figures that are made of others. */
export function partsOf(id: string): string[] {
  const [, service] = /^(crl|ocsp)\.availability$/.exec(id) ?? [];
  if (service) return [`${service}.answered`, `${service}.asked`];
  const [, costs] = /^(costs\.[A-Z]{3})\.per-certificate$/.exec(id) ?? [];
  return costs ? [costs, 'certificates.issued'] : [id];
}

export type Tally = Map<string, bigint>;
export type Values = ReadonlyMap<string, Value>;

/** What was counted, as it is said; what is made of others too. */
export function valuesOf(tally: Tally): Values {
  const at = (id: string) => tally.get(id) ?? 0n;
  const values = new Map<string, Value>();
  for (const id of [...always, ...tally.keys()]) {
    const unit = describe(id)?.unit ?? 'count';
    const [part = '', whole = ''] = partsOf(id);
    if (unit === 'percent') values.set(id, formatPercent(at(part), at(whole)) ?? null);
    else if (!id.startsWith('costs.')) values.set(id, Number(at(id)));
    else {
      values.set(id, formatAmount(at(id), unit));
      if (id === `costs.${unit}`) values.set(`${id}.per-certificate`, formatShare(at(id), at('certificates.issued'), unit) ?? null);
    }
  }
  return values;
}

/** Each figure beside those of the quarters that it is compared with; undefined: there was no such quarter. */
export function compared(values: Values, before: Values | undefined, yearBefore: Values | undefined): Figure[] {
  const ids = new Set([...values.keys(), ...(before?.keys() ?? []), ...(yearBefore?.keys() ?? [])]);
  const described = [...ids].map(id => describe(id)).filter(each => each !== undefined);
  described.sort((a, b) => a.place - b.place || (a.id < b.id ? -1 : 1));
  return described.map(({ place: _, source: __, ...figure }) => {
    const of = (quarter: Values | undefined) => (quarter ? (quarter.get(figure.id) ?? nothing(figure)) : null);
    return { ...figure, value: of(values), before: of(before), yearBefore: of(yearBefore) };
  });
}

/** Of what there was none in a quarter. */
export function nothing({ id, unit }: Pick<Figure, 'id' | 'unit'>): Value {
  if (partsOf(id).length > 1) return null;
  return id.startsWith('costs.') ? formatAmount(0n, unit) : 0;
}
