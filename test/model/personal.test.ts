import assert from 'node:assert/strict';
import { normalAddress, normalName } from '../../src/model/personal.ts';

describe('names and addresses that mean the same', () => {
  const addresses: [string, string][] = [
    ['Admin@Club.Test', 'admin@club.test'],
    [' admin@club.test ', 'admin@club.test'],
    ['admin@zwölf.test', 'admin@xn--zwlf-6qa.test'],
    ['admin@ZWÖLF.test', 'admin@zwölf.test'],
    ['"a@b"@club.test', '"A@B"@CLUB.test'],
  ];
  for (const [one, other] of addresses) it(`${one} is ${other}`, () => assert.equal(normalAddress(one), normalAddress(other)));

  const others: [string, string][] = [
    ['admin@club.test', 'admin@club.tests'],
    ['admin@club.test', 'adm.in@club.test'],
    ['admin+x@club.test', 'admin@club.test'],
    ['@club.test', 'club.test@'],
  ];
  for (const [one, other] of others) it(`${one} is not ${other}`, () => assert.notEqual(normalAddress(one), normalAddress(other)));

  const names: [string, string][] = [
    ['Example  Club', 'example club'],
    ['\tRÖHRE e. V. ', 'Röhre e. V.'],
    ['Ｆｕｌｌ', 'full'],
    ['Ro\u0308hre', 'Röhre'],
  ];
  for (const [one, other] of names) it(`${JSON.stringify(one)} is ${other}`, () => assert.equal(normalName(one), normalName(other)));
  it('Röhre is not Rohre', () => assert.notEqual(normalName('Röhre'), normalName('Rohre')));
});
