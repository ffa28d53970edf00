import type { VNode } from 'preact';
import { Document } from '../../html/document.tsx';
import { renderPage } from '../../html/render.ts';
import { weeksOf } from '../../model/quarter.ts';
import type { Figure, Report, Value } from '../../model/report.ts';
import { Bars, Columns } from './chart.tsx';
import { FigureTable, grouped, PivotTable } from './page-tables.tsx';
import { style } from './style.ts';

/** The report as one page: nothing is loaded for it, and it prints on A4. */
export const reportPage = (report: Told): string => renderPage(<ReportPage report={report} />);

type Told = Report & { sha256?: string };

interface Props {
  report: Report;
}

export function ReportPage({ report }: { report: Told }): VNode {
  const { quarter, from, until, state, asOf, sha256 } = report;
  const standing =
    state === 'closed'
      ? `Closed at ${asOf}: these numbers never change.`
      : `The quarter as it stands at ${asOf}. It is not closed; its numbers go on changing.`;
  return (
    <Document title={`Certificate authority, report ${quarter}`} style={{ instead: style }}>
      <header>
        <h1>
          Certificate authority of the federation <span>Report to the board, {quarter}</span>
        </h1>
        <p>
          {from.slice(0, 10)} to {lastDay(until)}, UTC. {standing}
        </p>
      </header>
      <main>
        <Tiles report={report} />
        <section class="pictures">
          <Pictures report={report} />
        </section>
        {sections(report).map(({ name, content }) => (
          <section>
            <h2>{name}</h2>
            {content}
          </section>
        ))}
      </main>
      <footer>
        {sha256 !== undefined && (
          <p>
            SHA-256 of the closed report, as the audit log has it: <code>{sha256}</code>
          </p>
        )}
        <p>
          Members are told by their ids: names may be erased, reports may not. The rows behind a figure, by the id in small print beside it:{' '}
          <code>xmpp-ca report trace {quarter} ID</code>
        </p>
      </footer>
    </Document>
  );
}

const lastDay = (until: string): string => new Date(Date.parse(until) - 1000).toISOString().slice(0, 10);

const find = ({ figures }: Report, id: string): Figure | undefined => figures.find(f => f.id === id);
const among = ({ figures }: Report, prefix: string): Figure[] => figures.filter(f => f.id.startsWith(prefix));
const numeric = (value: Value): number => Number(value ?? 0);
const lastPart = ({ id }: Figure): string => id.split('.').at(-1) ?? '';

function Tiles({ report }: Props): VNode {
  const perCertificate = report.figures.filter(({ id }) => id.endsWith('.per-certificate')).map(({ id }) => id);
  const ids = ['certificates.issued', 'certificates.revoked', 'certificates.valid', 'members.total', 'domains.total', 'ocsp.availability'];
  const shown = [...ids, ...perCertificate].map(id => find(report, id)).filter(f => f !== undefined);
  const caption = ({ section, label }: Figure) => (section.startsWith('Certificates') ? `certificates ${label}` : label);
  return (
    <ul class="tiles">
      {shown.map(figure => (
        <li>
          <b>{grouped(figure.value, figure.unit)}</b> {caption(figure)}
          <small>
            {changes(report, figure).map((change, i) => (
              <>
                {i > 0 && <br />}
                {change}
              </>
            ))}
          </small>
        </li>
      ))}
    </ul>
  );
}

function changes({ before, yearBefore }: Report, f: Figure): string[] {
  const said = (value: Value, quarter: string) => (value === null ? [] : [`${quarter}: ${grouped(value, f.unit)}`]);
  const all = [...said(f.before, before), ...said(f.yearBefore, yearBefore)];
  return all.length ? all : ['no quarter to compare with'];
}

const epochSeconds = (time: string): number => Date.parse(time) / 1000;

/** Also those in which there was nothing; of a quarter that goes on, to the one that is now. */
const weeksSoFar = ({ from, until, asOf }: Report): string[] =>
  weeksOf(epochSeconds(from), Math.min(epochSeconds(until), epochSeconds(asOf) + 1));

const acts = ['issued', 'renewed', 'revoked'];

function Pictures({ report }: Props): VNode {
  const weeks = weeksSoFar(report);
  const week = (what: string): number[] => weeks.map(w => numeric(find(report, `certificates.${what}.week.${w}`)?.value ?? 0));
  const reasons = among(report, 'certificates.revoked.reason.').filter(({ value }) => numeric(value) > 0);
  const currencies = [...new Set(among(report, 'costs.').map(({ unit }) => unit))];
  const costsOf = (currency: string) => among(report, `costs.${currency}.category.`).filter(({ value }) => numeric(value) !== 0);
  const bar = (figure: Figure, unit: string) => ({
    label: lastPart(figure),
    values: [numeric(figure.value)],
    said: grouped(figure.value, unit),
  });
  return (
    <>
      <Columns
        title="Certificates issued by week of the quarter"
        labels={weeks}
        series={[
          { name: 'renewals', values: week('renewed') },
          { name: 'for new names', values: week('first') },
        ]}
        how="stacked"
      />
      <Columns title="Beside the quarter before and the year before" labels={acts} series={quartersBeside(report)} how="beside" />
      <Bars title="Revocations by reason" items={reasons.map(figure => bar(figure, 'count'))} />
      <Bars title="Validations by method" items={validations(report)} parts={['succeeded', 'failed']} />
      {currencies.map(currency => (
        <Bars title={`Costs by category, ${currency}`} items={costsOf(currency).map(figure => bar(figure, currency))} />
      ))}
    </>
  );
}

function quartersBeside(report: Report) {
  return (['value', 'before', 'yearBefore'] as const).flatMap(which => {
    const values = acts.map(act => find(report, `certificates.${act}`)?.[which] ?? null);
    const name = which === 'value' ? report.quarter : report[which];
    return values.every(value => value === null) ? [] : { name, values: values.map(numeric) };
  });
}

function validations(report: Report) {
  const of = (outcome: string, method: string) => numeric(find(report, `validations.${outcome}.method.${method}`)?.value ?? 0);
  const all = [...among(report, 'validations.valid.method.'), ...among(report, 'validations.invalid.method.')];
  return [...new Set(all.map(lastPart))].map(method => {
    const values = [of('valid', method), of('invalid', method)];
    return { label: method, values, said: values.map(value => grouped(value, 'count')).join(' / ') };
  });
}

/** What is many times the same, by another thing each time, is one table across; of these things in any case. */
const across: Record<string, (report: Report) => string[]> = {
  'Certificates by week': weeksSoFar,
  'Certificates by member': () => [],
};
const pivoted = ['issued', 'first', 'renewed', 'revoked'];

interface Section {
  name: string;
  content: VNode;
}

function sections(report: Report): Section[] {
  const { quarter, before, yearBefore, figures, account, incidents } = report;
  const quarters = [quarter, before, yearBefore];
  const parts = [...new Set(figures.map(f => f.section))].map((name): Section => {
    const theirs = { figures: figures.filter(f => f.section === name), quarters };
    const known = across[name]?.(report);
    return { name, content: known ? <PivotTable {...theirs} whats={pivoted} known={known} /> : <FigureTable {...theirs} /> };
  });
  const costs = parts.findIndex(({ name }) => name === 'Costs');
  const written = [
    ...(account.length ? [{ name: 'Account', content: <AccountTable account={account} /> }] : []),
    ...(incidents.length ? [{ name: 'Incidents as noted', content: <IncidentTable incidents={incidents} /> }] : []),
  ];
  parts.splice(costs < 0 ? parts.findIndex(({ name }) => across[name]) : costs + 1, 0, ...written);
  return parts;
}

const Head = ({ names }: { names: string[] }): VNode => (
  <thead>
    <tr>
      {names.map(name => (
        <th>{name}</th>
      ))}
    </tr>
  </thead>
);

const AccountTable = ({ account }: Pick<Report, 'account'>): VNode => (
  <table class="account">
    <Head names={['date', 'category', 'note', 'basis', 'amount']} />
    <tbody>
      {account.map(({ id, date, category, per, amount, currency, certificates, total, note, reverses }) => (
        <tr>
          <td>{date}</td>
          <td>{category}</td>
          <td>
            {note} {reverses !== undefined && <small>takes back {reverses} </small>}
            <small>{id}</small>
          </td>
          <td>{per === 'fixed' ? 'fixed' : `${amount} × ${grouped(certificates ?? 0, 'count')}`}</td>
          <td>{grouped(total, currency)}</td>
        </tr>
      ))}
    </tbody>
  </table>
);

const IncidentTable = ({ incidents }: Pick<Report, 'incidents'>): VNode => (
  <table class="words">
    <Head names={['time', 'severity', 'what']} />
    <tbody>
      {incidents.map(({ id, at, severity, what }) => (
        <tr>
          <td>{at}</td>
          <td>{severity}</td>
          <td>
            {what} <small>{id}</small>
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);
