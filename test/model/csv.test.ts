import assert from 'node:assert/strict';
import { csvLine } from '../../src/model/csv.ts';

describe('a line of CSV', () => {
  const cells: [value: unknown, text: string][] = [
    ['plain', 'plain'],
    ['', ''],
    [undefined, ''],
    [null, ''],
    [0, '0'],
    [-5, '-5'],
    ['-5.20', '-5.20'],
    ['a,b', '"a,b"'],
    ['say "yes"', '"say ""yes"""'],
    ['two\nlines', '"two\nlines"'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1+1', "'-1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', '"\'\r=1"'],
    ['=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'],
    [['a', 'b'], 'a b'],
    [{ a: 1 }, '"{""a"":1}"'],
    [true, 'true'],
  ];
  for (const [value, text] of cells)
    it(`has ${JSON.stringify(value)} as ${JSON.stringify(text)}`, () => assert.equal(csvLine([value]), `${text}\r\n`));

  it('has its values in their order', () => assert.equal(csvLine(['a', 1, '=b']), "a,1,'=b\r\n"));
});
