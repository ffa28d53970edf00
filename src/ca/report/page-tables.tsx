import type { VNode } from 'preact';
import type { Figure, Value } from '../../model/report.ts';

/** A value as people read it: digits in groups of three, a dash for what is not there. */
export function grouped(value: Value, unit: string): string {
  if (value === null) return '–';
  const [, sign = '', whole = '', rest = ''] = /^(-?)(\d+)(.*)$/.exec(String(value)) ?? [];
  const digits = `${sign ? '−' : ''}${whole.replace(/\B(?=(\d{3})+$)/g, ' ')}${rest}`;
  if (unit === 'percent') return `${digits} %`;
  return /^[A-Z]{3}$/.test(unit) ? `${digits} ${unit}` : digits;
}

type Three = Pick<Figure, 'value' | 'before' | 'yearBefore' | 'unit'>;

const Cells = ({ value, before, yearBefore, unit }: Three): VNode => (
  <>
    {[value, before, yearBefore].map(v => (
      <td>{grouped(v, unit)}</td>
    ))}
  </>
);

const Quarters = ({ quarters }: { quarters: string[] }): VNode => (
  <>
    {quarters.map(quarter => (
      <th scope="col">{quarter}</th>
    ))}
  </>
);

interface Props {
  figures: Figure[];
  quarters: string[];
}

/** A figure a line. */
export const FigureTable = ({ figures, quarters }: Props): VNode => (
  <table class="figures">
    <thead>
      <tr>
        <th />
        <Quarters quarters={quarters} />
      </tr>
    </thead>
    <tbody>
      {figures.map(figure => (
        <tr>
          <th scope="row">
            {figure.label} <small>{figure.id}</small>
          </th>
          <Cells {...figure} />
        </tr>
      ))}
    </tbody>
  </table>
);

const headings: Record<string, string> = { first: 'for new names', renewed: 'renewals' };

interface PivotProps extends Props {
  whats: string[];
  /** Things that have a line though no figure is of them. */
  known: string[];
}

/** A thing a line, and for each of several figures of it the three quarters. */
export function PivotTable({ figures, whats, quarters, known }: PivotProps): VNode {
  const byId = new Map(figures.map(f => [f.id, f]));
  const [, by = ''] = /^certificates\.\w+\.(\w+)\./.exec(figures[0]?.id ?? '') ?? [];
  const things = [...new Set([...known, ...figures.map(({ id }) => id.split('.').at(-1) ?? '')])].sort();
  const none: Three = { value: 0, before: quarterKnown(figures, 'before'), yearBefore: quarterKnown(figures, 'yearBefore'), unit: 'count' };
  return (
    <table class="pivot">
      <thead>
        <tr>
          <th>{by}</th>
          {whats.map(what => (
            <th scope="colgroup" colSpan={3}>
              {headings[what] ?? what}
            </th>
          ))}
        </tr>
        <tr>
          <th />
          {whats.map(() => (
            <Quarters quarters={quarters} />
          ))}
        </tr>
      </thead>
      <tbody>
        {things.map(thing => (
          <tr>
            <th scope="row">{thing}</th>
            {whats.map(what => (
              <Cells {...(byId.get(`certificates.${what}.${by}.${thing}`) ?? none)} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Nothing, or nobody knows. */
const quarterKnown = (figures: Figure[], which: 'before' | 'yearBefore'): Value => (figures.some(f => f[which] !== null) ? 0 : null);
