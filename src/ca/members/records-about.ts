import type { Message } from '../../model/message.ts';
import { listAccounts } from '../../store/accounts.ts';
import { type AuditRecord, recordsAfter } from '../../store/audit.ts';
import { challengesOfMember } from '../../store/authorizations.ts';
import { serialsOfMember } from '../../store/certificates.ts';
import { breathe, type Db } from '../../store/open.ts';
import { listMessages } from '../../store/outbox.ts';
import type { Page } from '../../store/pages.ts';
import { listProofs } from '../../store/proofs.ts';

/** What is a member's: by it one tells which records and messages are about it. */
export interface Concerns {
  /** By the member or one of its accounts, or about one of these. */
  record(record: AuditRecord): boolean;
  /** By the member itself, and not about it by others: whoever has the key of a certificate (RFC 8555 §7.6) may be a stranger who found it. */
  isActor(record: AuditRecord): boolean;
  message(message: Message): boolean;
}

export async function concernsOf(db: Db, memberId: string): Promise<Concerns> {
  const accounts = new Set((await listAccounts(db, { memberId })).map(a => a.id));
  const challenges = new Set((await challengesOfMember(db, memberId)).map(c => c.id));
  const proofs = new Set((await listProofs(db, { memberId })).map(p => p.id));
  const serials = new Set(await serialsOfMember(db, memberId));
  const isActor = ({ who }: AuditRecord): boolean =>
    who === `member:${memberId}` || (who.startsWith('account:') && accounts.has(who.slice('account:'.length)));
  return {
    isActor,
    record: record => isActor(record) || record.subject['member'] === memberId || accounts.has(record.subject['account'] ?? ''),
    message({ kind, refs }) {
      switch (kind) {
        case 'challenge-code':
        case 'challenge-notice':
          return challenges.has(refs.challengeId);
        case 'proof-code':
        case 'proof-lapsing':
          return proofs.has(refs.proofId);
        case 'issued':
        case 'expiring':
          return serials.has(refs.serial);
        case 'account-added':
          return accounts.has(refs.accountId);
        case 'revoked':
        case 'contested':
          return refs.memberId === memberId;
      }
    },
  };
}

/** Rows that are read at a time. */
const batch = 1000;

/** All records that concern a member, batch after batch; with `only`, those that still hold something personal. */
export async function* recordsAbout(db: Db, concerns: Concerns, only?: 'personal'): AsyncGenerator<AuditRecord[]> {
  for (let after = 0; ; ) {
    const records = await recordsAfter(db, after, batch, only);
    yield records.filter(concerns.record);
    after = records.at(-1)?.id ?? 0;
    if (records.length < batch) return;
    await breathe();
  }
}

export async function* messagesAbout(db: Db, concerns: Concerns): AsyncGenerator<Message[]> {
  for (let page: Page = { limit: batch }; ; ) {
    const messages = await listMessages(db, ['queued', 'sent', 'dead'], page);
    yield messages.filter(concerns.message);
    const last = messages.at(-1);
    if (!last || messages.length < batch) return;
    page = { limit: batch, after: { at: last.createdAt, id: last.id } };
    await breathe();
  }
}
