/** Files of the disk as sources of bytes for shards. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type ByteSource, changed } from '../data/stream/bytes.ts';

/** A file that is read in ranges. It is open only while it is read, and must stay the same between reads. */
export function fileBytes(path: string): ByteSource {
  const name = basename(path);
  let seen: { size: number; version: string } | undefined;
  const withFile = async <T>(
    work: (file: Awaited<ReturnType<typeof open>>, size: number) => Promise<T>,
  ): Promise<T> => {
    const file = await open(path);
    try {
      const { size, mtimeMs, ino } = await file.stat();
      const version = `${size} ${mtimeMs} ${ino}`;
      seen ??= { size, version };
      if (seen.version !== version) throw changed(name, 'its size or time is another than before');
      return await work(file, size);
    } finally {
      await file.close();
    }
  };
  return {
    name,
    size: async () => seen?.size ?? withFile(async (_, size) => size),
    read: (start, end) =>
      withFile(async (file, size) => {
        const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
        for (let at = 0; at < bytes.length; ) {
          const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
          if (bytesRead === 0) throw changed(name, `it ended at byte ${start + at}`);
          at += bytesRead;
        }
        return bytes;
      }),
  };
}
