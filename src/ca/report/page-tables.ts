import { escapeHtml } from '../../model/html.ts';
import type { Figure, Value } from '../../model/report.ts';

/** A value as people read it: digits in groups of three, a dash for what is not there. */
export function grouped(value: Value, unit: string): string {
  if (value === null) return '–';
  const [, sign = '', whole = '', rest = ''] = /^(-?)(\d+)(.*)$/.exec(String(value)) ?? [];
  const digits = `${sign ? '−' : ''}${whole.replace(/\B(?=(\d{3})+$)/g, ' ')}${rest}`;
  if (unit === 'percent') return `${digits} %`;
  return /^[A-Z]{3}$/.test(unit) ? `${digits} ${unit}` : digits;
}

const cells = ({ value, before, yearBefore, unit }: Pick<Figure, 'value' | 'before' | 'yearBefore' | 'unit'>): string =>
  [value, before, yearBefore].map(v => `<td>${grouped(v, unit)}</td>`).join('');

/** A figure a line. */
export function table(figures: Figure[], quarters: string[]): string {
  const head = `<tr><th></th>${quarters.map(q => `<th scope="col">${q}</th>`).join('')}</tr>`;
  const rows = figures.map(f => `<tr><th scope="row">${escapeHtml(f.label)} <small>${escapeHtml(f.id)}</small></th>${cells(f)}</tr>`);
  return `<table class="figures"><thead>${head}</thead><tbody>${rows.join('')}</tbody></table>`;
}

const headings: Record<string, string> = { first: 'for new names', renewed: 'renewals' };

/** A thing a line, and for each of several figures of it the three quarters. @param known things that have a line though no figure is of them */
export function pivot(figures: Figure[], whats: string[], quarters: string[], known: string[]): string {
  const byId = new Map(figures.map(f => [f.id, f]));
  const [, by = ''] = /^certificates\.\w+\.(\w+)\./.exec(figures[0]?.id ?? '') ?? [];
  const things = [...new Set([...known, ...figures.map(({ id }) => id.split('.').at(-1) ?? '')])].sort();
  const groups = `<tr><th>${by}</th>${whats.map(what => `<th scope="colgroup" colspan="3">${headings[what] ?? what}</th>`).join('')}</tr>`;
  const head = `<tr><th></th>${whats.map(() => quarters.map(q => `<th scope="col">${q}</th>`).join('')).join('')}</tr>`;
  const rows = things.map(thing => {
    const none = { value: 0, before: quarterKnown(figures, 'before'), yearBefore: quarterKnown(figures, 'yearBefore'), unit: 'count' };
    const row = whats.map(what => cells(byId.get(`certificates.${what}.${by}.${thing}`) ?? none));
    return `<tr><th scope="row">${escapeHtml(thing)}</th>${row.join('')}</tr>`;
  });
  return `<table class="pivot"><thead>${groups}${head}</thead><tbody>${rows.join('')}</tbody></table>`;
}

/** Nothing, or nobody knows. */
const quarterKnown = (figures: Figure[], which: 'before' | 'yearBefore'): Value => (figures.some(f => f[which] !== null) ? 0 : null);
