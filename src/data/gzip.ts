/** Inflates gzip bytes piece by piece, and stops as soon as they become more than they may. */
import { DataError } from '../errors.ts';

export interface InflateLimits {
  /** The most bytes that may come out; default 1 GiB. */
  maxBytes?: number;
  /** The most bytes out per byte in, once more than 1 MiB came out; default 200. Deflate itself ends at about 1030. */
  maxRatio?: number;
}

/** The default of every decoder: the most bytes it makes. */
export const DEFAULT_MAX_BYTES = 2 ** 30;
const DEFAULT_MAX_RATIO = 200;
/** Up to here any ratio passes: small honest files, for example sorted labels, compress a thousandfold. */
const FREE_BYTES = 2 ** 20;
/** Bytes fed at a time: some runtimes inflate all they are given before anyone can say stop, so ≤ 4 MiB at a time. */
const SLICE = 4096;

/** Whether the bytes start as a gzip file does (RFC 1952). */
export const isGzip = (bytes: Uint8Array): boolean => bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;

/** The most bytes that `compressed` bytes may become under `limits`. */
export function inflateCap(compressed: number, limits: InflateLimits = {}): number {
  const { maxBytes = DEFAULT_MAX_BYTES, maxRatio = DEFAULT_MAX_RATIO } = limits;
  return Math.min(maxBytes, Math.max(FREE_BYTES, compressed * maxRatio));
}

/** What the end of a gzip file says of its inflated size, modulo 2³². */
export function statedSize(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
}

/**
 * The inflated bytes, in pieces, as they are asked for. Leaving the loop stops the inflating.
 * @throws DataError `data/gzip` for damaged bytes, `data/limit` for more bytes than `limits` allow
 */
export async function* inflate(
  bytes: Uint8Array,
  limits: InflateLimits = {},
  who = 'gzip',
): AsyncGenerator<Uint8Array, void> {
  const cap = inflateCap(bytes.length, limits);
  const reader = slices(bytes).pipeThrough(new DecompressionStream('gzip')).getReader();
  let total = 0;
  try {
    for (;;) {
      const piece = await read(reader, who);
      if (!piece) return;
      total += piece.length;
      if (total > cap) {
        throw new DataError(
          'data/limit',
          `${who}: ${bytes.length} gzip bytes inflate to more than ${cap} bytes; raise maxBytes or maxRatio if the file is to be trusted.`,
        );
      }
      yield piece;
    }
  } finally {
    await reader.cancel().catch(() => {}); // what is left of a stream that failed has nothing more to say
  }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>, who: string): Promise<Uint8Array | undefined> {
  try {
    const { done, value } = await reader.read();
    return done ? undefined : value;
  } catch (cause) {
    throw new DataError('data/gzip', `${who}: the gzip data is damaged or cut off; fetch the file again.`, { cause });
  }
}

/** The bytes as a stream of small copies, each made when it is asked for. */
function slices(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(new Uint8Array(bytes.subarray(at, at + SLICE)));
      at += SLICE;
    },
  });
}
