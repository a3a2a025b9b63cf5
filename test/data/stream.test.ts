/** Shards and their order: every format, ranges of a server and of the disk, and what is said of a file that is not right. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Piece, PieceSource } from '../../src/data/pieces.ts';
import { csvShard, idxShard, npyShard, type Shard, stream, urlBytes } from '../../src/data/stream/index.ts';
import { parquetShard } from '../../src/data/stream/parquet.ts';
import { fileBytes } from '../../src/node/index.ts';
import { parseSpec, type Spec, type SpecInput } from '../../src/spec/spec.ts';
import { idxBytes, npyBytes, sharded, watched } from '../support/shards.ts';

const spec = (more: Partial<SpecInput> = {}): Spec =>
  parseSpec({
    inputs: 1,
    layers: [{ type: 'dense', units: 3 }],
    loss: 'softmaxCrossEntropy',
    batchSize: 4,
    seed: 3,
    ...more,
  });
const number = { layers: [{ type: 'dense', units: 1 }], loss: 'meanSquaredError' } as const;

/** The pieces of an epoch, joined: the first input of every row. */
async function epochOf(source: PieceSource, own: Spec, epoch = 0, position = 0, batch = 4): Promise<number[]> {
  await source.open(own, batch);
  const rows: number[] = [];
  for await (const { rows: part, last } of source.pieces({ epoch, position }, own, batch)) {
    for (let row = 0; row < part.count; row++) rows.push(part.x[row * part.width]!);
    if (last) break;
  }
  return rows;
}

async function firstPiece(source: PieceSource, own: Spec): Promise<Piece> {
  await source.open(own, 4);
  for await (const piece of source.pieces({ epoch: 0, position: 0 }, own, 4)) return piece;
  throw new Error('no piece');
}

/** Shards of one input, which is the number of its row. */
const numbered = (...sizes: number[]): Shard[] => {
  let first = 0;
  return sizes.map((size, n) => {
    const x = Float32Array.from({ length: size }, (_, i) => first + i);
    first += size;
    return npyShard(
      watched(`${n}.npy`, npyBytes(x, [size, 1])),
      watched(`${n}-y.npy`, npyBytes(new Uint8Array(size), [size])),
    );
  });
};
const counted = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('the order of an epoch', () => {
  it('holds every row once, another order in every epoch, windows from all shards', async () => {
    const source = stream(numbered(1000, 24, 976), { shuffleBuffer: 256 });
    const epochs = [await epochOf(source, spec()), await epochOf(source, spec(), 1)];
    for (const rows of epochs) {
      expect(rows.toSorted((a, b) => a - b)).toEqual(counted(2000));
      for (let start = 0; start < 1792; start += 256) {
        const window = rows.slice(start, start + 256);
        expect(window.filter((row) => row < 1000).length).toBeGreaterThan(20);
        expect(window.filter((row) => row >= 1024).length).toBeGreaterThan(20);
      }
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(await epochOf(source, spec({ seed: 4 }))).not.toEqual(epochs[0]);
    // Neighbours of the file are seldom neighbours of the order.
    const near = epochs[0]!.filter((row, i) => Math.abs(row - (epochs[0]![i - 1] ?? -9)) === 1);
    expect(near.length).toBeLessThan(100);
  });

  it('draws anew for every window', async () => {
    const rows = await epochOf(stream(numbered(2048), { shuffleBuffer: 256 }), spec());
    // Blocks of 16 rows are moved as a whole: what is left says where in its block a row stood.
    const inBlock = (window: number) => rows.slice(window * 256, (window + 1) * 256).map((row) => row % 16);
    expect(inBlock(1)).not.toEqual(inBlock(0));
  });

  it('goes on from any position as it would have gone on', async () => {
    const source = stream(numbered(37, 1, 52), { shuffleBuffer: 20 });
    const rows = await epochOf(source, spec(), 2);
    for (const position of [1, 4, 5, 9, 22]) {
      expect(await epochOf(source, spec(), 2, position)).toEqual(rows.slice(position * 4));
    }
  });

  it('a resume reads its window and what comes behind it', async () => {
    const { shards, files } = sharded([4000, 4000], 16, 'idx');
    const source = stream(shards, { shuffleBuffer: 400 });
    const own = spec({ inputs: 16 });
    await source.open(own, 4);
    for (const file of files) file.bytes = 0;
    const pieces = source.pieces({ epoch: 3, position: 1850 }, own, 4);
    await pieces.next();
    await pieces.return();
    const read = files.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(read).toBeGreaterThan(400 * 17);
    expect(read).toBeLessThan(900 * 17); // two windows of 400 rows, one of them only begun
  });

  it('in file order for the sampler sequential', async () => {
    const source = stream(numbered(30, 31), { shuffleBuffer: 8 });
    expect(await epochOf(source, spec({ sampler: 'sequential' }), 5)).toEqual(counted(61));
  });
});

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

describe('ranges', () => {
  const content = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
  let etag = '"1"';
  let failures = 0;
  const server = createServer((request, response) => {
    if (failures > 0) {
      failures--;
      response.writeHead(503).end();
      return;
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (!range || request.url!.startsWith('/plain')) {
      response.writeHead(200, { etag }).end(content);
      return;
    }
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]), content.length - 1)];
    response.writeHead(206, { etag, 'content-range': `bytes ${from}-${to}/${content.length}` });
    response.end(content.slice(from, to + 1));
  });
  const url = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`;
  let folder = '';
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    folder = await mkdtemp(join(tmpdir(), 'downhill-'));
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  it('of a URL; a server that fails is asked again', async () => {
    const file = urlBytes(url('file.bin?x=1'));
    failures = 1;
    expect(await file.size()).toBe(5000);
    expect(await file.read(100, 300)).toEqual(content.slice(100, 300));
    expect(file.name).toBe('file.bin');
    failures = 9;
    await expect(urlBytes(url('file.bin'), { retries: 1 }).size()).rejects.toThrow('file.bin: got status 503');
    failures = 0;
  });

  it('of a URL whose file changed', async () => {
    const file = urlBytes(url('file.bin'));
    await file.size();
    etag = '"2"';
    await expect(file.read(0, 10)).rejects.toMatchObject({ code: 'data/changed' });
  });

  it('of a server without ranges: small files whole, large ones not', async () => {
    const small = urlBytes(url('plain.bin'));
    expect(await small.size()).toBe(5000);
    expect(await small.read(4990, 5000)).toEqual(content.slice(4990));
    await expect(urlBytes(url('plain.bin'), { wholeBelow: 1000 }).size()).rejects.toMatchObject({
      code: 'data/ranges',
    });
  });

  it('of a Blob, and of a file on the disk until it changes', async () => {
    const x = idxBytes(content.slice(0, 4000), [1000, 4]);
    const y = idxBytes(new Uint8Array(1000), [1000]);
    const path = join(folder, 'x.idx');
    await writeFile(path, x);
    const file = fileBytes(path);
    const source = stream([idxShard(file, new Blob([y as Uint8Array<ArrayBuffer>]))], { shuffleBuffer: 100 });
    const own = spec({ inputs: 4, sampler: 'sequential' });
    expect(await epochOf(source, own)).toEqual(counted(1000).map((row) => content[row * 4]));
    await writeFile(path, x.slice(0, 3000));
    await expect(epochOf(source, own)).rejects.toMatchObject({ code: 'data/changed', message: /^x\.idx: / });
  });
});
