import assert from 'node:assert/strict';
import type { Certificate } from '../../src/model/certificate.ts';
import type { DomainProof } from '../../src/model/member.ts';
import { commitCertificate, firstFence, moveCertificate, revokeCertificates } from '../../src/store/certificates.ts';
import { insertProof, otherHolders } from '../../src/store/proofs.ts';
import { onEachEngine } from '../kit/database.ts';
import { aCertificate, anId, aProof, at0, bytes, storedMember } from '../kit/records.ts';

const valid = { status: 'valid' } as const;

onEachEngine('other holders of a domain', at => {
  let mine: string;
  let theirs: string;
  let domain: string;
  beforeEach(async () => {
    [mine, theirs, domain] = [await aMemberId(), await aMemberId(), `${anId()}.test`];
  });
  const aMemberId = async () => (await storedMember(at.db)).id;
  const proved = (memberId: string, name: string, more: Partial<DomainProof> = {}) => insertProof(at.db, aProof(memberId, name, more));
  const holders = async (asked = domain, now = at0) => (await otherHolders(at.db, mine, asked, now)).sort();
  async function issued(memberId: string | undefined, name: string, more: Partial<Certificate> = {}): Promise<void> {
    const certificate = aCertificate({ ...(memberId && { memberId }), names: [name], orderId: anId(), ...more });
    await at.db.transaction(trx => commitCertificate(trx, certificate, 30));
    await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der: bytes('der') });
  }

  it('are those of a wildcard certificate that stands for the domain, and for no more than one label', async () => {
    await issued(theirs, `*.${domain}`);
    assert.deepEqual(await holders(`im.${domain}`), [theirs]);
    assert.deepEqual(await holders(`a.im.${domain}`), []);
  });

  it('are found by their proofs and certificates, each member once', async () => {
    const third = await aMemberId();
    assert.deepEqual(await holders(), []);
    await proved(mine, domain, valid);
    await proved(theirs, domain);
    await proved(theirs, `${anId()}.test`, valid);
    assert.deepEqual(await holders(), []);
    await proved(theirs, domain, valid);
    await proved(theirs, domain, valid);
    assert.deepEqual(await holders(), [theirs]);
    const certificate = aCertificate({ memberId: third, names: [domain], orderId: anId() });
    await at.db.transaction(trx => commitCertificate(trx, certificate, 30));
    assert.deepEqual(await holders(), [theirs]);
    await moveCertificate(at.db, certificate.serial, 'issued', firstFence, { der: bytes('der') });
    assert.deepEqual(await holders(), [theirs, third].sort());
    await revokeCertificates(at.db, [certificate.serial], { at: at0, reason: 'superseded', by: 'operator' });
    assert.deepEqual(await holders(), [theirs]);
  });

  /** A proof of the asked name touches the proofs that cover it, and those that it would cover. */
  const touching: [held: string, asked: string, touched: boolean][] = [
    ['club.test', 'im.club.test', true],
    ['im.club.test', 'club.test', true],
    ['im.club.test', 'chat.club.test', false],
    ['club.test', 'notclub.test', false],
  ];
  for (const [held, asked, touched] of touching)
    it(`of ${asked} ${touched ? 'are' : 'are not'} those with a proof of ${held}`, async () => {
      const below = (name: string) => name.replace('club.test', `club${domain}`);
      await proved(theirs, below(held), valid);
      assert.deepEqual(await holders(below(asked)), touched ? [theirs] : []);
    });

  it('are those with a certificate for a name below, not those with one for a name above', async () => {
    await issued(theirs, `im.${domain}`);
    assert.deepEqual(await holders(), [theirs]);
    assert.deepEqual(await holders(`a.im.${domain}`), []);
  });

  it('are those with a certificate for all names below', async () => {
    await issued(theirs, `*.im.${domain}`);
    assert.deepEqual([await holders(), await holders(`im.${domain}`)], [[theirs], [theirs]]);
    assert.deepEqual(await holders(`chat.${domain}`), []);
  });

  it('are such to the last second before their proof or certificate ends', async () => {
    const third = await aMemberId();
    await proved(theirs, domain, { ...valid, expiresAt: at0 + 10 });
    await issued(third, domain, { notAfter: at0 + 20 });
    assert.deepEqual(await holders(domain, at0 + 9), [theirs, third].sort());
    assert.deepEqual([await holders(domain, at0 + 10), await holders(domain, at0 + 19)], [[third], [third]]);
    assert.deepEqual(await holders(domain, at0 + 20), []);
  });

  it('are not those whose proof is revoked, nor the member itself; a certificate without a member has none', async () => {
    await proved(theirs, domain, { status: 'revoked' });
    await issued(mine, domain);
    await issued(undefined, domain);
    assert.deepEqual(await holders(), []);
  });
});
