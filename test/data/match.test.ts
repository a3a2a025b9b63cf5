/** A new table for a trained model: columns by name, else by position, never by accident. */
import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../src/data/csv.ts';
import { matchTable } from '../../src/data/match.ts';
import { tableSource } from '../../src/data/source.ts';
import type { Preprocessing } from '../../src/spec/preprocessing.ts';

const learn = (text: string, target?: string | number): Preprocessing => {
  const source = tableSource(parseCsv(text), target === undefined ? {} : { target });
  return source.fitPreprocessing(Uint32Array.from({ length: source.count }, (_, i) => i));
};
const named = learn('size,kind,label\n1,a,yes\n2,b,no');
const middle = learn('size,label,kind\n1,yes,a\n2,no,b', 'label');
const unnamed = learn('1,a,yes\n2,b,no');
const unnamedFirst = learn('yes,1,a\nno,2,b', 0);

describe('matchTable', () => {
  it.each([
    ['the same table', named, 'size,kind,label\n7,a,no', [['7', 'a']], ['no']],
    ['other order, more columns', named, 'id,label,kind,size\n1,no,a,7', [['7', 'a']], ['no']],
    ['no target', named, 'kind,size\na,7', [['7', 'a']], undefined],
    ['no header', named, '7,a,no', [['7', 'a']], ['no']],
    ['no header and no target', named, '7,a', [['7', 'a']], undefined],
    ['a target in the middle', middle, 'size,label,kind\n7,no,a', [['7', 'a']], ['no']],
    ['never a header', unnamed, '7,a,no', [['7', 'a']], ['no']],
    ['never a header, no target', unnamed, '7,a', [['7', 'a']], undefined],
    ['a header now', unnamed, 'x,y,z\n7,a,no', [['7', 'a']], ['no']],
    ['target first', unnamedFirst, 'no,7,a', [['7', 'a']], ['no']],
    ['target first, none here', unnamedFirst, '7,a', [['7', 'a']], undefined],
    ['target first, a header now', unnamedFirst, 'x,y,z\nno,7,a', [['7', 'a']], ['no']],
  ])('matches %s', (_, preprocessing, text, x, y) => {
    expect(matchTable(parseCsv(text), preprocessing)).toEqual(y ? { x, y } : { x });
  });

  it('takes the target that it is told', () => {
    expect(matchTable(parseCsv('no,7,a'), unnamed, 0)).toEqual({ x: [['7', 'a']], y: ['no'] });
    expect(matchTable(parseCsv('size,kind,truth\n7,a,no'), named, 'truth')).toEqual({ x: [['7', 'a']], y: ['no'] });
    expect(() => matchTable(parseCsv('size,kind,label\n7,a,no'), named, 'size')).toThrow(
      expect.objectContaining({
        code: 'data/target',
        message: expect.stringMatching(/"size" is an input of the model/),
      }),
    );
  });

  it.each([
    [
      'a column that is not there',
      named,
      'sise,kind,label\n7,a,no',
      'data/columns',
      /no column "size" \(did you mean "sise"\?\)/,
    ],
    [
      'too many columns without names',
      unnamed,
      '7,a,no,1',
      'data/columns',
      /has 4 columns, expected 2 \(column0, column1\), or one more/,
    ],
    ['too few columns', named, '7', 'data/columns', /has 1 columns, expected 2/],
    ['a missing field', named, 'size,kind\n7,a\n,b', 'data/missing', /line 3, column "size"/],
    ['a model of images', { bytes: { scale: 1, offset: 0 } }, '1,2', 'data/columns', /not trained on a table/],
  ])('refuses %s', (_, preprocessing, text, code, message) => {
    expect(() => matchTable(parseCsv(text), preprocessing)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it('lets fields be empty in columns that the model does not use', () => {
    expect(matchTable(parseCsv('size,kind,note\n7,a,'), named).x).toEqual([['7', 'a']]);
  });
});
