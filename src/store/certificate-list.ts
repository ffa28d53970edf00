import type { Knex } from 'knex';
import { type CertificateStatus, certificateStatuses } from '../model/certificate.ts';
import { seconds } from '../model/seconds.ts';
import { type CertificateFilter, whereMatches } from './certificate-filter.ts';
import type { Db } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { rowsOf } from './rows.ts';

/*
 * The index certificates_of_kind has these two expressions. A list that merges a few of its stretches reads what it shows and hardly more, whatever
 * share of all certificates that is.
 */
/** Whole days from issue to end. */
const daysSql = '(not_after - committed_at) / 86400';
/** What `certificateStatus` says, but for what the clock says. */
const standingSql = "case when state = 'issued' and revoked_at is not null then 'revoked' else state end";

const standings = certificateStatuses.filter(status => status !== 'expired');
type Standing = (typeof standings)[number];

/** What many certificates have in common and none ever changes. Those of one kind end in the order in which they were issued, to a day. */
interface Kind {
  days: number;
  issuer: string;
  profile: string;
}

/** More than there are unless subscribers ask for many lifetimes. With more of them, to merge would cost what it saves. */
const mostKinds = 50;

const newestFirst = { at: 'committed_at', id: 'serial', newestFirst: true };

/** Rows of members' certificates, newest first. */
export async function newestCertificates<Row>(
  db: Db,
  wanted: CertificateFilter & { status?: CertificateStatus | undefined },
  now: number,
  page: Page,
): Promise<Row[]> {
  const { filter, standing } = withoutClock(wanted, now);
  const stretches = await stretchesOf(db, filter, standing);
  if (!stretches) return onePage(db('certificates').modify(whereStands, standing), filter, page);
  if (!stretches.length) return [];
  // Each with an end of its own: without statistics an engine would rather sort them whole than merge them.
  const pages = stretches.map(({ kind, standing }) => {
    const query = db('certificates').select('committed_at', 'serial').whereRaw(`${daysSql} = ?`, [kind.days]).modify(whereStands, standing);
    return db.select('*').from(onePage(query, withinKind(filter, kind), page).as('stretch'));
  });
  const merged = inPages(db.select('serial').from(db.unionAll(pages).as('merged')), { limit: page.limit }, newestFirst);
  return inPages(db('certificates').whereIn('serial', merged), { limit: page.limit }, newestFirst);
}

function whereStands(query: Knex.QueryBuilder, standing: Standing | undefined): void {
  if (standing !== undefined) query.whereRaw(`${standingSql} = ?`, [standing]);
}

/** From one place in an index: where the filter begins or at the cursor, whichever is older. */
function onePage(query: Knex.QueryBuilder, filter: CertificateFilter, { limit, after }: Page): Knex.QueryBuilder {
  const { issuedBefore, ...rest } = filter;
  const isWithin = after !== undefined && after.at <= (issuedBefore ?? after.at);
  return inPages(query.modify(whereMatches, isWithin ? rest : filter), { limit, after: isWithin ? after : undefined }, newestFirst);
}

/** An expired certificate stands as issued, and has ended. */
function withoutClock(
  { status, ...filter }: CertificateFilter & { status?: CertificateStatus | undefined },
  now: number,
): { filter: CertificateFilter; standing: Standing | undefined } {
  if (status === 'expired') return { filter: { ...filter, expiresBefore: earlier(filter.expiresBefore, now - 1) }, standing: 'issued' };
  if (status === 'issued') return { filter: { ...filter, expiresAfter: later(filter.expiresAfter, now) }, standing: 'issued' };
  return { filter, standing: status };
}

/** Where all that matches is; undefined where another index has it, or there are too many kinds. */
async function stretchesOf(
  db: Db,
  { member, key, serial, name, issuer, profile, expiresAfter, expiresBefore }: CertificateFilter,
  standing: Standing | undefined,
): Promise<{ kind: Kind; standing: Standing }[] | undefined> {
  if ([member, key, serial, name].some(one => one !== undefined)) return undefined;
  if ([issuer, profile, expiresAfter, expiresBefore, standing].every(one => one === undefined)) return undefined;
  const all = await firstKinds(db, mostKinds + 1);
  if (all.length > mostKinds) return undefined;
  const kinds = all.filter(k => (issuer ?? k.issuer) === k.issuer && (profile ?? k.profile) === k.profile);
  return kinds.flatMap(kind => (standing === undefined ? standings : [standing]).map(each => ({ kind, standing: each })));
}

/** The same, by what the ends say of the issue. */
function withinKind(filter: CertificateFilter, { days, issuer, profile }: Kind): CertificateFilter {
  const { issuedAfter, issuedBefore, expiresAfter, expiresBefore } = filter;
  return {
    ...filter,
    issuer,
    profile,
    issuedAfter: later(issuedAfter, expiresAfter && expiresAfter - (days + 1) * seconds.day),
    issuedBefore: earlier(issuedBefore, expiresBefore && expiresBefore - days * seconds.day),
  };
}

/** Each by a look or three into the index. */
async function firstKinds(db: Db, limit: number): Promise<Kind[]> {
  const first = async (where: string, bindings: unknown[], order: string) => {
    const sql = `select ${daysSql} as days, issuer_id as issuer, profile from certificates
      where order_id is not null and ${where} order by ${order} limit 1`;
    return (await rowsOf<Kind>(db, sql, bindings))[0];
  };
  const kinds: Kind[] = [];
  while (kinds.length < limit) {
    const { days, issuer, profile } = kinds.at(-1) ?? { days: -1, issuer: '', profile: '' };
    // Not one comparison of three: SQLite would read all of the kind where it begins.
    const next =
      (await first(`${daysSql} = ? and issuer_id = ? and profile > ?`, [days, issuer, profile], 'profile')) ??
      (await first(`${daysSql} = ? and issuer_id > ?`, [days, issuer], 'issuer_id, profile')) ??
      (await first(`${daysSql} > ?`, [days], `${daysSql}, issuer_id, profile`));
    if (!next) break;
    kinds.push(next);
  }
  return kinds;
}

const earlier = (a = Number.POSITIVE_INFINITY, b = Number.POSITIVE_INFINITY): number | undefined => finite(Math.min(a, b));
const later = (a = Number.NEGATIVE_INFINITY, b = Number.NEGATIVE_INFINITY): number | undefined => finite(Math.max(a, b));
const finite = (n: number): number | undefined => (Number.isFinite(n) ? n : undefined);
