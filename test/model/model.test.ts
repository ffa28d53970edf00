import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Authorization, authorizationMoves, authorizationStatus } from '../../src/model/authorization.ts';
import {
  certificateMoves,
  operatorReasons,
  parseReason,
  parseSerial,
  reasonName,
  revocationReasons,
  subscriberReasons,
} from '../../src/model/certificate.ts';
import { challengeMoves } from '../../src/model/challenge.ts';
import { maxAttempts, retryPause } from '../../src/model/message.ts';
import { type Order, orderMoves, orderStatus } from '../../src/model/order.ts';
import { about, asProblem, compound, type ErrorType, errorTypes, notFound, Problem } from '../../src/model/problem.ts';
import { enhancedStatusMeaning } from '../../src/model/smtp-status.ts';

const now = 1000;
const authorization = (status: Authorization['status'], expiresAt = now + 1): Authorization => ({
  id: 'a',
  accountId: 'b',
  name: 'a.example',
  wildcard: false,
  status,
  expiresAt,
  createdAt: 0,
});
const order = (state: Order['state'], expiresAt = now + 1): Order => ({
  id: 'o',
  accountId: 'b',
  profile: 'xmpp-server',
  names: ['a.example'],
  authorizationIds: ['a'],
  state,
  expiresAt,
  createdAt: 0,
});

describe('status of an authorization (RFC 8555 §7.1.6)', () => {
  for (const [status, expired] of [
    ['pending', 'expired'],
    ['valid', 'expired'],
    ['invalid', 'invalid'],
    ['deactivated', 'deactivated'],
    ['revoked', 'revoked'],
  ] as const)
    it(`${status} is ${expired} after its end`, () => {
      assert.equal(authorizationStatus(authorization(status), now), status);
      assert.equal(authorizationStatus(authorization(status, now), now), expired);
    });
});

describe('status of an order (RFC 8555 §7.1.6)', () => {
  const cases: [state: Order['state'], authorizations: Authorization[], status: string, expiresAt?: number][] = [
    ['open', [authorization('pending')], 'pending'],
    ['open', [authorization('valid'), authorization('pending')], 'pending'],
    ['open', [authorization('valid'), authorization('valid')], 'ready'],
    ['open', [authorization('valid'), authorization('invalid')], 'invalid'],
    ['open', [authorization('valid'), authorization('deactivated')], 'invalid'],
    ['open', [authorization('valid'), authorization('revoked')], 'invalid'],
    ['open', [authorization('valid', now)], 'invalid'],
    ['open', [authorization('pending', now)], 'invalid'],
    ['open', [authorization('valid')], 'invalid', now],
    ['processing', [authorization('invalid')], 'processing'],
    ['valid', [authorization('deactivated')], 'valid', 0],
    ['invalid', [authorization('valid')], 'invalid'],
  ];
  for (const [state, authorizations, status, expiresAt] of cases)
    it(`${state}${expiresAt === undefined ? '' : ' and past its end'} with ${authorizations.map(a => authorizationStatus(a, now)).join(' and ')} is ${status}`, () =>
      assert.equal(orderStatus(order(state, expiresAt), authorizations, now), status));
});

describe('moves', () => {
  for (const [what, moves] of Object.entries({ authorizationMoves, challengeMoves, orderMoves, certificateMoves }))
    it(`${what} never come back`, () => {
      const table = moves as Record<string, readonly string[]>;
      const reachable = (from: string, seen = new Set<string>()): Set<string> => {
        for (const to of table[from] ?? []) if (!seen.has(to)) reachable(to, seen.add(to));
        return seen;
      };
      for (const state of Object.keys(table)) assert.ok(!reachable(state).has(state), state);
    });
});

describe('revocation reasons (RFC 5280 §5.3.1)', () => {
  it('have the numbers of the RFC', () => {
    const { unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold } =
      revocationReasons;
    assert.deepEqual(
      [unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold],
      [0, 1, 2, 3, 4, 5, 6],
    );
    assert.deepEqual([revocationReasons.privilegeWithdrawn, revocationReasons.aACompromise], [9, 10]);
  });
  it('are read by name in any case and by number', () => {
    for (const [text, reason] of [
      ['keyCompromise', 'keyCompromise'],
      ['KEYCOMPROMISE', 'keyCompromise'],
      ['1', 'keyCompromise'],
      ['0', 'unspecified'],
      ['10', 'aACompromise'],
    ] as const)
      assert.equal(parseReason(text), reason);
    for (const text of ['7', '8', '11', '-1', '1.0', '', ' 1', 'removeFromCRL', 'toString', '__proto__'])
      assert.equal(parseReason(text), undefined, text);
    assert.equal(reasonName(8), undefined);
  });
  it('of subscribers and operators never hold', () => {
    for (const list of [subscriberReasons, operatorReasons]) assert.ok(!list.includes('certificateHold') && !list.includes('cACompromise'));
  });
});

describe('serials', () => {
  for (const [text, serial] of [
    ['42ff', '42ff'],
    ['42:FF', '42ff'],
    ['0042ff', '42ff'],
    ['2ff', '02ff'],
    ['0', '00'],
    ['000', '00'],
    ['00:01', '01'],
  ] as const)
    it(`${text} is ${serial}`, () => assert.equal(parseSerial(text), serial));
  for (const text of ['', 'xyz', '0x42', '42 ff', '-1', ':', 'a'.repeat(65)])
    it(`"${text}" is none`, () => assert.equal(parseSerial(text), undefined));
  it('have one form', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n }), fc.nat(4), (value, zeros) => {
        const serial = parseSerial('0'.repeat(zeros) + value.toString(16)) ?? assert.fail();
        assert.equal(BigInt(`0x${serial}`), value);
        assert.equal(parseSerial(serial.toUpperCase()), serial);
        assert.equal(serial.length % 2, 0);
      }),
    );
  });
});

describe('problems (RFC 8555 §6.7)', () => {
  for (const [type, status] of Object.entries(errorTypes) as [ErrorType, number][])
    it(`${type} is ${status}`, () => {
      assert.deepEqual(new Problem(type, 'why').toJSON(), { type: `urn:ietf:params:acme:error:${type}`, detail: 'why', status });
    });
  it('leave out members without a value', () => {
    const json = JSON.parse(JSON.stringify(new Problem('caa', 'why', { subproblems: [] })));
    assert.deepEqual(Object.keys(json).sort(), ['detail', 'status', 'type']);
  });
  it('never show their cause', () => {
    const problem = asProblem(new Error('password is 1234'));
    assert.equal(problem.type, 'serverInternal');
    assert.ok(!JSON.stringify(problem).includes('1234'));
    assert.ok(problem.extras.cause instanceof Error);
  });
  it('about names have a subproblem each (RFC 8555 §6.7.1)', () => {
    const a = about('a.example', new Problem('caa', 'A'));
    const b = about('b.example', new Problem('caa', 'B'));
    const c = about('c.example', new Problem('dns', 'C'));
    assert.deepEqual([compound([a], 'all').type, compound([a], 'all').detail], ['caa', 'A']);
    assert.equal(compound([a, b], 'all').type, 'caa');
    const mixed = compound([a, c], 'all').toJSON();
    assert.equal(mixed.type, 'urn:ietf:params:acme:error:compound');
    assert.deepEqual(
      mixed.subproblems?.map(p => p.identifier),
      [
        { type: 'dns', value: 'a.example' },
        { type: 'dns', value: 'c.example' },
      ],
    );
  });
  it('say 404 for what is not there', () => assert.equal(notFound('order').status, 404));
});

describe('messages', () => {
  it('are tried again at growing intervals, for about two days', () => {
    const pauses = Array.from({ length: maxAttempts - 1 }, (_, i) => retryPause(i + 1));
    assert.deepEqual(pauses.slice(0, 4), [30, 60, 120, 240]);
    assert.equal(Math.max(...pauses), 6 * 3600);
    const total = pauses.reduce((a, b) => a + b);
    assert.ok(total > 86400 && total < 4 * 86400, String(total));
  });
  it('have a meaning for every enhanced status (RFC 3463 §3)', () => {
    for (const [code, meaning] of [
      ['5.1.1', 'there is no such mailbox'],
      ['4.2.2', 'the mailbox is full'],
      ['5.1.99', 'the address is not accepted'],
      ['5.7.0', 'security or policy forbids it'],
      ['5.9.9', 'the mail server gave an unknown reason'],
      ['', 'the mail server gave an unknown reason'],
    ] as const)
      assert.equal(enhancedStatusMeaning(code), meaning);
  });
});
