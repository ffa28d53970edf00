import type { ComponentChildren, VNode } from 'preact';

/** Pictures as SVG: plain shapes with text, that a printer and a screen reader take as well. */

/** Told apart also by those who see fewer colours, and in grey. */
export const colours = ['#0b5394', '#e69f00', '#8fb8de', '#b8b8b8'] as const;

export interface Series {
  name: string;
  values: number[];
}

const width = 400;
const number = (value: number): string => value.toLocaleString('en-US');

interface PictureProps {
  title: string;
  description: string;
  height: number;
  children: ComponentChildren;
}

const Picture = ({ title, description, height, children }: PictureProps): VNode => (
  <figure>
    <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={title}>
      <title>{title}</title>
      <desc>{description}</desc>
      {children}
    </svg>
    <figcaption>{title}</figcaption>
  </figure>
);

interface RectProps {
  x: number;
  y: number;
  width: number;
  height: number;
  /** Which of the colours; they begin again after the last. */
  colour: number;
  title: string;
}

const Rect = ({ x, y, width, height, colour, title }: RectProps): VNode => (
  <rect
    x={x.toFixed(1)}
    y={y.toFixed(1)}
    width={Math.max(0, width).toFixed(1)}
    height={Math.max(0, height).toFixed(1)}
    fill={colours[colour % colours.length] ?? colours[0]}
  >
    <title>{title}</title>
  </rect>
);

interface TextProps {
  x: number;
  y: number;
  anchor?: 'start' | 'middle' | 'end';
  children: string;
}

const Text = ({ x, y, anchor = 'start', children }: TextProps): VNode => (
  <text x={x.toFixed(1)} y={y.toFixed(1)} text-anchor={anchor}>
    {children}
  </text>
);

const Legend = ({ names }: { names: string[] }): VNode => (
  <>
    {names.map((name, i) => {
      const x = names.slice(0, i).reduce((sum, n) => sum + 28 + n.length * 7, 0);
      return (
        <>
          <Rect x={x} y={2} width={10} height={10} colour={i} title={name} />
          <Text x={x + 14} y={11}>
            {name}
          </Text>
        </>
      );
    })}
  </>
);

/** Four steps of a round number that reach as far: counts have no fractions. */
function ceiling(value: number): number {
  const step = Math.max(1, value / 4);
  const unit = 10 ** Math.floor(Math.log10(step));
  return 4 * unit * ([1, 2, 3, 4, 5, 6, 8].find(n => n * unit >= step) ?? 10);
}

interface ColumnsProps {
  title: string;
  labels: string[];
  series: Series[];
  /** One upon the other, or side by side. */
  how: 'stacked' | 'beside';
}

const columnsHeight = 210;
const [left, top, bottom] = [46, 36, columnsHeight - 22];

export function Columns({ title, labels, series, how }: ColumnsProps): VNode {
  const sums = labels.map((_, i) => series.map(s => s.values[i] ?? 0).reduce((a, b) => (how === 'stacked' ? a + b : Math.max(a, b)), 0));
  const most = ceiling(Math.max(0, ...sums));
  const y = (value: number) => bottom - (value / most) * (bottom - top);
  const slot = (width - left) / Math.max(1, labels.length);
  const Column = how === 'stacked' ? StackedColumn : ColumnsBeside;
  const told = labels.map((label, i) => `${label}: ${series.map(s => `${s.name} ${number(s.values[i] ?? 0)}`).join(', ')}`).join('; ');
  return (
    <Picture title={title} description={told} height={columnsHeight}>
      {[0, most / 4, most / 2, (3 * most) / 4, most].map(value => (
        <>
          <line x1={left} x2={width} y1={y(value).toFixed(1)} y2={y(value).toFixed(1)} />
          <Text x={left - 6} y={y(value) + 4} anchor="end">
            {number(value)}
          </Text>
        </>
      ))}
      {labels.map((label, i) => {
        const parts = series.map(({ name, values }) => ({ value: values[i] ?? 0, what: `${label}: ${number(values[i] ?? 0)} ${name}` }));
        const x = left + i * slot;
        return (
          <>
            <Column x={x} slot={slot} y={y} parts={parts} />
            <Text x={x + slot / 2} y={columnsHeight - 6} anchor="middle">
              {label}
            </Text>
          </>
        );
      })}
      <Legend names={series.map(s => s.name)} />
    </Picture>
  );
}

interface ColumnProps {
  x: number;
  slot: number;
  y(value: number): number;
  parts: { value: number; what: string }[];
}

function StackedColumn({ x, slot, y, parts }: ColumnProps): VNode {
  let under = 0;
  return (
    <>
      {parts.map(({ value, what }, s) => {
        const from = y(under);
        under += value;
        return <Rect x={x + slot * 0.15} y={y(under)} width={slot * 0.7} height={from - y(under)} colour={s} title={what} />;
      })}
    </>
  );
}

function ColumnsBeside({ x, slot, y, parts }: ColumnProps): VNode {
  const share = (slot * 0.8) / parts.length;
  return (
    <>
      {parts.map(({ value, what }, s) => (
        <>
          <Rect x={x + slot * 0.1 + s * share} y={y(value)} width={share - 2} height={bottom - y(value)} colour={s} title={what} />
          <Text x={x + slot * 0.1 + (s + 0.5) * share - 1} y={y(value) - 3} anchor="middle">
            {number(value)}
          </Text>
        </>
      ))}
    </>
  );
}

interface BarsProps {
  title: string;
  items: { label: string; values: number[]; said: string }[];
  /** Names of the values, where there are several. */
  parts?: string[];
}

const row = 24;

/** Lying bars, each with its name before it and what it says behind it; parts of one follow each other. */
export function Bars({ title, items, parts = [] }: BarsProps): VNode {
  const top = parts.length ? 24 : 4;
  const longest = Math.max(0, ...items.map(({ label }) => label.length));
  const [left, right] = [Math.min(190, 10 + longest * 7.2), width - 92];
  const most = Math.max(1, ...items.map(({ values }) => values.reduce((a, b) => a + b, 0)));
  const told = items.map(({ label, said }) => `${label}: ${said}`).join('; ');
  return (
    <Picture title={title} description={told} height={top + Math.max(1, items.length) * row}>
      {items.length === 0 && (
        <Text x={0} y={top + 16}>
          none
        </Text>
      )}
      {items.map(({ label, values, said }, i) => {
        const y = top + i * row;
        const widths = values.map(value => (Math.max(0, value) / most) * (right - left));
        const ends = widths.map((_, part) => left + widths.slice(0, part + 1).reduce((a, b) => a + b, 0));
        return (
          <>
            <Text x={left - 6} y={y + 16} anchor="end">
              {label}
            </Text>
            {values.map((value, part) => (
              <Rect
                x={(ends[part] ?? 0) - (widths[part] ?? 0)}
                y={y + 4}
                width={widths[part] ?? 0}
                height={row - 8}
                colour={part}
                title={`${label}: ${number(value)} ${parts[part] ?? ''}`.trim()}
              />
            ))}
            <Text x={(ends.at(-1) ?? left) + 6} y={y + 16}>
              {said}
            </Text>
          </>
        );
      })}
      <Legend names={parts} />
    </Picture>
  );
}
