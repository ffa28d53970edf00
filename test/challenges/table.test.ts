import assert from 'node:assert/strict';
import { keyAuthorization } from '../../src/challenges/challenge-type.ts';
import { challengeTypes } from '../../src/challenges/table.ts';
import { caaMethodLabels, challengeTypeNames } from '../../src/model/challenge.ts';

/** ACME's registry "ACME Validation Methods" (RFC 8555 §9.7.8, RFC 8737 §6.3). */
const registry = ['http-01', 'dns-01', 'tls-alpn-01'];

describe('challenge types', () => {
  it('are those that the model lists', () => assert.deepEqual(Object.keys(challengeTypes).sort(), [...challengeTypeNames].sort()));
  it('that check go out after an answer; the others decide at once', () => {
    for (const type of ['http-01', 'dns-01', 'tls-alpn-01'] as const) {
      assert.ok(challengeTypes[type].check);
      const challenge = { id: 'c', authorizationId: 'a', type, token: 't', status: 'pending' } as const;
      assert.deepEqual(challengeTypes[type].respond(challenge, {}, { thumbprint: 't', now: 0, codesFor: () => [] }), {
        next: 'processing',
      });
    }
    assert.equal(challengeTypes['email-mailbox-01'].check, undefined);
  });
  it('have a CAA label each, beginning with "ca-" where the registry lacks the method (RFC 8657 §4)', () => {
    for (const name of challengeTypeNames) {
      assert.ok(caaMethodLabels[name]);
      assert.equal(caaMethodLabels[name].startsWith('ca-'), !registry.includes(name));
    }
    assert.equal(new Set(Object.values(caaMethodLabels)).size, challengeTypeNames.length);
  });
  it('share one key authorization (RFC 8555 §8.1)', () => assert.equal(keyAuthorization({ token: 'a', thumbprint: 'b' }), 'a.b'));
});
