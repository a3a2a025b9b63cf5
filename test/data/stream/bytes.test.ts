/** Where the bytes come from: ranges of a server, of a Blob and of the disk. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idxShard, stream, urlBytes } from '../../../src/data/stream/index.ts';
import { fileBytes } from '../../../src/node/index.ts';
import { idxBytes } from '../../support/shards.ts';
import { counted, epochOf, spec } from './epochs.ts';

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
