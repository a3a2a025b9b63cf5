/** Parquet that streams by row group, and what is said of a file that claims more than is there. */
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { stream } from '../../../src/data/stream/index.ts';
import { parquetShard } from '../../../src/data/stream/parquet.ts';
import { watched } from '../../support/shards.ts';
import { counted, epochOf, spec } from './epochs.ts';

describe('Parquet', () => {
  const rows = 1000;
  const bytes = new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'a', data: Float64Array.from(counted(rows)), type: 'DOUBLE' },
        { name: 'kind', data: counted(rows).map((i) => `k${i % 3}`), type: 'STRING' },
        { name: 'b', data: counted(rows).map((i) => BigInt(2 * i)), type: 'INT64' },
      ],
      rowGroupSize: 300,
    }),
  );
  const classes = { preprocessing: { classes: ['k0', 'k1', 'k2'] } };

  it('gives the rows of the file by row group, and reads no others', async () => {
    const file = watched('rows.parquet', bytes);
    const shard = parquetShard(file, { inputs: ['a', 'b'], target: 'kind' });
    expect(await shard.open()).toEqual({ rows, starts: [0, 300, 600, 900] });
    const own = spec({ inputs: 2, ...classes });
    const source = stream([shard], { shuffleBuffer: 400 });
    expect((await epochOf(source, own)).toSorted((a, b) => a - b)).toEqual(counted(rows));
    const before = file.bytes;
    expect(await shard.read(900, 902, own)).toEqual({
      x: [
        [900, 1800],
        [901, 1802],
      ],
      y: ['k0', 'k1'],
    });
    expect(file.bytes - before).toBeLessThan(bytes.length / 2);
    expect(shard.where(899)).toBe('row group 2');
  });

  it('says what is wrong', async () => {
    const own = spec({ inputs: 2, ...classes });
    const wrong = parquetShard(watched('rows.parquet', bytes), { inputs: ['kind', 'b'], target: 'a' });
    await expect(wrong.read(301, 302, own)).rejects.toThrow(
      'rows.parquet: row 301 (row group 1), column "kind": got "k1"',
    );
    const missing = parquetShard(watched('rows.parquet', bytes), { inputs: ['c'], target: 'kind' });
    await expect(missing.read(0, 1, own)).rejects.toThrow(/has no column "c"/);
    const cut = parquetShard(watched('cut.parquet', bytes.slice(0, 500)));
    await expect(cut.open()).rejects.toMatchObject({ code: 'data/parquet', message: /^cut\.parquet: cannot be read/ });
  });

  it('refuses what claims more than is there: every byte of a small file changed, and what was said to it', async () => {
    const column = <T>(value: (row: number) => T) => Array.from({ length: 12 }, (_, row) => value(row));
    const small = new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'a', data: column((row) => `n${row % 3}`), type: 'STRING' },
          { name: 'b', data: column((row) => `long ${row * row}`), type: 'STRING', encoding: 'DELTA_BYTE_ARRAY' },
          { name: 'c', data: column((row) => row % 4), type: 'INT32', encoding: 'DELTA_BINARY_PACKED' },
        ],
        codec: 'UNCOMPRESSED',
        statistics: false,
      }),
    );
    const said = new Set<string>();
    for (let at = 4; at < small.length - 4; at++) {
      for (const value of [0xfe, 0x7f]) {
        const shard = parquetShard(
          watched(
            'f',
            Uint8Array.from(small, (byte, i) => (i === at ? value : byte)),
          ),
        );
        const error = await (async () => shard.table!(0, (await shard.open()).rows))().catch((thrown) => thrown);
        if (!(error instanceof Error)) continue;
        expect(error).toMatchObject({ code: expect.stringMatching(/^data\//) });
        said.add(error.message.replace(/-?\d+(\.\d+)?/g, 'N'));
      }
    }
    const words = [...said].join('\n');
    for (const rule of [
      /its footer claims N bytes of N/,
      /a list of N elements/,
      /row group N: a column lies outside of it/,
      /row group N: a column claims N values/,
      /row group N: a column claims N bytes/,
      /a page at byte N claims N bytes/,
      /a page at byte N claims N values/,
      /a run of N values, of N that are left/,
      /blocks of N values/,
      /a text that begins with N characters/,
    ]) {
      expect(words).toMatch(rule);
    }
  });
});
