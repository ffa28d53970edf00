import { seconds } from './seconds.ts';

/** A quarter of the year in UTC, as people and paths write it: `2026-Q4`. Sorts as text. */
export type Quarter = `${number}-Q${number}`;

export const quarterPattern = /^2\d{3}-Q[1-4]$/;

/** Epoch seconds; the end is the next one's start. */
export interface Span {
  quarter: Quarter;
  from: number;
  until: number;
}

const at = (year: number, quarter: number): number => Date.UTC(year, (quarter - 1) * 3, 1) / 1000;

function parts(quarter: Quarter): [year: number, quarter: number] {
  const [year, number] = quarter.split('-Q').map(Number);
  return [year ?? 0, number ?? 1];
}

export function spanOf(quarter: Quarter): Span {
  const [year, number] = parts(quarter);
  return { quarter, from: at(year, number), until: at(year, number + 1) };
}

export function quarterAt(seconds: number): Quarter {
  const date = new Date(seconds * 1000);
  return `${date.getUTCFullYear()}-Q${Math.floor(date.getUTCMonth() / 3) + 1}`;
}

/** So many quarters later, or earlier where it is negative. */
export function quartersLater(quarter: Quarter, by: number): Quarter {
  const [year, number] = parts(quarter);
  const count = year * 4 + number - 1 + by;
  return `${Math.floor(count / 4)}-Q${(count % 4) + 1}`;
}

/** The week of a quarter in which a time is, of as many digits as the last one. */
export const weekAt = (from: number, at: number): string => String(Math.floor((at - from) / seconds.week) + 1).padStart(2, '0');

/** Every week of a quarter from its beginning to one time, before the other. */
export function weeksOf(from: number, until: number): string[] {
  const weeks: string[] = [];
  for (let at = from; at < until; at += seconds.week) weeks.push(weekAt(from, at));
  return weeks;
}

/** `2026-10-31`, in UTC. */
export const dateAt = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);

/** Epoch seconds at which a date begins. */
export const startOfDate = (date: string): number => Date.parse(`${date}T00:00:00Z`) / 1000;
