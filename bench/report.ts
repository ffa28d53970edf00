import type { HttpMeasurement } from './http-load.ts';
import { steps } from './issuance.ts';
import type { Measurement } from './measure.ts';

const budget = 3;

/** The value that a share of the ascending list does not exceed. */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(Math.ceil(ascending.length * share) - 1, 0)] ?? 0;
}

/** The details of one run: what it made of each kind of request, and what failed. */
export function details({ name, steps: times, failures, clientBusy, latencies, lost }: Measurement): string {
  const issued = Math.max(latencies.length, 1);
  const parts = steps.flatMap(step => {
    const list = times[step];
    return list ? [`${step} ${(list.length / issued).toFixed(1)} × ${percentile(list, 0.5).toFixed(1)}`] : [];
  });
  const lines = [`${name}: requests for each certificate × median ms: ${parts.join(', ')}; client busy ${(clientBusy * 100).toFixed(0)} %`];
  if (clientBusy > 0.9) lines.push('  the client was the bottleneck: certificates/s and latencies are its own');
  if (lost > 0) lines.push(`  ${lost} datagrams were dropped: DNS queries that the server had to repeat after a pause`);
  for (const [failure, times] of [...count(failures)].slice(0, 10)) lines.push(`  ${times} failed: ${failure.slice(0, 500)}`);
  return lines.join('\n');
}

function count(failures: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const failure of failures) {
    // The same but for the name, an identifier or the time is the same.
    const kind = failure.replace(/x[0-9a-f]{16}/g, 'x…').replace(/after [\d.]+ s/, 'after … s');
    found.set(kind, (found.get(kind) ?? 0) + 1);
  }
  return found;
}

/** In Markdown. */
export function table(measurements: readonly Measurement[]): string {
  const head = [
    '',
    'clients',
    'issued',
    'failed',
    'certificates/s',
    'p50 ms',
    'p95 ms',
    'p99 ms',
    'max ms',
    'server CPU ms each',
    'best round',
    'PostgreSQL CPU ms each',
  ];
  const rows = measurements.map(m => {
    const latency = (share: number) => percentile(m.latencies, share).toFixed(0);
    return [
      m.name,
      String(m.clients),
      String(m.latencies.length),
      String(m.failures.length),
      (m.latencies.length / m.seconds).toFixed(1),
      ...[0.5, 0.95, 0.99, 1].map(latency),
      m.cpu.server.toFixed(1),
      m.best.server.toFixed(1),
      m.cpu.database?.toFixed(1) ?? '',
    ];
  });
  return lines(head, rows);
}

/** Answers over plain HTTP, each beside a yardstick. */
export function httpTable(measurements: readonly HttpMeasurement[], yardstick: string): string {
  const bare = measurements.find(m => m.name === yardstick);
  const head = [
    '',
    'answered',
    'failed',
    'requests/s',
    'of bare',
    'p50 ms',
    'p99 ms',
    'server CPU µs each',
    'of bare',
    'a core could/s',
    'client busy',
  ];
  const rows = measurements.map(m => [
    m.name,
    String(m.latencies.length),
    String(m.failures.length),
    m.perSecond.toFixed(0),
    bare ? `${((m.perSecond / bare.perSecond) * 100).toFixed(0)} %` : '',
    percentile(m.latencies, 0.5).toFixed(2),
    percentile(m.latencies, 0.99).toFixed(2),
    m.microseconds.toFixed(0),
    bare ? ratio(m.microseconds, bare.microseconds) : '',
    (1e6 / m.microseconds).toFixed(0),
    `${(m.clientBusy * 100).toFixed(0)} %`,
  ]);
  return lines(head, rows);
}

/** A table in Markdown, the first column to the left. */
export function lines(head: string[], rows: string[][]): string {
  const widths = head.map((title, i) => Math.max(...[head, ...rows].map(r => r[i]?.length ?? 0), title.length));
  const line = (cells: string[]) =>
    `| ${cells.map((c, i) => (i === 0 ? c.padEnd(widths[i] ?? 0) : c.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((w, i) => (i === 0 ? '-'.repeat(w + 2) : `${'-'.repeat(w + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Ours by pebble's, server CPU for each certificate. */
export function ratios(ours: readonly Measurement[], pebble: Measurement): string {
  return ours
    .map(m => {
      const all = ratio(m.cpu.server, pebble.cpu.server);
      const best = ratio(m.best.server, pebble.best.server);
      const { database } = m.cpu;
      const more = database === undefined ? '' : `; ${ratio(m.cpu.server + database, pebble.cpu.server)} with PostgreSQL's own`;
      return `server CPU for each certificate, ${m.name} / pebble, ${m.clients} clients: ${all} (budget: at most ${budget}); best rounds ${best}${more}`;
    })
    .join('\n');
}

const ratio = (ours: number, theirs: number): string => (ours / theirs).toFixed(2);
