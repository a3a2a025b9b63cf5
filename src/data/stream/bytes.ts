/** Bytes that are read in ranges: a Blob or File of the page, or a URL whose server knows range requests. */
import { DataError } from '../../errors.ts';
import { show } from '../../spec/parse.ts';

/** A file that is never read whole. */
export interface ByteSource {
  /** For messages. */
  readonly name: string;
  /** Bytes of the file. */
  size(): Promise<number>;
  /**
   * The bytes from `start` up to `end`.
   * @throws DataError `data/changed` where the file is no longer the one that `size` saw
   */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** A file as users give it: a File or Blob, a URL (text is one, too), or an own source. */
export type FileInput = Blob | URL | string | ByteSource;

/** @throws DataError for anything else */
export function byteSource(file: FileInput): ByteSource {
  if (typeof file === 'string' || file instanceof URL) return urlBytes(file);
  if (typeof Blob !== 'undefined' && file instanceof Blob) return blobBytes(file);
  if (typeof (file as ByteSource | null)?.read === 'function') return file as ByteSource;
  throw new DataError('data/type', `stream: got ${show(file)}, expected a File, a Blob, a URL or a source of bytes.`);
}

export const changed = (name: string, what: string): DataError =>
  new DataError('data/changed', `${name}: ${what}; the file was changed while it was read, start again.`);

/** The bytes of a Blob, or of a File that a visitor chose. */
export function blobBytes(blob: Blob, name = (blob as File).name ?? 'blob'): ByteSource {
  return {
    name,
    size: async () => blob.size,
    async read(start, end) {
      try {
        return new Uint8Array(await blob.slice(start, end).arrayBuffer());
      } catch {
        throw changed(name, `bytes ${start} to ${end} cannot be read`); // a File that changed on disk
      }
    },
  };
}

export interface UrlOptions {
  /** For messages; default the last part of the path. */
  name?: string;
  /** Default: the runtime's. */
  fetch?: typeof fetch;
  /** Sent with every request. */
  headers?: Record<string, string>;
  /** A file of a server without range requests is kept in memory if it has at most so many bytes; default 4 MiB. */
  wholeBelow?: number;
  /** How often a request that failed is made again; default 2. */
  retries?: number;
}

const WHOLE_BELOW = 2 ** 22;
/** Bytes of the request that asks how long the file is. */
const FIRST = 16;

/**
 * The bytes behind a URL, by HTTP range requests (RFC 9110). That the file stays the same is held by its ETag, else its
 * date, and its size. A server of another origin has to allow `Range` and to expose `Content-Range` and `ETag`.
 */
export function urlBytes(url: string | URL, options: UrlOptions = {}): ByteSource {
  const { fetch: get = globalThis.fetch, headers = {}, wholeBelow = WHOLE_BELOW, retries = 2 } = options;
  const name = options.name ?? (String(url).split(/[?#]/)[0]!.split('/').pop() || String(url));
  let seen: { size: number; version: string; whole?: Uint8Array } | undefined;

  const request = async (start: number, end: number): Promise<Response> => {
    for (let tries = 0; ; tries++) {
      const range = { ...headers, Range: `bytes=${start}-${end - 1}` };
      const response = await get(url, { headers: range }).catch((error: unknown) => String(error));
      if (typeof response !== 'string' && response.status < 500 && response.status !== 429) return response;
      if (tries >= retries) {
        const got = typeof response === 'string' ? response : `status ${response.status}`;
        throw new DataError('data/request', `${name}: got ${got} for bytes ${start} to ${end}, expected them.`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100 * 4 ** tries));
    }
  };

  const look = async (): Promise<NonNullable<typeof seen>> => {
    const response = await request(0, FIRST);
    const version = versionOf(response);
    if (response.status === 206) {
      const size = totalOf(response);
      await response.body?.cancel();
      if (size !== undefined) return { size, version };
      throw new DataError(
        'data/ranges',
        `${name}: got a range without a readable Content-Range, expected the size of the file; let the server send Access-Control-Expose-Headers: Content-Range, ETag.`,
      );
    }
    if (response.status !== 200 && response.status !== 416) {
      throw new DataError('data/request', `${name}: got status ${response.status}, expected 206 or 200.`);
    }
    if (response.status === 416) return { size: 0, version };
    const whole = await bodyUpTo(response, wholeBelow);
    if (whole) return { size: whole.length, version, whole };
    throw new DataError(
      'data/ranges',
      `${name}: its server does not answer range requests, expected them for a file of more than ${wholeBelow} bytes; use a server that does, smaller files, or raise wholeBelow.`,
    );
  };

  const open = async () => {
    seen ??= await look();
    return seen;
  };

  return {
    name,
    size: async () => (await open()).size,
    async read(start, end) {
      const { size, version, whole } = await open();
      if (whole) return whole.slice(start, end);
      if (end <= start) return new Uint8Array(0);
      const response = await request(start, end);
      if (response.status !== 206) {
        throw changed(name, `got status ${response.status} for bytes ${start} to ${end}, expected 206`);
      }
      if (versionOf(response) !== version || totalOf(response) !== size) {
        throw changed(name, `its ETag, date or size is another than before, at bytes ${start} to ${end}`);
      }
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

/** What changes when the file does. */
const versionOf = ({ headers }: Response): string => headers.get('etag') ?? headers.get('last-modified') ?? '';

/** Bytes of the whole file, from the header `Content-Range: bytes 0-15/1000`. */
function totalOf({ headers }: Response): number | undefined {
  const total = /^bytes \d+-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
}

/** The body, or undefined where it is longer than allowed. */
async function bodyUpTo(response: Response, most: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    parts.push(part.value);
    length += part.value.length;
    if (length <= most) continue;
    await reader?.cancel();
    return undefined;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Exactly the bytes asked for. @throws DataError `data/truncated` where a source gives others */
export async function readExactly(file: ByteSource, start: number, end: number): Promise<Uint8Array> {
  const bytes = await file.read(start, end);
  if (bytes.length === end - start) return bytes;
  throw new DataError(
    'data/truncated',
    `${file.name}: got ${bytes.length} bytes, expected ${end - start}: bytes ${start} to ${end}; the file is cut off or was changed.`,
  );
}
