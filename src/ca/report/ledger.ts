import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import { rfc3339 } from '../../model/encoding.ts';
import type { Incident, LedgerEntry } from '../../model/ledger.ts';
import { formatAmount, isCurrency, minorDigits, parseAmount } from '../../model/money.ts';
import { Problem } from '../../model/problem.ts';
import { dateAt, quarterAt, startOfDate } from '../../model/quarter.ts';
import type { Report } from '../../model/report.ts';
import { seconds } from '../../model/seconds.ts';
import { insertIncident } from '../../store/incidents.ts';
import { findEntry, insertEntry } from '../../store/ledger.ts';
import { isDuplicate, type Trx } from '../../store/open.ts';
import { firstRecordAt } from '../../store/reported.ts';
import { findReport, lastClosed, lockAccounts } from '../../store/reports.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { newId } from '../ids.ts';

/** What an operator says of a cost. */
export type Cost = Pick<LedgerEntry, 'date' | 'category' | 'currency' | 'per' | 'note'> & { amount: string };

/** How long before the CA was made something may have been paid for it. */
const beforehand = 366 * seconds.day;

/** Digits before the point of what is spent for each certificate: an entry can still take back what many certificates came to. */
const mostDigits = 6;

/** @throws Problem */
export async function addCost(ctx: Ctx, { amount: text, ...rest }: Cost, actor: Actor): Promise<LedgerEntry> {
  const { date, currency, category, per } = rest;
  if (!isCurrency(currency)) throw new Problem('malformed', `"${currency}" is no currency of ISO 4217, such as EUR.`);
  const amount = parseAmount(text, currency);
  if (amount === undefined)
    throw new Problem(
      'malformed',
      `"${text}" is no amount in ${currency}: a decimal such as ${formatAmount(1250n, currency)}, with ${decimals(currency)}.`,
    );
  if (amount === 0n) throw new Problem('malformed', 'The amount is nothing.');
  const beyond = 10n ** BigInt(mostDigits + minorDigits(currency));
  if (per === 'certificate' && (amount >= beyond || amount <= -beyond))
    throw new Problem('malformed', `An amount for each certificate has ${mostDigits} digits before the point at most.`);
  await checkDate(ctx, date);
  const entry: LedgerEntry = { id: newId(ctx), ...rest, amount, who: actor.who, createdAt: ctx.now() };
  await transact(ctx, actor, async act => {
    await refuseClosed(act.trx, startOfDate(date), 'date the entry today, or take back by "ledger reverse" what is wrong in it');
    await insertEntry(act.trx, entry);
    const detail = { date, category, amount: formatAmount(amount, currency), currency, per };
    await record(act, { action: 'ledger.added', subject: { entry: entry.id }, detail });
  });
  return entry;
}

function decimals(currency: string): string {
  const digits = minorDigits(currency);
  return digits === 0 ? 'no digits after a point' : `${digits} digits after the point at most`;
}

async function checkDate(ctx: Ctx, date: string): Promise<void> {
  if (date > dateAt(ctx.now())) throw new Problem('malformed', `The date ${date} is still to come.`);
  const earliest = dateAt(((await firstRecordAt(ctx.db)) ?? ctx.now()) - beforehand);
  if (date < earliest) throw new Problem('malformed', `The date ${date} is long before this CA: ${earliest} is the earliest.`);
}

/** What a closed quarter is made of is never added to, and none is begun before one that is closed. @throws Problem that says what to do instead */
async function refuseClosed(trx: Trx, at: number, instead: string): Promise<void> {
  await lockAccounts(trx);
  const last = await lastClosed(trx);
  const quarter = quarterAt(at);
  if (last === undefined || quarter > last) return;
  const why = (await findReport(trx, quarter))
    ? `The report of ${quarter} is closed, and its numbers never change`
    : `There is no report of ${quarter}, and there will be none: later ones are closed`;
  throw new Problem('malformed', `${why}: ${instead}.`, { status: 409 });
}

/**
 * Takes an entry back: in its own quarter while that is open; else today, by as much as it came to in the account that was closed.
 * @throws Problem
 */
export async function reverseCost(ctx: Ctx, entry: LedgerEntry, note: string, actor: Actor): Promise<LedgerEntry> {
  if (entry.reverses !== undefined)
    throw new Problem('malformed', `The entry ${entry.id} takes another one back, and is not taken back itself: add what is due anew.`);
  try {
    return await transact(ctx, actor, async act => {
      const { trx, now: createdAt } = act;
      await lockAccounts(trx);
      const closed = await findReport(trx, quarterAt(startOfDate(entry.date)));
      const report: Report | undefined = closed && JSON.parse(closed.text);
      const line = report?.account.find(({ id }) => id === entry.id);
      const accounted = line && parseTotal(line.total, entry.currency);
      const { id: reverses, category, currency } = entry;
      const reversal: LedgerEntry = {
        ...{ id: newId(ctx), category, currency, note, reverses, who: actor.who, createdAt },
        ...(accounted === undefined
          ? { date: entry.date, amount: -entry.amount, per: entry.per }
          : { date: dateAt(createdAt), amount: -accounted, per: 'fixed' as const }),
      };
      await insertEntry(trx, reversal);
      const { id, date, amount, per } = reversal;
      const detail = { reverses, date, category, amount: formatAmount(amount, currency), currency, per };
      await record(act, { action: 'ledger.reversed', subject: { entry: id }, detail });
      return reversal;
    });
  } catch (error) {
    if (isDuplicate(error)) throw new Problem('malformed', `The entry ${entry.id} was taken back already.`, { status: 409 });
    throw error;
  }
}

/** A total may be longer than what is typed. */
function parseTotal(text: string, currency: string): bigint {
  const minor = BigInt(text.replace('.', ''));
  if (formatAmount(minor, currency) !== text) throw new Error(`"${text}" is no total in ${currency}`);
  return minor;
}

/** @throws Problem 404 */
export async function costOf({ db }: Ctx, id: string): Promise<LedgerEntry> {
  const entry = await findEntry(db, id);
  if (!entry) throw new Problem('malformed', `There is no entry ${id} in the ledger.`, { status: 404 });
  return entry;
}

/** @throws Problem where it is still to come, or was before the CA, or its quarter is closed */
export async function noteIncident(
  ctx: Ctx,
  { at, severity, what }: Pick<Incident, 'at' | 'severity' | 'what'>,
  actor: Actor,
): Promise<Incident> {
  if (at > ctx.now()) throw new Problem('malformed', 'The time of the incident is still to come.');
  const first = (await firstRecordAt(ctx.db)) ?? ctx.now();
  if (at < first) throw new Problem('malformed', `The time of the incident is before this CA: its first record is of ${rfc3339(first)}.`);
  const incident: Incident = { id: newId(ctx), at, severity, what, who: actor.who, createdAt: ctx.now() };
  await transact(ctx, actor, async act => {
    await refuseClosed(act.trx, at, 'note it as of now, and say in it when it happened');
    await insertIncident(act.trx, incident);
    await record(act, { action: 'incident.noted', subject: { incident: incident.id }, detail: { severity } });
  });
  return incident;
}
