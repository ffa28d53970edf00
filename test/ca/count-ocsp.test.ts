import assert from 'node:assert/strict';
import { ocspResponder } from '../../src/ca/answer-ocsp.ts';
import { countedOcsp } from '../../src/ca/count-ocsp.ts';
import { publishDueCrls } from '../../src/ca/publish-crl.ts';
import { revoke } from '../../src/ca/revoke.ts';
import { operator } from '../../src/model/audit.ts';
import { elements, octetString, oid, readDer, sequence, tlv } from '../../src/pki/der.ts';
import { ocspError } from '../../src/pki/ocsp.ts';
import { oids } from '../../src/pki/oids.ts';
import { issued, openTestCtx, type TestCtx } from '../kit/ctx.ts';
import { ocspRequest } from '../kit/status.ts';

describe('OCSP answers', () => {
  let at: TestCtx;
  let counted: [outcome: string, nonce: boolean][];
  before(async () => {
    at = await openTestCtx();
    await publishDueCrls(at.ctx);
    at.ctx.metrics.answeredOcsp = (...answer) => counted.push(answer);
  });
  beforeEach(() => {
    counted = [];
  });
  after(() => at.close());

  const requestsOf = (der: Uint8Array) => {
    const [tbs] = elements(readDer(der));
    return tbs ? (elements(tbs)[0]?.bytes ?? der) : der;
  };
  const nonce = (octets: number) =>
    tlv(0xa2, sequence(sequence(oid(oids.ocspNonce), octetString(octetString(new Uint8Array(octets).fill(7))))));
  const request = (serials: string[], ...more: Uint8Array[]) => {
    const singles = serials.flatMap(s => elements(readDer(requestsOf(ocspRequest(at.ctx, s)))).map(e => e.bytes));
    return sequence(sequence(sequence(...singles), ...more));
  };

  it('are counted by what they say: of several certificates, whether any is revoked', async () => {
    const answer = countedOcsp(at.ctx, ocspResponder(at.ctx));
    const one = await issued(at, ['one.test']);
    const two = await issued(at, ['two.test']);
    await answer(request([one.serial, two.serial]));
    await revoke(at.ctx, two, 'superseded', { kind: 'operator' }, operator);
    await at.ctx.background.settled();
    at.clock.now += 2;
    await answer(request([one.serial]));
    await answer(request([one.serial], nonce(16)));
    await answer(request([one.serial, two.serial], nonce(128)));
    await answer(request(['01'.repeat(16)]));
    await answer(request(['01'.repeat(16)], nonce(16)));
    await answer(request([one.serial], nonce(129)));
    await answer(new Uint8Array());
    assert.deepEqual(counted, [
      ['good', false],
      ['good', false],
      ['good', true],
      ['revoked', true],
      ['unauthorized', false],
      ['unauthorized', false],
      ['malformedRequest', false],
      ['malformedRequest', false],
    ]);
  });

  it('are counted each time that they are given, errors too', async () => {
    const shared = ocspError('tryLater');
    const answer = countedOcsp(at.ctx, async () => shared);
    for (let i = 0; i < 3; i++) assert.equal(await answer(new Uint8Array()), shared);
    assert.deepEqual(counted, Array(3).fill(['tryLater', false]));
    await countedOcsp(at.ctx, async () => ocspError('internalError'))(new Uint8Array());
    assert.deepEqual(counted.at(-1), ['internalError', false]);
  });
});
