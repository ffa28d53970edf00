import assert from 'node:assert/strict';
import { authorizationMoves, authorizationStatuses } from '../../src/model/authorization.ts';
import { challengeMoves, challengeStatuses, challengeTypeNames, type MailboxDetail } from '../../src/model/challenge.ts';
import {
  claimChallenge,
  deactivateAuthorizationsOfAccount,
  findAuthorization,
  findAuthorizations,
  findChallenge,
  findChallengeAndAuthorization,
  holdsChallenge,
  insertAuthorizations,
  listChallenges,
  moveAuthorization,
  moveChallenge,
  reusableAuthorizations,
  revokeAuthorizationsOfProof,
  setChallengeError,
  unclaimedChallenges,
  updateMailbox,
} from '../../src/store/authorizations.ts';
import { onEachEngine } from '../kit/database.ts';
import { aChallenge, anAuthorization, at0, storedAccount } from '../kit/records.ts';

const problem = { type: 'urn:ietf:params:acme:error:connection', detail: 'no' };

onEachEngine('the store of authorizations', at => {
  /** A challenge of an authorization of an account, stored. */
  async function storedChallenge(more: Parameters<typeof aChallenge>[1] = {}) {
    const account = await storedAccount(at.db);
    const authorization = anAuthorization(account.id, 'im.test');
    const challenge = aChallenge(authorization.id, more);
    await insertAuthorizations(at.db, [authorization], [challenge]);
    return { account, authorization, challenge };
  }

  it('gives authorizations and challenges back with and without their optional members', async () => {
    const { id } = await storedAccount(at.db);
    const bare = anAuthorization(id, 'im.test');
    const full = anAuthorization(id, 'im.test', { wildcard: true, status: 'valid', proofId: 'p1', method: 'dns-01' });
    const mailbox = { mailboxes: ['hostmaster@im.test'], from: 'ca@ca.test', sentTo: [] };
    const challenges = [
      aChallenge(bare.id),
      aChallenge(full.id, { type: 'email-mailbox-01', status: 'valid', validatedAt: at0, mailbox }),
    ] as const;
    await insertAuthorizations(at.db, [bare, full], [...challenges]);
    assert.deepEqual(await findAuthorization(at.db, bare.id), bare);
    assert.deepEqual(await findAuthorizations(at.db, [full.id, 'none', bare.id]), [full, bare]);
    assert.deepEqual(await listChallenges(at.db, full.id), [challenges[1]]);
    assert.deepEqual(await findChallengeAndAuthorization(at.db, challenges[0].id), { challenge: challenges[0], authorization: bare });
    assert.equal(await findChallengeAndAuthorization(at.db, 'none'), undefined);
    assert.equal(await findAuthorization(at.db, 'none'), undefined);
    await setChallengeError(at.db, challenges[0].id, problem);
    assert.deepEqual(await findChallenge(at.db, challenges[0].id), { ...challenges[0], error: problem });
  });

  it('writes the largest order at once: 100 names with every challenge', async () => {
    const { id } = await storedAccount(at.db);
    const authorizations = Array.from({ length: 100 }, (_, i) => anAuthorization(id, `n${i}.im.test`));
    const mailbox = { mailboxes: ['hostmaster@im.test'], from: 'ca@ca.test', sentTo: [] };
    const challenges = authorizations.flatMap(a => challengeTypeNames.map(type => aChallenge(a.id, { type, mailbox })));
    await insertAuthorizations(at.db, authorizations, challenges);
    assert.deepEqual(
      await findAuthorizations(
        at.db,
        authorizations.map(a => a.id),
      ),
      authorizations,
    );
    assert.equal((await listChallenges(at.db, authorizations[99]?.id ?? '')).length, 4);
    await insertAuthorizations(at.db, [], []);
  });

  it('moves challenges along the table of moves only, and each move once', async () => {
    const { id } = await storedAccount(at.db);
    for (const from of challengeStatuses) {
      for (const to of challengeStatuses) {
        const authorization = anAuthorization(id, 'im.test');
        const challenge = aChallenge(authorization.id, { status: from });
        await insertAuthorizations(at.db, [authorization], [challenge]);
        if (!challengeMoves[from].includes(to)) {
          await assert.rejects(moveChallenge(at.db, challenge.id, from, to), /does not move/);
          continue;
        }
        assert.equal(await moveChallenge(at.db, challenge.id, from, to, { validatedAt: at0, error: problem }), true);
        assert.equal(await moveChallenge(at.db, challenge.id, from, to), false);
        assert.deepEqual(await findChallenge(at.db, challenge.id), { ...challenge, status: to, validatedAt: at0, error: problem });
      }
    }
  });

  it('forgets the error of an attempt before when a challenge moves', async () => {
    const { challenge } = await storedChallenge();
    await setChallengeError(at.db, challenge.id, problem);
    await moveChallenge(at.db, challenge.id, 'pending', 'processing');
    assert.deepEqual(await findChallenge(at.db, challenge.id), { ...challenge, status: 'processing' });
  });

  it('moves authorizations along the table of moves only, and each move once', async () => {
    const { id } = await storedAccount(at.db);
    for (const from of authorizationStatuses) {
      for (const to of authorizationStatuses) {
        const authorization = anAuthorization(id, 'im.test', { status: from });
        await insertAuthorizations(at.db, [authorization], []);
        if (!authorizationMoves[from].includes(to)) {
          await assert.rejects(moveAuthorization(at.db, authorization.id, from, to), /does not move/);
          continue;
        }
        const change = { expiresAt: at0 + 7, method: 'http-01' } as const;
        assert.equal(await moveAuthorization(at.db, authorization.id, from, to, change), true);
        assert.equal(await moveAuthorization(at.db, authorization.id, from, to), false);
        assert.deepEqual(await findAuthorization(at.db, authorization.id), { ...authorization, status: to, ...change });
      }
    }
  });

  it('shows mailbox and mail errors on a pending challenge only', async () => {
    const detail = (sentTo: MailboxDetail['sentTo']): MailboxDetail => ({ mailboxes: ['hostmaster@im.test'], from: 'ca@ca.test', sentTo });
    const sent = [{ mailbox: 'hostmaster@im.test', at: at0 }];
    const { challenge } = await storedChallenge({ type: 'email-mailbox-01', mailbox: detail([]) });
    await setChallengeError(at.db, challenge.id, problem);
    assert.equal(await updateMailbox(at.db, challenge.id, detail(sent)), true);
    const asked = { ...challenge, mailbox: detail(sent) };
    assert.deepEqual(await findChallenge(at.db, challenge.id), asked);
    await moveChallenge(at.db, challenge.id, 'pending', 'valid', { validatedAt: at0 });
    assert.equal(await updateMailbox(at.db, challenge.id, detail([])), false);
    await setChallengeError(at.db, challenge.id, problem);
    assert.deepEqual(await findChallenge(at.db, challenge.id), { ...asked, status: 'valid', validatedAt: at0 });
  });

  it('finds what can serve again: valid, of this account, for the names, long enough', async () => {
    const [mine, other] = [await storedAccount(at.db), await storedAccount(at.db)];
    const good = anAuthorization(mine.id, 'im.test', { status: 'valid', expiresAt: at0 + 10 });
    await insertAuthorizations(
      at.db,
      [
        good,
        anAuthorization(mine.id, 'im.test'),
        anAuthorization(mine.id, 'im.test', { status: 'valid', expiresAt: at0 + 5 }),
        anAuthorization(mine.id, 'other.test', { status: 'valid', expiresAt: at0 + 10 }),
        anAuthorization(other.id, 'im.test', { status: 'valid', expiresAt: at0 + 10 }),
      ],
      [],
    );
    assert.deepEqual(await reusableAuthorizations(at.db, mine.id, ['im.test'], at0 + 5), [good]);
    assert.deepEqual(await reusableAuthorizations(at.db, mine.id, [], at0), []);
  });

  it('ends what was made from a proof, and what an account held', async () => {
    const { id } = await storedAccount(at.db);
    const proofId = `p-${id}`;
    const made = anAuthorization(id, 'a.test', { status: 'valid', proofId });
    const ended = anAuthorization(id, 'b.test', { status: 'deactivated', proofId });
    const own = anAuthorization(id, 'c.test', { status: 'valid' });
    const pending = anAuthorization(id, 'd.test');
    const invalid = anAuthorization(id, 'e.test', { status: 'invalid' });
    const all = [made, ended, own, pending, invalid];
    const statuses = async () =>
      (
        await findAuthorizations(
          at.db,
          all.map(a => a.id),
        )
      ).map(a => a.status);
    await insertAuthorizations(at.db, all, []);
    await revokeAuthorizationsOfProof(at.db, proofId);
    assert.deepEqual(await statuses(), ['revoked', 'deactivated', 'valid', 'pending', 'invalid']);
    await deactivateAuthorizationsOfAccount(at.db, id);
    assert.deepEqual(await statuses(), ['revoked', 'deactivated', 'deactivated', 'deactivated', 'invalid']);
  });

  it('gives a processing challenge to one holder at a time, and tells the earlier one that it lost it', async () => {
    const { challenge } = await storedChallenge();
    assert.equal(await claimChallenge(at.db, challenge.id, 30), undefined, 'pending ones are nobody’s work');
    await moveChallenge(at.db, challenge.id, 'pending', 'processing');
    assert.ok((await unclaimedChallenges(at.db, 1000)).some(c => c.id === challenge.id));
    // A claim of no length has lapsed as soon as it is made.
    const first = await claimChallenge(at.db, challenge.id, 0);
    const second = await claimChallenge(at.db, challenge.id, 30);
    assert.ok(first !== undefined && second !== undefined && second > first);
    assert.equal(await claimChallenge(at.db, challenge.id, 30), undefined);
    assert.equal(
      (await unclaimedChallenges(at.db, 1000)).some(c => c.id === challenge.id),
      false,
    );
    assert.equal(await holdsChallenge(at.db, challenge.id, first), false);
    assert.equal(await holdsChallenge(at.db, challenge.id, second), true);
    assert.ok((await claimChallenge(at.db, challenge.id, 30)) !== undefined, 'what was held to its end is free');
  });

  it('gives one of many that ask at once the claim', async () => {
    const { challenge } = await storedChallenge({ status: 'processing' });
    const fences = await Promise.all(Array.from({ length: 8 }, () => claimChallenge(at.db, challenge.id, 30)));
    assert.equal(fences.filter(f => f !== undefined).length, 1);
  });
});
