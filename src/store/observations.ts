import { seconds } from '../model/seconds.ts';
import { type Db, present } from './open.ts';
import { rowsOf } from './rows.ts';

export const observedServices = ['crl', 'ocsp'] as const;
export type ObservedService = (typeof observedServices)[number];

/** What the CA has seen of a status service of its own in an hour. */
export interface Observation {
  /** Epoch seconds at which the hour begins. */
  hour: number;
  service: ObservedService;
  asked: number;
  answered: number;
  lastAt: number;
  lastFailure?: string;
}

interface ObservationRow {
  hour: number;
  service: ObservedService;
  asked: number;
  answered: number;
  last_at: number;
  last_failure: string | null;
}

/** One question more. @param failure why it was not answered as it should be */
export async function countObservation(db: Db, now: number, service: ObservedService, failure?: string): Promise<void> {
  await rowsOf(
    db,
    `insert into status_observations (hour, service, asked, answered, last_at, last_failure) values (?, ?, 1, ?, ?, ?)
     on conflict (hour, service) do update set asked = status_observations.asked + 1,
       answered = status_observations.answered + excluded.answered, last_at = excluded.last_at,
       last_failure = coalesce(excluded.last_failure, status_observations.last_failure)`,
    [now - (now % seconds.hour), service, failure === undefined ? 1 : 0, now, failure],
  );
}

export async function lastObservation(db: Db): Promise<number | undefined> {
  const sql = 'select last_at from status_observations order by hour desc, service desc limit 1';
  return (await rowsOf<{ last_at: number }>(db, sql, []))[0]?.last_at;
}

export async function observations(db: Db, from: number, until: number): Promise<Observation[]> {
  const sql = 'select * from status_observations where hour >= ? and hour < ? order by hour, service';
  return (await rowsOf<ObservationRow>(db, sql, [from, until])).map(r => ({
    ...{ hour: r.hour, service: r.service, asked: r.asked, answered: r.answered, lastAt: r.last_at },
    ...present({ lastFailure: r.last_failure }),
  }));
}
