import assert from 'node:assert/strict';
import type { NewMessage } from '../../src/model/message.ts';
import { noticeCounts } from '../../src/store/notice-counts.ts';
import {
  claimMessages,
  countCodes,
  countMessages,
  findMessages,
  giveUpMessages,
  listMessages,
  markFailed,
  markSent,
  queue,
  retryMessages,
  type Scope,
} from '../../src/store/outbox.ts';
import { onEachEngine } from '../kit/database.ts';
import { anId, at0 } from '../kit/records.ts';

onEachEngine('the outbox', at => {
  beforeEach(() => at.db('outbox').delete());

  const issued: NewMessage = { kind: 'issued', refs: { serial: '01ab' } };

  async function queued(message: NewMessage = issued, now = at0, scope?: Scope): Promise<string> {
    const id = anId();
    await at.db.transaction(trx => queue(trx, id, message, now, scope));
    return id;
  }
  const claim = async (id: string, seconds = 30) => (await claimMessages(at.db, { now: at0, ids: [id], limit: 1 }, seconds))[0];
  /** Claimed for no time at all: due still. */
  const due = async (now: number, limit = 10) => (await claimMessages(at.db, { now, limit }, 0)).map(m => m.id).sort();
  const find = async (id: string) => (await findMessages(at.db, [id]))[0];

  it('gives every kind of message back', async () => {
    const messages: NewMessage[] = [
      { kind: 'challenge-code', refs: { challengeId: 'c', mailbox: 'hostmaster@im.test' } },
      { kind: 'challenge-notice', refs: { challengeId: 'c', mailbox: 'postmaster@im.test' } },
      { kind: 'proof-code', refs: { proofId: 'p', mailbox: 'hostmaster@im.test' } },
      issued,
      { kind: 'revoked', refs: { memberId: 'm', serials: ['01ab', '01cd'] } },
      { kind: 'expiring', refs: { serial: '01ab' } },
      { kind: 'proof-lapsing', refs: { proofId: 'p', mailbox: 'hostmaster@im.test' } },
      { kind: 'account-added', refs: { accountId: 'a' } },
      { kind: 'contested', refs: { memberId: 'm', domain: 'im.test', role: 'holder' } },
    ];
    for (const message of messages) {
      const id = await queued(message);
      assert.deepEqual(await find(id), { id, ...message, state: 'queued', attempts: 0, createdAt: at0, nextAt: at0, fence: 0 });
    }
  });

  it('tells what is due, the longest due first, up to a number', async () => {
    const later = await queued(issued, at0 + 5);
    const first = await queued(issued, at0 - 5);
    const now = await queued();
    assert.deepEqual(await due(at0), [first, now].sort());
    assert.deepEqual(await due(at0, 1), [first]);
    assert.deepEqual(await due(at0 + 5), [first, now, later].sort());
  });

  it('gives a message to one of many, and what is claimed is not due', async () => {
    const id = await queued();
    const claims = await Promise.all(Array.from({ length: 8 }, () => claim(id)));
    assert.equal(claims.filter(c => c !== undefined).length, 1);
    assert.deepEqual(await due(at0), []);
    assert.equal(await claim('none'), undefined);
  });

  it('lets only the last holder say what became of it', async () => {
    const id = await queued();
    const first = await claim(id, 0);
    const second = await claim(id);
    assert.ok(first && second && second.fence > first.fence);
    await markSent(at.db, [{ message: first, flaw: 'not mine' }], at0);
    assert.equal((await find(id))?.state, 'queued');
    assert.equal(await markFailed(at.db, first, 'no', undefined, at0), false);
    await markSent(at.db, [{ message: second }], at0 + 1);
    await markSent(at.db, [{ message: second, flaw: 'again' }], at0 + 2);
    assert.equal(await claim(id), undefined);
    const { state, attempts, sentAt, lastError } = (await find(id)) ?? {};
    assert.deepEqual({ state, attempts, sentAt, lastError }, { state: 'sent', attempts: 1, sentAt: at0 + 1, lastError: undefined });
  });

  it('waits after a failure, and may be claimed again at once then', async () => {
    const id = await queued();
    const claimed = await claim(id);
    assert.ok(claimed && (await markFailed(at.db, claimed, 'the mail server answered 451', at0 + 30, at0)));
    const { state, attempts, nextAt, lastError } = (await find(id)) ?? {};
    assert.deepEqual(
      { state, attempts, nextAt, lastError },
      { state: 'queued', attempts: 1, nextAt: at0 + 30, lastError: 'the mail server answered 451' },
    );
    assert.deepEqual(await due(at0 + 29), []);
    assert.deepEqual(await due(at0 + 30), [id]);
    assert.ok(await claim(id));
  });

  it('dies for good, until somebody asks for another try', async () => {
    const [dead, waiting, sent] = [await queued(), await queued(), await queued()];
    for (const id of [dead, waiting, sent]) {
      const claimed = await claim(id);
      assert.ok(claimed);
      if (id === sent) await markSent(at.db, [{ message: claimed }], at0);
      else await markFailed(at.db, claimed, 'no', id === dead ? undefined : at0 + 99, at0);
    }
    assert.equal((await find(dead))?.state, 'dead');
    assert.equal(await claim(dead), undefined);
    const ids = async (...states: ('queued' | 'sent' | 'dead')[]) => (await listMessages(at.db, states)).map(m => m.id).sort();
    assert.deepEqual(await ids('dead'), [dead]);
    assert.deepEqual(await ids('queued', 'dead'), [dead, waiting].sort());
    assert.deepEqual(await ids('sent'), [sent]);
    assert.deepEqual(await retryMessages(at.db, at0 + 1, dead), [dead]);
    assert.deepEqual(await due(at0 + 1), [dead]);
    assert.deepEqual((await retryMessages(at.db, at0 + 1)).sort(), [dead, waiting].sort());
    assert.deepEqual(await retryMessages(at.db, at0 + 1, sent), []);
    assert.equal((await find(waiting))?.attempts, 0);
  });

  it('counts codes by registrable domain and by member, since a time', async () => {
    const scope = { memberId: 'm1', domain: 'im.test' };
    const code: NewMessage = { kind: 'proof-code', refs: { proofId: 'p', mailbox: 'hostmaster@im.test' } };
    await queued(code, at0, scope);
    await queued({ kind: 'challenge-code', refs: { challengeId: 'c', mailbox: 'x@im.test' } }, at0 + 1, { domain: 'im.test' });
    await queued(code, at0 + 1, { memberId: 'm1', domain: 'other.test' });
    await queued(issued, at0 + 1, scope);
    assert.deepEqual(await countCodes(at.db, scope, at0 - 1), { domain: 2, member: 2 });
    assert.deepEqual(await countCodes(at.db, scope, at0), { domain: 1, member: 1 });
    assert.deepEqual(await countCodes(at.db, { domain: 'im.test' }, at0 - 1), { domain: 2, member: 0 });
    assert.deepEqual(await countCodes(at.db, { memberId: 'm2', domain: 'none.test' }, 0), { domain: 0, member: 0 });
  });

  it('gives up what waits, and counts it as failed, each once', async () => {
    await at.db('notice_counts').delete();
    const lapsing: NewMessage = { kind: 'proof-lapsing', refs: { proofId: 'p', mailbox: 'hostmaster@im.test' } };
    const [one, other, sent, claimed] = [await queued(), await queued(lapsing), await queued(), await queued()];
    const [delivered, underWay] = [await claim(sent), await claim(claimed)];
    assert.ok(delivered && underWay);
    await markSent(at.db, [{ message: delivered }], at0);
    const ids = [one, other, sent, claimed];
    assert.deepEqual([await giveUpMessages(at.db, ids, at0), await giveUpMessages(at.db, ids, at0)], [3, 0]);
    await markSent(at.db, [{ message: underWay }], at0);
    assert.equal(await markFailed(at.db, underWay, 'refused', undefined, at0), false);
    const counts = await noticeCounts(at.db, at0 - 86400, at0 + 1);
    assert.deepEqual(counts.map(({ kind, outcome, notices }) => [kind, outcome, notices]).sort(), [
      ['issued', 'failed', 2],
      ['issued', 'sent', 1],
      ['proof-lapsing', 'failed', 1],
    ]);
  });

  it('counts what waits and what was given up', async () => {
    assert.deepEqual(await countMessages(at.db), { queued: 0, dead: 0 });
    const ids = [await queued(), await queued(), await queued(), await queued()];
    const [, sent, ...dead] = await Promise.all(ids.map(id => claim(id)));
    if (sent) await markSent(at.db, [{ message: sent }], at0);
    for (const message of dead) if (message) await markFailed(at.db, message, 'refused', undefined, at0);
    assert.deepEqual(await countMessages(at.db), { queued: 1, dead: 2 });
  });
});
