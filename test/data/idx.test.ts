/** IDX files: every type, gzip or not; those that lie or are cut off cost neither time nor memory. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { parseIdx } from '../../src/data/idx.ts';
import { DataError } from '../../src/errors.ts';
import { itReal, readReal } from '../support/real-data.ts';

const TYPES = { u8: 8, i8: 9, i16: 11, i32: 12, f32: 13, f64: 14 } as const;

function idx(type: number, shape: number[], body: Uint8Array | number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, type, shape.length]);
  shape.forEach((size, i) => {
    view.setUint32(4 + 4 * i, size);
  });
  bytes.set(body, 4 + 4 * shape.length);
  return bytes;
}

/** As bytes of a file, from the most significant on. */
function bigEndian(size: number, values: number[], set: (view: DataView, offset: number, value: number) => void) {
  const view = new DataView(new ArrayBuffer(size * values.length));
  values.forEach((value, i) => {
    set(view, i * size, value);
  });
  return new Uint8Array(view.buffer);
}

const CASES: [string, Uint8Array, Awaited<ReturnType<typeof parseIdx>>][] = [
  [
    'u8',
    idx(TYPES.u8, [2, 3], [0, 1, 2, 253, 254, 255]),
    { shape: [2, 3], values: Uint8Array.of(0, 1, 2, 253, 254, 255) },
  ],
  ['i8', idx(TYPES.i8, [2], [127, 128]), { shape: [2], values: Int8Array.of(127, -128) }],
  ['i16', idx(TYPES.i16, [2, 1], [1, 2, 0xff, 0xfe]), { shape: [2, 1], values: Int16Array.of(258, -2) }],
  ['i32', idx(TYPES.i32, [2], [1, 2, 3, 4, 255, 255, 255, 0]), { shape: [2], values: Int32Array.of(0x01020304, -256) }],
  [
    'f32',
    idx(
      TYPES.f32,
      [1, 1, 2],
      bigEndian(4, [1.5, -3e30], (v, o, x) => v.setFloat32(o, x)),
    ),
    { shape: [1, 1, 2], values: Float32Array.of(1.5, -3e30) },
  ],
  [
    'f64',
    idx(
      TYPES.f64,
      [3],
      bigEndian(8, [Math.PI, -0, 1e300], (v, o, x) => v.setFloat64(o, x)),
    ),
    { shape: [3], values: Float64Array.of(Math.PI, -0, 1e300) },
  ],
];

describe('parseIdx', () => {
  it.each(CASES)('decodes %s', async (_, file, expected) => {
    expect(await parseIdx(file)).toEqual(expected);
    expect(await parseIdx(gzipSync(file))).toEqual(expected);
    const padded = new Uint8Array(file.length + 7);
    padded.set(file, 3); // at an odd offset of its buffer
    expect(await parseIdx(padded.subarray(3, 3 + file.length))).toEqual(expected);
  });

  it('decodes values that come in many pieces', async () => {
    const body = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i * 2654435761) >>> 13);
    const { shape, values } = await parseIdx(gzipSync(idx(TYPES.u8, [3000, 10, 10], body)));
    expect(shape).toEqual([3000, 10, 10]);
    expect(Buffer.compare(values as Uint8Array, body)).toBe(0);
  });

  const good = idx(TYPES.u8, [2, 3], [1, 2, 3, 4, 5, 6]);
  const BAD: [string, Uint8Array, string][] = [
    ['no bytes', new Uint8Array(0), 'data/truncated'],
    ['a header cut off', good.subarray(0, 11), 'data/truncated'],
    ['values cut off', good.subarray(0, good.length - 1), 'data/truncated'],
    ['one byte more', Uint8Array.of(...good, 0), 'data/trailing'],
    ['an unknown type', idx(10, [1], [1]), 'data/idx'],
    ['no dimensions', idx(TYPES.u8, [], [1]), 'data/idx'],
    ['another magic number', Uint8Array.of(0x50, 0x4b, 3, 4, 5, 6, 7, 8), 'data/idx'],
    ['a dimension of 0', idx(TYPES.u8, [2, 0], []), 'data/empty'],
    ['a file of 100 dimensions', idx(TYPES.u8, Array(100).fill(0xffff_ffff), [1]), 'data/limit'],
  ];
  it.each(BAD)('refuses %s', async (_, file, code) => {
    const error = await parseIdx(file, 'images.idx').catch((error: unknown) => error);
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^images\.idx: .*[.?]$/) });
    if (code !== 'data/trailing' && code !== 'data/truncated') {
      expect(await parseIdx(gzipSync(file)).catch((error: unknown) => error)).toMatchObject({ code });
    }
  });

  it('refuses lies inside gzip', async () => {
    const long = gzipSync(Uint8Array.of(...good, 0));
    const short = gzipSync(good.subarray(0, good.length - 1));
    await expect(parseIdx(long)).rejects.toMatchObject({ code: 'data/truncated' });
    await expect(parseIdx(short)).rejects.toMatchObject({ code: 'data/truncated' });
    await expect(parseIdx(gzipSync(good.subarray(0, 7)))).rejects.toMatchObject({ code: 'data/truncated' });
    await expect(parseIdx(gzipSync(good).subarray(0, 15))).rejects.toBeInstanceOf(DataError);
  });

  it('refuses more or fewer values than the header says, where the end of the file lies as well', async () => {
    const packed = gzipSync(good);
    const inflatesTo = (bytes: Uint8Array) => {
      const stream = class extends TransformStream {
        constructor() {
          super({ transform: () => {}, flush: (controller) => controller.enqueue(bytes) });
        }
      };
      vi.stubGlobal('DecompressionStream', stream);
    };
    try {
      inflatesTo(good);
      expect((await parseIdx(packed)).shape).toEqual([2, 3]);
      inflatesTo(Uint8Array.of(...good, 0));
      await expect(parseIdx(packed)).rejects.toMatchObject({ code: 'data/trailing' });
      inflatesTo(good.subarray(0, good.length - 1));
      await expect(parseIdx(packed)).rejects.toMatchObject({ code: 'data/truncated' });
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('keeps to the limits it is given', async () => {
    const file = idx(TYPES.u8, [100], new Uint8Array(100));
    await expect(parseIdx(file, 'a', { maxBytes: 107 })).rejects.toMatchObject({ code: 'data/limit' });
    expect((await parseIdx(file, 'a', { maxBytes: 108 })).shape).toEqual([100]);
    await expect(parseIdx(gzipSync(file), 'a', { maxBytes: 107 })).rejects.toMatchObject({ code: 'data/limit' });
    expect((await parseIdx(gzipSync(file), 'a', { maxBytes: 108 })).shape).toEqual([100]);
  });

  const TERABYTE = [1_000_000, 1000, 1000];
  const honestGigabyte = () => idx(TYPES.u8, [1 << 10, 1 << 10, 900], new Uint8Array(8 << 20));
  const LIARS: [string, () => Uint8Array][] = [
    ['terabytes, plain', () => idx(TYPES.u8, TERABYTE, [1, 2, 3])],
    ['terabytes, gzip', () => gzipSync(idx(TYPES.u8, TERABYTE, [1, 2, 3]))],
    ['terabytes in f64, gzip of 8 MiB', () => gzipSync(idx(TYPES.f64, TERABYTE, new Uint8Array(8 << 20)))],
    ['more than 2⁵³ bytes', () => idx(TYPES.f64, [0xffff_ffff, 0xffff_ffff, 0xffff_ffff], [1])],
    ['900 MiB under the limit, plain', honestGigabyte],
    ['900 MiB under the limit, gzip', () => gzipSync(honestGigabyte(), { level: 0 })],
  ];
  it.each(LIARS)('takes no time and no memory for a header that claims %s', async (_, make) => {
    const file = make();
    const before = process.memoryUsage();
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before.arrayBuffers);
    }, 0);
    const start = performance.now();
    const error = await parseIdx(file).catch((error: unknown) => error);
    const duration = performance.now() - start;
    clearInterval(watch);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before.arrayBuffers);
    expect(error).toBeInstanceOf(DataError);
    expect(duration).toBeLessThan(1000);
    expect(most).toBeLessThan(16 << 20);
  });

  it('throws nothing but its own errors, whatever the bytes', async () => {
    const header = fc
      .tuple(
        fc.constantFrom(0, 0, 0, 1),
        fc.constantFrom(8, 9, 11, 12, 13, 14, 7, 255),
        fc.array(fc.oneof(fc.nat(4), fc.nat(0xffff_ffff)), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 64 }),
      )
      .map(([zero, type, shape, body]) => {
        const file = idx(type, shape, body);
        file[0] = zero;
        return file;
      });
    const mutatedGzip = fc
      .tuple(header, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 3 }), fc.nat(200))
      .map(([file, changes, length]) => {
        const packed = new Uint8Array(gzipSync(file));
        for (const [at, value] of changes) if (at < packed.length) packed[at] = value;
        return packed.subarray(0, Math.max(length, 3));
      });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      header,
      header.map((file) => gzipSync(file)),
      mutatedGzip,
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (file) => {
        try {
          const { shape, values } = await parseIdx(file);
          expect(values.length).toBe(shape.reduce((a, b) => a * b, 1));
        } catch (error) {
          if (!(error instanceof DataError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });

  itReal('decodes the MNIST files', ['images', 'labels'], async () => {
    const images = await parseIdx(await readReal('images'));
    const labels = await parseIdx(await readReal('labels'));
    expect(images.shape).toEqual([10_000, 28, 28]);
    expect(labels.shape).toEqual([10_000]);
    expect([...labels.values.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    expect((images.values as Uint8Array).reduce((sum, value) => sum + value, 0) / images.values.length).toBeCloseTo(
      33.79,
      1,
    );
    const counts = new Array(10).fill(0);
    for (const label of labels.values) counts[label]++;
    expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  });
});
