import { escapeHtml } from '../../model/html.ts';
import { weeksOf } from '../../model/quarter.ts';
import type { Figure, Report, Value } from '../../model/report.ts';
import { bars, columns } from './chart.ts';
import { grouped, pivot, table } from './page-tables.ts';
import { style } from './style.ts';

/** The report as one page: nothing is loaded for it, and it prints on A4. */
export function reportPage(report: Report & { sha256?: string }): string {
  const { quarter, from, until, state, asOf, sha256 } = report;
  const standing =
    state === 'closed'
      ? `Closed at ${asOf}: these numbers never change.`
      : `The quarter as it stands at ${asOf}. It is not closed; its numbers go on changing.`;
  const seal = sha256 === undefined ? '' : `<p>SHA-256 of the closed report, as the audit log has it: <code>${sha256}</code></p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Certificate authority, report ${quarter}</title>
<style>${style}</style>
</head>
<body>
<header><h1>Certificate authority of the federation <span>Report to the board, ${quarter}</span></h1>
<p>${from.slice(0, 10)} to ${lastDay(until)}, UTC. ${escapeHtml(standing)}</p></header>
<main>
${tiles(report)}
<section class="pictures">${pictures(report).join('\n')}</section>
${sections(report).join('\n')}
</main>
<footer>${seal}<p>Members are told by their ids: names may be erased, reports may not. The rows behind a figure, by the id in small print beside it: <code>xmpp-ca report trace ${quarter} ID</code></p></footer>
</body>
</html>
`;
}

const lastDay = (until: string): string => new Date(Date.parse(until) - 1000).toISOString().slice(0, 10);

const find = ({ figures }: Report, id: string): Figure | undefined => figures.find(f => f.id === id);
const among = ({ figures }: Report, prefix: string): Figure[] => figures.filter(f => f.id.startsWith(prefix));
const numeric = (value: Value): number => Number(value ?? 0);

function tiles(report: Report): string {
  const perCertificate = report.figures.filter(({ id }) => id.endsWith('.per-certificate')).map(({ id }) => id);
  const ids = ['certificates.issued', 'certificates.revoked', 'certificates.valid', 'members.total', 'domains.total', 'ocsp.availability'];
  const shown = [...ids, ...perCertificate].map(id => find(report, id)).filter(f => f !== undefined);
  const caption = ({ section, label }: Figure) => (section.startsWith('Certificates') ? `certificates ${label}` : label);
  return `<ul class="tiles">${shown
    .map(f => `<li><b>${grouped(f.value, f.unit)}</b> ${escapeHtml(caption(f))}<small>${change(report, f)}</small></li>`)
    .join('')}</ul>`;
}

function change({ before, yearBefore }: Report, f: Figure): string {
  const said = (value: Value, quarter: string) => (value === null ? '' : `${quarter}: ${grouped(value, f.unit)}`);
  return [said(f.before, before), said(f.yearBefore, yearBefore)].filter(Boolean).join('<br>') || 'no quarter to compare with';
}

const seconds = (time: string): number => Date.parse(time) / 1000;

/** Also those in which there was nothing; of a quarter that goes on, to the one that is now. */
const weeksSoFar = ({ from, until, asOf }: Report): string[] => weeksOf(seconds(from), Math.min(seconds(until), seconds(asOf) + 1));

function pictures(report: Report): string[] {
  const weeks = weeksSoFar(report);
  const week = (what: string): number[] => weeks.map(w => numeric(find(report, `certificates.${what}.week.${w}`)?.value ?? 0));
  const shown = ['issued', 'renewed', 'revoked'];
  const quarters = (['value', 'before', 'yearBefore'] as const).flatMap(which => {
    const values = shown.map(act => find(report, `certificates.${act}`)?.[which] ?? null);
    return values.every(value => value === null)
      ? []
      : { name: which === 'value' ? report.quarter : report[which], values: values.map(v => numeric(v ?? 0)) };
  });
  const reasons = among(report, 'certificates.revoked.reason.').filter(({ value }) => numeric(value) > 0);
  const methods = new Set(
    [...among(report, 'validations.valid.method.'), ...among(report, 'validations.invalid.method.')].map(
      ({ id }) => id.split('.').at(-1) ?? '',
    ),
  );
  const validations = [...methods].map(method => {
    const of = (outcome: string) => numeric(find(report, `validations.${outcome}.method.${method}`)?.value ?? 0);
    return {
      label: method,
      values: [of('valid'), of('invalid')],
      said: `${grouped(of('valid'), 'count')} / ${grouped(of('invalid'), 'count')}`,
    };
  });
  const currencies = [...new Set(among(report, 'costs.').map(({ unit }) => unit))];
  return [
    columns(
      'Certificates issued by week of the quarter',
      weeks,
      [
        { name: 'renewals', values: week('renewed') },
        { name: 'for new names', values: week('first') },
      ],
      'stacked',
    ),
    columns('Beside the quarter before and the year before', shown, quarters, 'beside'),
    bars(
      'Revocations by reason',
      reasons.map(({ id, value }) => ({ label: id.split('.').at(-1) ?? '', values: [numeric(value)], said: grouped(value, 'count') })),
    ),
    bars('Validations by method', validations, ['succeeded', 'failed']),
    ...currencies.map(currency => {
      const costs = among(report, `costs.${currency}.category.`).filter(({ value }) => numeric(value) !== 0);
      const items = costs.map(({ id, value }) => ({
        label: id.split('.').at(-1) ?? '',
        values: [numeric(value)],
        said: grouped(value, currency),
      }));
      return bars(`Costs by category, ${currency}`, items);
    }),
  ];
}

/** What is many times the same, by another thing each time, is one table across; of these things in any case. */
const across: Record<string, (report: Report) => string[]> = {
  'Certificates by week': weeksSoFar,
  'Certificates by member': () => [],
};
const acts = ['issued', 'first', 'renewed', 'revoked'];

function sections(report: Report): string[] {
  const { quarter, before, yearBefore, figures, account, incidents } = report;
  const quarters = [quarter, before, yearBefore];
  const names = [...new Set(figures.map(f => f.section))];
  const parts = names.map(name => {
    const theirs = figures.filter(f => f.section === name);
    return { name, html: across[name] ? pivot(theirs, acts, quarters, across[name](report)) : table(theirs, quarters) };
  });
  const costs = parts.findIndex(({ name }) => name === 'Costs');
  const written = [
    { name: 'Account', html: accountTable(account) },
    { name: 'Incidents as noted', html: incidentTable(incidents) },
  ].filter(({ html }) => html);
  parts.splice(costs < 0 ? parts.findIndex(({ name }) => across[name]) : costs + 1, 0, ...written);
  return parts.map(({ name, html }) => `<section><h2>${escapeHtml(name)}</h2>${html}</section>`);
}

function accountTable(account: Report['account']): string {
  const rows = account.map(({ id, date, category, per, amount, currency, certificates, total, note, reverses }) => {
    const back = reverses === undefined ? '' : ` <small>takes back ${reverses}</small>`;
    const basis = per === 'fixed' ? 'fixed' : `${amount} × ${grouped(certificates ?? 0, 'count')}`;
    return `<tr><td>${date}</td><td>${escapeHtml(category)}</td><td>${escapeHtml(note)}${back} <small>${id}</small></td><td>${basis}</td><td>${grouped(total, currency)}</td></tr>`;
  });
  const head = '<tr><th>date</th><th>category</th><th>note</th><th>basis</th><th>amount</th></tr>';
  return rows.length ? `<table class="account"><thead>${head}</thead><tbody>${rows.join('')}</tbody></table>` : '';
}

function incidentTable(incidents: Report['incidents']): string {
  const rows = incidents.map(
    ({ id, at, severity, what }) => `<tr><td>${at}</td><td>${severity}</td><td>${escapeHtml(what)} <small>${id}</small></td></tr>`,
  );
  return rows.length
    ? `<table class="words"><thead><tr><th>time</th><th>severity</th><th>what</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
    : '';
}
