/** IDX and NPY that stream: what is said of files that are not right. */
import { describe, expect, it } from 'vitest';
import { idxShard, npyShard, stream } from '../../../src/data/stream/index.ts';
import { idxBytes, npyBytes, watched } from '../../support/shards.ts';
import { epochOf, spec } from './epochs.ts';

describe('files that are not right', () => {
  const good = () => idxBytes(new Uint8Array(40), [10, 4]);
  const labels = () => watched('y.idx', idxBytes(new Uint8Array(10), [10]));
  const own = spec({ inputs: 4 });

  it.each([
    ['cut off', good().slice(0, 50), /x\.idx: got 50 bytes, expected 52 \(shape \[10,4\]\)/],
    ['longer', Uint8Array.of(...good(), 1), /x\.idx: got 53 bytes/],
    ['another format', new Uint8Array(60).fill(7), /x\.idx: starts with the bytes 7 7 7 7/],
    ['compressed', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0), /x\.idx: got gzip data.*unpack/],
    ['other rows', idxBytes(new Uint8Array(36), [9, 4]), /x\.idx: got 9 rows, and 10 in y\.idx/],
    ['other width', idxBytes(new Uint8Array(50), [10, 5]), /x\.idx: its rows have 5 values, expected 4/],
  ])('%s', async (_, bytes, message) => {
    await expect(stream([idxShard(watched('x.idx', bytes), labels())]).open(own, 4)).rejects.toThrow(message);
  });

  it('another type than the shards before', async () => {
    const floats = npyShard(
      watched('x.npy', npyBytes(new Float32Array(40), [10, 4])),
      watched('y.npy', npyBytes(new Uint8Array(10), [10])),
    );
    const source = stream([idxShard(watched('x.idx', good()), labels()), floats], { shuffleBuffer: 100 });
    await expect(epochOf(source, own)).rejects.toThrow('x.npy: x is "Float32Array", before it was "Uint8Array"');
  });

  it('NaN: shard, row, byte and column', async () => {
    const x = new Float32Array(4000).fill(1);
    x[2001] = Number.NaN;
    const shard = npyShard(
      watched('x.npy', npyBytes(x, [1000, 4])),
      watched('y.npy', npyBytes(new Uint8Array(1000), [1000])),
    );
    const start = npyBytes(x, [1000, 4]).length - 16_000;
    await expect(epochOf(stream([shard]), own)).rejects.toMatchObject({
      code: 'data/not-finite',
      message: expect.stringContaining(`x.npy: row 500 (byte ${start + 500 * 16}): x, column 1: got NaN`),
    });
  });

  it('Fortran order', async () => {
    const bytes = npyBytes(new Float32Array(40), [10, 4]);
    const text = new TextDecoder('latin1').decode(bytes).replace("'fortran_order': False", "'fortran_order': True ");
    const file = watched(
      'f.npy',
      Uint8Array.from(text, (letter) => letter.charCodeAt(0)),
    );
    await expect(npyShard(file, labels()).open()).rejects.toThrow(
      /f\.npy: got an array in Fortran order.*ascontiguousarray/,
    );
  });
});
