import assert from 'node:assert/strict';
import { answerLifetime, claimAnswer, keepAnswer, type NamedRequest, pruneAnswers, releaseAnswer } from '../../src/store/idempotency.ts';
import { onEachEngine } from '../kit/database.ts';
import { anId, at0, bytes } from '../kit/records.ts';

onEachEngine('answers under a key', at => {
  const aRequest = (more: Partial<NamedRequest> = {}): NamedRequest => ({
    tokenId: anId(),
    keys: ['k', 'former'],
    requestHash: bytes('request'),
    ...more,
  });
  const plain = (known: Awaited<ReturnType<typeof claimAnswer>>) =>
    known && { key: known.key, requestHash: Buffer.from(known.requestHash), ...(known.answer && { answer: Buffer.from(known.answer) }) };
  const keep = ({ tokenId, keys: [key] }: NamedRequest) => keepAnswer(at.db, { tokenId, key }, bytes('answer'));

  it('are claimed once, kept, and found again; another token has its own', async () => {
    const request = aRequest();
    const claims = await Promise.all([1, 2, 3].map(() => claimAnswer(at.db, request, at0)));
    assert.equal(claims.filter(known => known === undefined).length, 1);
    await keep(request);
    const other = { ...request, requestHash: bytes('other') };
    assert.deepEqual(plain(await claimAnswer(at.db, other, at0)), { key: 'k', requestHash: bytes('request'), answer: bytes('answer') });
    assert.equal(await claimAnswer(at.db, aRequest(), at0), undefined);
  });

  it('are found under each name that the request has had', async () => {
    const request = aRequest();
    assert.equal(await claimAnswer(at.db, request, at0), undefined);
    await keep(request);
    const known = { key: 'k', requestHash: bytes('request'), answer: bytes('answer') };
    assert.deepEqual(plain(await claimAnswer(at.db, { ...request, keys: ['newer', 'k'] }, at0)), known);
    assert.equal((await at.db('idempotent_answers').where({ token_id: request.tokenId })).length, 1);
    assert.equal(await claimAnswer(at.db, { ...request, keys: ['newer'] }, at0), undefined);
  });

  it('are let go where nothing was done, and never where there is an answer', async () => {
    const request = aRequest();
    assert.equal(await claimAnswer(at.db, request, at0), undefined);
    await releaseAnswer(at.db, { tokenId: request.tokenId, key: 'k' });
    assert.equal(await claimAnswer(at.db, request, at0), undefined);
    await keep(request);
    await releaseAnswer(at.db, { tokenId: request.tokenId, key: 'k' });
    assert.ok(await claimAnswer(at.db, request, at0));
  });

  it('end after a day', async () => {
    const [request, pruned] = [aRequest(), aRequest()];
    for (const each of [request, pruned]) {
      await claimAnswer(at.db, each, at0);
      await keep(each);
    }
    await pruneAnswers(at.db, at0 + answerLifetime - 1);
    assert.ok(await claimAnswer(at.db, request, at0 + answerLifetime - 1));
    assert.equal(await claimAnswer(at.db, request, at0 + answerLifetime), undefined);
    await pruneAnswers(at.db, at0 + answerLifetime);
    assert.equal(await at.db('idempotent_answers').where({ token_id: pruned.tokenId }).first(), undefined);
  });
});
