import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  openAddress,
  openContact,
  openMember,
  openWords,
  type Sought,
  sealAddress,
  sealContact,
  sealMember,
  sealWords,
  searchHashes,
  soughtHashes,
  type Worded,
} from '../../../src/ca/sealed/personal-data.ts';
import { createVault } from '../../../src/vault/vault.ts';
import { foundIn } from '../../kit/needles.ts';

const key = Buffer.alloc(32, 7);
const at = { vault: createVault(key, randomBytes) };
const stranger = { vault: createVault(Buffer.alloc(32, 8), randomBytes) };
const hexOf = (hashes: Uint8Array[]) => hashes.map(h => Buffer.from(h).toString('hex'));

describe('personal data', () => {
  const person = { name: 'Zacharias Quillfeather 管', contacts: ['zq@letterbox.test', 'Zweite@zwölf.test'] };
  const contact = ['mailto:zq.acme@phone.test', 'mailto:other@phone.test'];
  const address = { address: '203.0.113.77' };
  const words = 'laptop of "Wilhelmina" Oakenshield\n';

  type Tools = typeof at;
  interface Kind {
    what: string;
    plain: unknown;
    seal(id: string): Uint8Array;
    open(tools: Tools, id: string, sealed: Uint8Array): unknown;
  }
  const ofWords = (of: Worded): Kind => ({
    what: `in words of ${of}`,
    plain: words,
    seal: id => sealWords(at, of, id, words),
    open: (tools, id, sealed) => openWords(tools, of, id, sealed),
  });
  const kinds: Kind[] = [
    {
      what: 'of a member',
      plain: person,
      seal: id => sealMember(at, id, person),
      open: (tools, id, personal) => openMember(tools, { id, personal }),
    },
    {
      what: 'of an account',
      plain: contact,
      seal: id => sealContact(at, id, contact),
      open: (tools, id, sealed) => openContact(tools, { id, contact: sealed }),
    },
    {
      what: 'of a message',
      plain: address,
      seal: id => sealAddress(at, id, address),
      open: (tools, id, personal) => openAddress(tools, { id, personal }),
    },
    ofWords('eab'),
    ofWords('token'),
    ofWords('blocked'),
  ];
  const texts = [person.name, ...person.contacts, ...contact, address.address, 'Oakenshield'];

  for (const { what, plain, seal, open } of kinds)
    describe(what, () => {
      it('is opened as it was sealed', () => assert.deepEqual(open(at, 'row', seal('row')), plain));

      it('is not to be read where it is sealed', () => assert.deepEqual(foundIn(seal('row'), texts), []));

      it('is sealed differently each time', () => assert.notDeepEqual(seal('row'), seal('row')));

      it('does not open in another row, nor under another key', () => {
        assert.throws(() => open(at, 'another row', seal('row')));
        assert.throws(() => open(stranger, 'row', seal('row')), /another key-encryption key/);
      });

      for (const other of kinds.filter(k => k.what !== what))
        it(`does not open as data ${other.what}`, () => {
          assert.throws(() => other.open(at, 'row', seal('row')));
        });
    });

  it('is nothing where it was erased', () => {
    assert.equal(openMember(at, { id: 'row' }), undefined);
    assert.equal(openAddress(at, { id: 'row' }), undefined);
    assert.deepEqual(openContact(at, { id: 'row' }), []);
  });

  it('is kept where it is empty', () => {
    assert.deepEqual(openMember(at, { id: 'row', personal: sealMember(at, 'row', { name: '', contacts: [] }) }), {
      name: '',
      contacts: [],
    });
    assert.deepEqual(openContact(at, { id: 'row', contact: sealContact(at, 'row', []) }), []);
    assert.equal(openWords(at, 'eab', 'row', sealWords(at, 'eab', 'row', '')), '');
  });
});

describe('the hashes by which a member is found', () => {
  const club = { name: 'Röhre e. V.', contacts: ['admin@club.test', 'Zweite@zwölf.test'] };
  const finds = (sought: Sought, tools = at) => {
    const stored = new Set(hexOf(searchHashes(at, club)));
    return hexOf(soughtHashes(tools, sought)).some(hash => stored.has(hash));
  };

  const cases: [sought: Sought, found: boolean][] = [
    [{ kind: 'name', value: 'Röhre e. V.' }, true],
    [{ kind: 'name', value: '  RÖHRE  e. v.' }, true],
    [{ kind: 'name', value: 'Röhre' }, false],
    [{ kind: 'name', value: '' }, false],
    [{ kind: 'name', value: 'admin@club.test' }, false],
    [{ kind: 'email', value: 'admin@club.test' }, true],
    [{ kind: 'email', value: ' Admin@CLUB.test ' }, true],
    [{ kind: 'email', value: 'zweite@xn--zwlf-6qa.test' }, true],
    [{ kind: 'email', value: 'other@club.test' }, false],
    [{ kind: 'email', value: 'Röhre e. V.' }, false],
  ];
  for (const [sought, found] of cases)
    it(`${found ? 'have' : 'do not have'} the ${sought.kind} "${sought.value}"`, () => assert.equal(finds(sought), found));

  it('are one for the name and one for each contact, in every member the same', () => {
    const hashes = hexOf(searchHashes(at, club));
    assert.equal(new Set(hashes).size, 3);
    assert.deepEqual(hexOf(searchHashes(at, { ...club })), hashes);
    assert.ok(hashes.every(hash => hash.length === 64));
  });

  it('are one where contacts mean the same, and none of contacts that are not there', () => {
    const same = { name: 'Club', contacts: ['admin@club.test', 'ADMIN@club.test', ' admin@Club.test'] };
    assert.equal(searchHashes(at, same).length, 2);
    assert.equal(searchHashes(at, { name: 'Club', contacts: [] }).length, 1);
    assert.equal(searchHashes(at, { name: 'a@b.test', contacts: ['a@b.test'] }).length, 2, 'a name is no address');
  });

  it('are others under another key', () => {
    assert.equal(finds({ kind: 'name', value: club.name }, stranger), false);
  });

  it('are looked for under the old key too while a key is changed', () => {
    const keys = [Buffer.alloc(32, 9), key];
    const both = { vault: createVault(() => keys, randomBytes) };
    const sought: Sought = { kind: 'email', value: 'admin@club.test' };
    assert.equal(soughtHashes(at, sought).length, 1);
    assert.equal(soughtHashes(both, sought).length, 2);
    assert.ok(finds(sought, both));
    const [newest] = hexOf(soughtHashes(both, sought));
    assert.ok(newest && hexOf(searchHashes(both, club)).includes(newest), 'stored under the newest');
    assert.equal(searchHashes(both, club).length, 3);
  });
});
