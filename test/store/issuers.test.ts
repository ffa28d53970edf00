import assert from 'node:assert/strict';
import {
  type Credential,
  insertCredential,
  insertCrl,
  insertIssuer,
  listIssuers,
  newestCredential,
  newestCrl,
  newestCrlNumber,
  readSetting,
  writeSetting,
} from '../../src/store/issuers.ts';
import { isDuplicate } from '../../src/store/open.ts';
import { onEachEngine } from '../kit/database.ts';
import { anId, at0, bytes } from '../kit/records.ts';

onEachEngine('the store of issuers', at => {
  it('gives CA certificates back, with and without a key, the oldest first', async () => {
    const root = { id: anId(), kind: 'root', certificate: bytes('root'), active: false, createdAt: at0 } as const;
    const issuing = { id: anId(), kind: 'issuing', certificate: bytes('ca'), key: bytes('key'), active: true, createdAt: at0 + 1 } as const;
    await insertIssuer(at.db, issuing);
    await insertIssuer(at.db, root);
    assert.deepEqual(await listIssuers(at.db), [root, issuing]);
    await assert.rejects(insertIssuer(at.db, root), isDuplicate);
  });

  it('gives the credential that lasts longest, of its purpose and holder', async () => {
    const credential = (notAfter: number, more: Partial<Credential> = {}): Credential => ({
      id: anId(),
      purpose: 'tls',
      holder: 'localhost',
      issuerId: 'aa',
      certificate: bytes('certificate'),
      key: bytes('key'),
      notBefore: at0,
      notAfter,
      ...more,
    });
    assert.equal(await newestCredential(at.db, 'tls', 'localhost'), undefined);
    const best = credential(at0 + 9);
    for (const c of [credential(at0 + 5), best, credential(at0 + 7), credential(at0 + 99, { purpose: 'ocsp' })])
      await insertCredential(at.db, c);
    assert.deepEqual(await newestCredential(at.db, 'tls', 'localhost'), best);
    assert.equal(await newestCredential(at.db, 'tls', 'elsewhere'), undefined);
  });

  it('gives the CRL with the highest number; each number is used once', async () => {
    const crl = (number: number) => ({
      issuerId: 'aa',
      number,
      der: bytes(`crl ${number}`),
      revocations: 3,
      thisUpdate: at0,
      nextUpdate: at0 + 9,
    });
    assert.equal(await newestCrl(at.db, 'aa'), undefined);
    for (const number of [at0, at0 + 10, at0 + 9]) await insertCrl(at.db, crl(number));
    assert.deepEqual(await newestCrl(at.db, 'aa'), crl(at0 + 10));
    assert.equal(await newestCrlNumber(at.db, 'aa'), at0 + 10);
    assert.equal(await newestCrlNumber(at.db, 'bb'), undefined);
    await assert.rejects(insertCrl(at.db, crl(at0)), isDuplicate);
    assert.equal(await newestCrl(at.db, 'bb'), undefined);
  });

  it('keeps the first value of a setting', async () => {
    assert.equal(await readSetting(at.db, 'kek'), undefined);
    await Promise.all(['one', 'two', 'three'].map(value => writeSetting(at.db, 'kek', value)));
    const first = await readSetting(at.db, 'kek');
    await writeSetting(at.db, 'kek', 'four');
    assert.ok(first !== undefined && first !== 'four');
    assert.equal(await readSetting(at.db, 'kek'), first);
  });
});
