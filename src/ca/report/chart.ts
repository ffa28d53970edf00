import { escapeHtml } from '../../model/html.ts';

/** Pictures as SVG: plain shapes with text, that a printer and a screen reader take as well. */

/** Told apart also by those who see fewer colours, and in grey. */
export const colours = ['#0b5394', '#e69f00', '#8fb8de', '#b8b8b8'] as const;

export interface Series {
  name: string;
  values: number[];
}

const width = 400;
const number = (value: number): string => value.toLocaleString('en-US');

function picture(title: string, description: string, height: number, parts: string[]): string {
  const text = `<title>${escapeHtml(title)}</title><desc>${escapeHtml(description)}</desc>`;
  return `<figure><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${text}${parts.join('')}</svg><figcaption>${escapeHtml(title)}</figcaption></figure>`;
}

const rect = (x: number, y: number, w: number, h: number, colour: number, title: string): string =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${Math.max(0, w).toFixed(1)}" height="${Math.max(0, h).toFixed(1)}" fill="${colours[colour % colours.length]}"><title>${escapeHtml(title)}</title></rect>`;

const text = (x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end' = 'start'): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escapeHtml(content)}</text>`;

const legend = (names: string[]): string[] =>
  names.flatMap((name, i) => {
    const x = names.slice(0, i).reduce((sum, n) => sum + 28 + n.length * 7, 0);
    return [rect(x, 2, 10, 10, i, name), text(x + 14, 11, name)];
  });

/** Four steps of a round number that reach as far: counts have no fractions. */
function ceiling(value: number): number {
  const step = Math.max(1, value / 4);
  const unit = 10 ** Math.floor(Math.log10(step));
  return 4 * unit * ([1, 2, 3, 4, 5, 6, 8].find(n => n * unit >= step) ?? 10);
}

/** Columns: one upon the other, or side by side. */
export function columns(title: string, labels: string[], series: Series[], how: 'stacked' | 'beside'): string {
  const height = 210;
  const [left, top, bottom] = [46, 36, height - 22];
  const sums = labels.map((_, i) => series.map(s => s.values[i] ?? 0).reduce((a, b) => (how === 'stacked' ? a + b : Math.max(a, b)), 0));
  const most = ceiling(Math.max(0, ...sums));
  const y = (value: number) => bottom - (value / most) * (bottom - top);
  const grid = [0, most / 4, most / 2, (3 * most) / 4, most].flatMap(value => [
    `<line x1="${left}" x2="${width}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}"/>`,
    text(left - 6, y(value) + 4, number(value), 'end'),
  ]);
  const slot = (width - left) / Math.max(1, labels.length);
  const bars = labels.flatMap((label, i) => {
    const x = left + i * slot;
    let under = 0;
    const drawn = series.map(({ name, values }, s) => {
      const value = values[i] ?? 0;
      const what = `${label}: ${number(value)} ${name}`;
      const share = how === 'stacked' ? slot * 0.7 : (slot * 0.8) / series.length;
      const bar =
        how === 'stacked'
          ? rect(x + slot * 0.15, y(under + value), share, y(under) - y(under + value), s, what)
          : rect(x + slot * 0.1 + s * share, y(value), share - 2, bottom - y(value), s, what);
      const above = how === 'beside' ? text(x + slot * 0.1 + (s + 0.5) * share - 1, y(value) - 3, number(value), 'middle') : '';
      under += value;
      return bar + above;
    });
    return [...drawn, text(x + slot / 2, height - 6, label, 'middle')];
  });
  const told = labels.map((label, i) => `${label}: ${series.map(s => `${s.name} ${number(s.values[i] ?? 0)}`).join(', ')}`).join('; ');
  return picture(title, told, height, [...grid, ...bars, ...legend(series.map(s => s.name))]);
}

/** Lying bars, each with its name before it and what it says behind it; parts of one follow each other. */
export function bars(title: string, items: { label: string; values: number[]; said: string }[], parts: string[] = []): string {
  const top = parts.length ? 24 : 4;
  const row = 24;
  const height = top + Math.max(1, items.length) * row;
  const longest = Math.max(0, ...items.map(({ label }) => label.length));
  const [left, right] = [Math.min(190, 10 + longest * 7.2), width - 92];
  const most = Math.max(1, ...items.map(({ values }) => values.reduce((a, b) => a + b, 0)));
  const drawn = items.flatMap(({ label, values, said }, i) => {
    const y = top + i * row;
    let x = left;
    const shapes = values.map((value, part) => {
      const wide = (Math.max(0, value) / most) * (right - left);
      x += wide;
      return rect(x - wide, y + 4, wide, row - 8, part, `${label}: ${number(value)} ${parts[part] ?? ''}`.trim());
    });
    return [text(left - 6, y + 16, label, 'end'), ...shapes, text(x + 6, y + 16, said)];
  });
  const told = items.map(({ label, said }) => `${label}: ${said}`).join('; ');
  return picture(title, told, height, [...(items.length ? drawn : [text(0, top + 16, 'none')]), ...legend(parts)]);
}
