import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DerError } from '../../src/pki/der.ts';
import type { AltName, Subject } from '../../src/pki/names.ts';
import { certifiedDomains } from '../../src/pki/read-names.ts';
import { everyKind, leafMeant, signLeaf } from '../kit/hierarchy.ts';
import { mutated } from '../kit/mutate.ts';

describe('the domains that a certificate could be taken for', () => {
  const certified = (altNames: AltName[], subject: Subject = {}) => certifiedDomains(signLeaf({ ...leafMeant(), subject, altNames }));
  const cases: [what: string, altNames: AltName[], subject: Subject, found: string[]][] = [
    ['a dNSName', [{ kind: 'dns', value: 'a.example' }], {}, ['a.example']],
    ['a dNSName in capitals', [{ kind: 'dns', value: 'VICTIM.example' }], {}, ['victim.example']],
    ['one with a dot at its end', [{ kind: 'dns', value: 'a.example.' }], {}, ['a.example']],
    ['a wildcard', [{ kind: 'dns', value: '*.a.example' }], {}, ['*.a.example']],
    ['an SRVName (RFC 4985)', [{ kind: 'srv', value: '_xmpp-server.A.example' }], {}, ['a.example']],
    ['an SRVName with a wildcard', [{ kind: 'srv', value: '_xmpp-server.*.a.example' }], {}, ['*.a.example']],
    ['an XmppAddr (RFC 6120 §13.7.1.4)', [{ kind: 'xmppAddr', value: 'München.example' }], {}, ['xn--mnchen-3ya.example']],
    ['an XmppAddr with more than a domain', [{ kind: 'xmppAddr', value: 'me@a.example/b@c.example' }], {}, ['a.example']],
    ['a common name (RFC 6120 §13.7.1.2.1)', [], { commonName: 'A.example' }, ['a.example']],
    ['a common name that is none', [], { commonName: 'Federation CA' }, ['federation ca']],
    [
      'each once',
      [
        { kind: 'dns', value: 'a.example' },
        { kind: 'xmppAddr', value: 'a.example' },
        { kind: 'ip', value: '127.0.0.1' },
        { kind: 'dns', value: 'b.example' },
      ],
      { commonName: 'a.example' },
      ['a.example', 'b.example'],
    ],
  ];
  for (const [what, altNames, subject, found] of cases)
    it(`are those of ${what}`, () => {
      assert.deepEqual(certified(altNames, subject), found);
    });

  it('are read or refused, whatever the bytes', () => {
    const valid = Object.values(everyKind).map(signLeaf);
    for (const der of valid) assert.ok(certifiedDomains(der).every(domain => domain === domain.toLowerCase()));
    fc.assert(
      fc.property(mutated(valid), bytes => {
        try {
          certifiedDomains(bytes);
        } catch (error) {
          if (!(error instanceof DerError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});
