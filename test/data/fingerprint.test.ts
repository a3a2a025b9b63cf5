/** Fingerprints of rows: what they look at, and that rows have the same one in memory and in files of every format. */
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { encodeRows } from '../../src/data/encode.ts';
import { difference, fingerprintOf, lookedAt } from '../../src/data/fingerprint.ts';
import { csvShard, type Shard, type StreamOptions, stream } from '../../src/data/stream/index.ts';
import { parquetShard } from '../../src/data/stream/parquet.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { sharded, watched } from '../support/shards.ts';

const spec = (more: Partial<SpecInput> = {}) =>
  parseSpec({
    inputs: 5,
    layers: [{ type: 'dense', units: 3 }],
    loss: 'softmaxCrossEntropy',
    batchSize: 4,
    seed: 3,
    ...more,
  });
const SPEC = spec();
const NUMBERS = spec({ layers: [{ type: 'dense', units: 1 }], loss: 'meanSquaredError' });
const of = async (shards: readonly Shard[], options: StreamOptions = {}, own = SPEC) =>
  (await stream(shards, options).open(own, 4)).fingerprint!;

const looked = (count: number) =>
  lookedAt(count).flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));

describe('what is looked at', () => {
  it('all of up to 64 rows, else 64 from the first to the last, each once', () => {
    for (let count = 1; count < 300; count++) {
      const rows = looked(count);
      expect(rows).toHaveLength(Math.min(count, 64));
      expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
      expect([rows[0], rows.at(-1)]).toEqual([0, count - 1]);
    }
    expect(lookedAt(1e9)).toHaveLength(8);
  });

  it('every value of those rows: inputs, targets and weights; and no other row', () => {
    const count = 100;
    const base = {
      ...{ count, width: 2 },
      x: Float32Array.from({ length: 2 * count }, (_, i) => i / 7),
      y: Uint32Array.from({ length: count }, (_, i) => i % 3),
      weights: Float32Array.from({ length: count }, (_, i) => 1 + i),
    };
    const { hash } = fingerprintOf(base);
    const seen = new Set<string>();
    const rows = new Set(looked(count));
    for (let row = 0; row < count; row++) {
      for (const [name, at] of [
        ['x', 2 * row] as const,
        ['x', 2 * row + 1] as const,
        ['y', row] as const,
        ['weights', row] as const,
      ]) {
        const changed = base[name].slice();
        changed[at]! += 1;
        const other = fingerprintOf({ ...base, [name]: changed });
        if (rows.has(row)) seen.add(other.hash);
        else expect(other.hash).toBe(hash);
      }
    }
    expect(seen.size).toBe(4 * 64);
    expect(seen.has(hash)).toBe(false);
    const { weights: _, ...without } = base;
    expect(fingerprintOf(without).hash).not.toBe(hash);
  });

  it('of some rows these, in their order', () => {
    const { data } = sharded([90], 5, 'idx');
    const rows = encodeRows(SPEC, data, 'test');
    const own = Uint32Array.from({ length: 70 }, (_, i) => 89 - i);
    const taken = {
      x: Uint8Array.from({ length: 350 }, (_, i) => data.x[own[Math.floor(i / 5)]! * 5 + (i % 5)]!),
      y: Uint8Array.from(own, (row) => data.y[row]!),
    };
    expect(fingerprintOf(rows, own)).toEqual(fingerprintOf(encodeRows(SPEC, taken, 'test')));
    expect(fingerprintOf(rows, own.toReversed())).not.toEqual(fingerprintOf(rows, own));
  });
});

describe('rows that stream', () => {
  it.each([
    ['idx', [500]],
    ['idx', [30, 1, 54]],
    ['npy', [200, 301]],
  ] as const)('of %s files of %j rows have that of the rows in memory', async (format, sizes) => {
    const { shards, data, rows } = sharded(sizes, 5, format);
    const own = format === 'idx' ? SPEC : NUMBERS;
    const whole = fingerprintOf(encodeRows(own, data, 'test'));
    expect(await of(shards, {}, own)).toEqual(whole);
    expect(whole.rows).toBe(rows);
  });

  it('of CSV and Parquet too, across blocks', async () => {
    const table = Array.from(
      { length: 9000 },
      (_, i) => [i / 3, Math.sin(i), 1 - i, 1 / (1 + i), i % 11, i % 3] as const,
    );
    const x = table.map((row) => row.slice(0, 5));
    const whole = fingerprintOf(encodeRows(SPEC, { x, y: table.map((row) => row[5]) }, 'test'));
    const text = ['a,b,c,d,e,kind', ...table.map((row) => row.join(','))].join('\n');
    const csv = csvShard(watched('rows.csv', new TextEncoder().encode(text)));
    expect((await csv.open()).starts!.length).toBeGreaterThan(8);
    expect(await of([csv])).toEqual(whole);
    const columnData = [...'abcde'].map((name, i) => ({
      name,
      data: table.map((row) => row[i]!),
      type: 'DOUBLE' as const,
    }));
    const kind = { name: 'kind', data: table.map((row) => row[5]), type: 'INT32' as const };
    const bytes = new Uint8Array(parquetWriteBuffer({ columnData: [...columnData, kind], rowGroupSize: 1000 }));
    expect(await of([parquetShard(watched('rows.parquet', bytes))])).toEqual(whole);
  });

  it('are looked at once for a spec, in few places', async () => {
    const { shards, files } = sharded([40_000], 5, 'idx');
    const source = stream(shards);
    const { fingerprint } = await source.open(SPEC, 4);
    const read = () => files.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(read()).toBeLessThan(5000); // two headers, the first row, and 64; of 240 kB
    const before = read();
    expect(await source.open(SPEC, 4)).toEqual({ batches: 10_000, fingerprint });
    expect(read() - before).toBeLessThan(20);
    const other = await source.open(NUMBERS, 4);
    expect(other.fingerprint!.hash).not.toBe(fingerprint!.hash); // labels are numbers there
  });

  it('say how they are shuffled, where that is in windows', async () => {
    const sizes = [90, 30];
    const { shards } = sharded(sizes, 5, 'idx');
    const whole = await of(shards, { shuffleBuffer: 120 });
    const windows = await of(shards, { shuffleBuffer: 40 });
    expect(whole).not.toHaveProperty('order');
    expect(windows).toEqual({ ...whole, order: expect.stringMatching(/^[0-9a-f]{8}$/) });
    expect(await of(shards, { shuffleBuffer: 40, memory: 2 ** 20 })).toEqual(windows);
    expect((await of(shards, { shuffleBuffer: 44 })).order).not.toBe(windows.order);
    const others = await of(sharded([60, 60], 5, 'idx').shards, { shuffleBuffer: 40 });
    expect({ ...others, order: '' }).toEqual({ ...windows, order: '' });
    expect(others.order).not.toBe(windows.order);
    expect(await of(shards, { shuffleBuffer: 40 }, spec({ sampler: 'sequential' }))).toEqual(whole);
  });
});

describe('a difference', () => {
  const a = { rows: 5, hash: '00000001' };
  it.each([
    [a, undefined],
    [{ ...a, rows: 6 }, '6 rows'],
    [{ ...a, hash: '00000002' }, '5 rows with other values'],
    [{ ...a, order: '00000003' }, 'these rows in another order'],
  ])('to %j is %s', (b, words) => {
    if (words) expect(difference(a, b)).toContain(words);
    else expect(difference(a, b)).toBeUndefined();
  });
});
