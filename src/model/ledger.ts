/** Whether an entry's amount is spent once, or for each certificate that was issued in the quarter of its date. */
export const costBases = ['fixed', 'certificate'] as const;
export type CostBasis = (typeof costBases)[number];

/** What something has cost. Never edited: an entry is taken back by another one. */
export interface LedgerEntry {
  id: string;
  /** `2026-10-31` */
  date: string;
  category: string;
  /** Minor units of the currency; negative: money that came back. */
  amount: bigint;
  currency: string;
  per: CostBasis;
  note: string;
  /** The entry that this one takes back. */
  reverses?: string;
  who: string;
  createdAt: number;
}

export const severities = ['minor', 'major', 'critical'] as const;
export type Severity = (typeof severities)[number];

/** What operators noted that went wrong. */
export interface Incident {
  id: string;
  at: number;
  severity: Severity;
  what: string;
  who: string;
  createdAt: number;
}
