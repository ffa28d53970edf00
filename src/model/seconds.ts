/** Spans of time, in seconds. A year has 365 days. */
export const seconds: Readonly<Record<'minute' | 'hour' | 'day' | 'week' | 'year', number>> = {
  minute: 60,
  hour: 3600,
  day: 86_400,
  week: 604_800,
  year: 31_536_000,
};
