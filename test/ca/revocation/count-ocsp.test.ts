import assert from 'node:assert/strict';
import { ocspResponder } from '../../../src/ca/revocation/answer-ocsp.ts';
import { countedOcsp } from '../../../src/ca/revocation/count-ocsp.ts';
import { revoke } from '../../../src/ca/revocation/revoke.ts';
import { operator } from '../../../src/model/audit.ts';
import { ocspError } from '../../../src/pki/ocsp.ts';
import { issued, openTestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { ocspRequest } from '../../kit/status.ts';

describe('OCSP answers', () => {
  const at = opened(() => openTestCtx());
  let counted: [outcome: string, nonce: boolean][];
  before(async () => {
    at.ctx.metrics.answeredOcsp = (...answer) => counted.push(answer);
  });
  beforeEach(() => {
    counted = [];
  });

  it('are counted by what they say: of several certificates, whether any is revoked', async () => {
    const answer = countedOcsp(at.ctx, ocspResponder(at.ctx));
    const one = await issued(at, ['one.test']);
    const two = await issued(at, ['two.test']);
    const both = [one.serial, two.serial];
    const nonce = (octets: number) => ({ nonce: new Uint8Array(octets).fill(7) });
    await answer(ocspRequest(at.ctx, both));
    await answer(ocspRequest(at.ctx, both));
    await revoke(at.ctx, two, { reason: 'superseded', revoker: { kind: 'operator' }, actor: operator });
    await at.ctx.background.settled();
    await answer(ocspRequest(at.ctx, both));
    await answer(ocspRequest(at.ctx, one.serial, nonce(16)));
    await answer(ocspRequest(at.ctx, both, nonce(128)));
    await answer(ocspRequest(at.ctx, '01'.repeat(16), nonce(16)));
    await answer(ocspRequest(at.ctx, one.serial, nonce(129)));
    await answer(new Uint8Array());
    assert.deepEqual(counted, [
      ['good', false],
      ['good', false],
      ['revoked', false],
      ['good', true],
      ['revoked', true],
      ['unauthorized', false],
      ['malformedRequest', false],
      ['malformedRequest', false],
    ]);
  });

  it('are counted each time that they are given, refusals too, and are left as they are', async () => {
    const refusal = { der: ocspError('tryLater'), refusal: 'tryLater' as const };
    const answer = countedOcsp(at.ctx, async () => refusal);
    for (let i = 0; i < 3; i++) assert.equal(await answer(new Uint8Array()), refusal);
    assert.deepEqual(counted, Array(3).fill(['tryLater', false]));
  });
});
