import type { AuditAction } from './audit.ts';
import type { Quarter } from './quarter.ts';

/** An audit record as the report reads it. */
export interface ReportedRecord {
  id: number;
  at: number;
  action: AuditAction;
  subject: Record<string, string>;
  detail: Record<string, unknown>;
  /** Its place in the log, once it is sealed. */
  logIndex?: number;
}

/** A row of the database that a figure is made of. */
export interface SourceRow {
  kind: 'audit' | 'certificate' | 'proof' | 'ledger' | 'incident' | 'observation' | 'notices';
  id: string;
  at?: number;
  logIndex?: number;
  action?: AuditAction;
  serial?: string;
  member?: string;
  note?: string;
}

/** One row, the figures that it counts in, and by how much. */
export interface Fact {
  figures: string[];
  by: bigint;
  row: SourceRow;
}

/** A count; a decimal (per cent, or an amount of money); nothing where there is nothing to tell. */
export type Value = number | string | null;

export interface Figure {
  id: string;
  section: string;
  label: string;
  /** `count`, `minutes`, `percent`, or a currency. */
  unit: string;
  value: Value;
  /** The same of the quarter before, and of that a year before; null: the CA was not there yet. */
  before: Value;
  yearBefore: Value;
}

/** A line of the account. */
export interface AccountLine {
  id: string;
  date: string;
  category: string;
  per: string;
  amount: string;
  currency: string;
  /** Certificates that it is for, where it is for each. */
  certificates?: number;
  total: string;
  note: string;
  reverses?: string;
}

export interface Report {
  quarter: Quarter;
  from: string;
  until: string;
  /** `open`: as it stands at `asOf`; `closed`: its numbers never change. */
  state: 'open' | 'closed';
  asOf: string;
  before: Quarter;
  yearBefore: Quarter;
  figures: Figure[];
  account: AccountLine[];
  incidents: { id: string; at: string; severity: string; what: string }[];
}
