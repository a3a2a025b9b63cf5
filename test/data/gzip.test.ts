/** Inflating stops at the caps, and damage is a typed error. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type InflateLimits, inflate, inflateCap, isGzip, statedSize } from '../../src/data/gzip.ts';
import { DataError } from '../../src/errors.ts';

async function inflateAll(bytes: Uint8Array, limits?: InflateLimits): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of inflate(bytes, limits, 'test')) pieces.push(piece);
  return Buffer.concat(pieces);
}

const noise = (length: number) => Uint8Array.from({ length }, (_, i) => (i * i * 2654435761) >>> 13);

describe('inflate', () => {
  it('gives back what was compressed', async () => {
    for (const length of [0, 1, 4095, 4096, 4097, 300_000]) {
      const bytes = noise(length);
      const packed = gzipSync(bytes);
      expect(isGzip(packed)).toBe(true);
      expect(statedSize(packed)).toBe(length);
      expect(Buffer.compare(await inflateAll(packed), bytes)).toBe(0);
    }
  });

  it('reads the last byte of a file that is one longer than its slices', async () => {
    const packed = gzipSync(noise(4074), { level: 0 });
    expect(packed.length).toBe(4097);
    expect(Buffer.compare(await inflateAll(packed), noise(4074))).toBe(0);
  });

  it('reads a view into a larger buffer', async () => {
    const packed = gzipSync(noise(1000));
    const padded = new Uint8Array(packed.length + 20);
    padded.set(packed, 10);
    const view = padded.subarray(10, 10 + packed.length);
    expect(statedSize(view)).toBe(1000);
    expect(Buffer.compare(await inflateAll(view), noise(1000))).toBe(0);
  });

  it('stops at the absolute cap', async () => {
    const packed = gzipSync(noise(100_000));
    await expect(inflateAll(packed, { maxBytes: 99_999 })).rejects.toMatchObject({
      code: 'data/limit',
      message: expect.stringContaining('99999'),
    });
    expect((await inflateAll(packed, { maxBytes: 100_000 })).length).toBe(100_000);
  });

  it('stops a bomb at the ratio, early', async () => {
    const packed = gzipSync(new Uint8Array(60 << 20));
    const cap = inflateCap(packed.length);
    expect(cap).toBeLessThan(20 << 20);
    let seen = 0;
    const run = async () => {
      for await (const piece of inflate(packed)) seen += piece.length;
    };
    await expect(run()).rejects.toMatchObject({ code: 'data/limit' });
    expect(seen).toBeLessThanOrEqual(cap);
    expect(seen).toBeGreaterThan(cap / 2);
  });

  it('lets small files have any ratio: sorted labels are honest', async () => {
    const packed = gzipSync(new Uint8Array(1 << 20));
    expect((1 << 20) / packed.length).toBeGreaterThan(800);
    expect((await inflateAll(packed)).length).toBe(1 << 20);
    await expect(inflateAll(gzipSync(new Uint8Array((1 << 20) + 1)))).rejects.toMatchObject({ code: 'data/limit' });
  });

  it('calls damaged and cut-off data by name', async () => {
    const packed = gzipSync(noise(50_000));
    const flipped = packed.slice();
    flipped[packed.length >> 1]! ^= 0xff;
    const checksum = packed.slice();
    checksum[packed.length - 6]! ^= 1;
    for (const bad of [flipped, checksum, packed.subarray(0, packed.length - 9), packed.subarray(0, 5)]) {
      const error = await inflateAll(bad).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(DataError);
      expect(error).toMatchObject({ code: 'data/gzip', message: expect.stringContaining('test:') });
    }
  });

  it('stops reading when its consumer does', async () => {
    const packed = gzipSync(noise(4 << 20));
    let pieces = 0;
    for await (const _ of inflate(packed)) {
      pieces++;
      break;
    }
    expect(pieces).toBe(1);
  });

  it('knows gzip by its first bytes', () => {
    expect(isGzip(Uint8Array.of(0x1f, 0x8b, 8))).toBe(true);
    expect(isGzip(Uint8Array.of(0x1f, 0x8c, 8))).toBe(false);
    expect(isGzip(Uint8Array.of(0x1f))).toBe(false);
  });
});
