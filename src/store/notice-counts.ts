import type { MessageKind } from '../model/message.ts';
import { seconds } from '../model/seconds.ts';
import type { Db } from './open.ts';
import { rowsOf } from './rows.ts';

export const noticeOutcomes = ['sent', 'failed'] as const;
export type NoticeOutcome = (typeof noticeOutcomes)[number];

/** What became of the messages of a day. They themselves are deleted. */
export interface NoticeCount {
  /** Epoch seconds at which the day begins. */
  day: number;
  kind: MessageKind;
  outcome: NoticeOutcome;
  notices: number;
}

/** In the transaction that moves the messages. In one order: two that count the same rows never wait for each other in a ring. */
export async function countNotices(trx: Db, now: number, outcome: NoticeOutcome, kinds: readonly MessageKind[]): Promise<void> {
  for (const kind of [...new Set(kinds)].sort())
    await rowsOf(
      trx,
      `insert into notice_counts (day, kind, outcome, notices) values (?, ?, ?, ?)
       on conflict (day, kind, outcome) do update set notices = notice_counts.notices + excluded.notices`,
      [now - (now % seconds.day), kind, outcome, kinds.filter(k => k === kind).length],
    );
}

export async function noticeCounts(db: Db, from: number, until: number): Promise<NoticeCount[]> {
  return rowsOf<NoticeCount>(db, 'select * from notice_counts where day >= ? and day < ? order by day, kind, outcome', [from, until]);
}
