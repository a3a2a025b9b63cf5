/** CSV that streams: one pass to find the rows, then ranges. */
import { describe, expect, it } from 'vitest';
import { csvShard, stream } from '../../../src/data/stream/index.ts';
import { watched } from '../../support/shards.ts';
import { counted, epochOf, firstPiece, number, spec } from './epochs.ts';

describe('CSV', () => {
  const text = `a,b,kind\r\n${counted(20_000)
    .map((i) => (i % 7 === 3 ? `${i},"${i}.5","${i % 3}"\r\n\r\n` : `${i},${i}.5,${i % 3}\r\n`))
    .join('')}`;
  const file = (content = text) => watched('rows.csv', new TextEncoder().encode(content));

  it('gives the rows of the file in blocks, in one pass and ranges', async () => {
    const source = file();
    const shard = csvShard(source);
    const { rows, starts } = await shard.open();
    expect(rows).toBe(20_000);
    expect(starts!.length).toBeGreaterThan(2);
    const own = spec({ inputs: 2 });
    expect(await epochOf(stream([shard], { shuffleBuffer: 4000 }), { ...own, sampler: 'sequential' })).toEqual(
      counted(20_000),
    );
    const before = source.bytes;
    const { x, y } = await shard.read(starts![1]!, starts![1]! + 2, own);
    expect(x).toEqual([
      [starts![1], starts![1]! + 0.5],
      [starts![1]! + 1, starts![1]! + 1.5],
    ]);
    expect(y).toEqual([String(starts![1]! % 3), String((starts![1]! + 1) % 3)]);
    expect(source.bytes - before).toBeLessThan(40_000);
  });

  it('takes quotes over lines, lone returns, no header and tabs', async () => {
    const quoted = csvShard(file('1\t"a\nb"\t2\r\t\t\r3\tc\t4'), { target: 'column1', inputs: ['column0', 'column2'] });
    const { rows } = await quoted.open();
    expect(rows).toBe(3);
    await expect(quoted.read(0, 3, spec())).rejects.toThrow(/line 3, column "column0": the value is missing/);
  });

  it('goes on with a pass that failed', async () => {
    const source = file();
    source.before = (start) => {
      if (source.reads === 1 && start === 0) throw new Error('gone');
    };
    const shard = csvShard(source);
    await expect(shard.open()).rejects.toThrow('gone');
    delete source.before;
    expect((await shard.open()).rows).toBe(20_000);
  });

  it('names the line of a field that is no number', async () => {
    const shard = csvShard(file(text.replace('\r\n15000,', '\r\nx15000,')));
    const source = stream([shard], { shuffleBuffer: 4000 });
    const line = text.slice(0, text.indexOf('\r\n15000,')).split('\r\n').length + 1;
    await expect(epochOf(source, spec({ inputs: 2 }))).rejects.toThrow(
      `rows.csv: line ${line}, column "a": got "x15000"`,
    );
  });

  it('takes the columns of a model by name', async () => {
    const own = spec({
      inputs: 3,
      preprocessing: {
        columns: [
          { type: 'category', name: 'kind', categories: ['0', '1'] },
          { type: 'numeric', name: 'a', mean: 10, deviation: 2 },
        ],
        target: 'b',
      },
      ...number,
    });
    const shard = csvShard(file('b,a,kind\n0.5,12,1\n1.5,8,0\n'));
    const { rows } = await firstPiece(stream([shard]), { ...own, sampler: 'sequential' });
    expect([...rows.x]).toEqual([0, 1, 1, 1, 0, -1]);
    expect([...rows.y]).toEqual([0.5, 1.5]);
  });
});
