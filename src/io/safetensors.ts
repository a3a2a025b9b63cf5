/** The safetensors format: named tensors and string metadata ⇄ bytes, read strictly and written deterministically. */
import { CheckpointError } from '../errors.ts';
import { show } from '../spec/parse.ts';
import { isObject, isWellFormed, parseJson } from './json.ts';
import {
  type ByteTensor,
  byteLength,
  checkHeaderLength,
  checkTensorCount,
  DTYPE_BYTES,
  isCount,
  type NamedTensor,
  type SafetensorsLimits,
  type StoredTensor,
} from './tensors.ts';

export type { NamedTensor, SafetensorsLimits, StoredTensor };

const METADATA = '__metadata__';

interface Entry {
  name: string;
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

/**
 * Reads a file, all of it or nothing: each byte of the data belongs to exactly one tensor. The tensors come in the
 * order of their data. Values are not looked at: NaN and infinity are legal in the format.
 * @param who opens the messages, for example the file's name
 * @throws CheckpointError that names the tensor and what is wrong with it
 */
export function readSafetensors(
  bytes: Uint8Array,
  limits: SafetensorsLimits = {},
  who = 'safetensors',
): { tensors: Map<string, StoredTensor>; metadata: Map<string, string> } {
  if (!(bytes instanceof Uint8Array)) {
    throw new CheckpointError(
      'checkpoint/input',
      `${who}: expected a Uint8Array, got ${show(bytes)}; wrap a buffer in new Uint8Array(…).`,
    );
  }
  const { header, data } = splitFile(bytes, limits, who);
  const fields = Object.entries(header).filter(([name]) => name !== METADATA);
  checkTensorCount(fields.length, limits, who);
  const metadata = readMetadata(Object.hasOwn(header, METADATA) ? header[METADATA] : {}, who);
  const entries = fields.map(([name, entry]) => readEntry(name, entry, who));
  checkOffsets(entries, data.length, who);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, { dtype, shape, bytes: data.subarray(begin, end) });
  }
  return { tensors, metadata };
}

/** The parts of a file: u64 length of the header (little-endian), header, data. */
function splitFile(bytes: Uint8Array, limits: SafetensorsLimits, who: string) {
  if (bytes.length < 8) {
    throw new CheckpointError(
      'checkpoint/truncated',
      `${who}: got ${bytes.length} bytes, expected 8 or more; the file is cut off or no safetensors file.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > bytes.length - 8) {
    throw new CheckpointError(
      'checkpoint/truncated',
      `${who}: claims a header of ${length} bytes, but ${bytes.length - 8} follow; the file is cut off or no safetensors file.`,
    );
  }
  checkHeaderLength(length, limits, who);
  // A view of our own: `subarray` of a subclass, such as Node's Buffer, would give the subclass.
  const header = new Uint8Array(bytes.buffer, bytes.byteOffset + 8, length);
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + length, bytes.length - 8 - length);
  return { header: parseHeader(header, who), data };
}

/** An object that opens with the first byte and may be followed by spaces only. */
function parseHeader(bytes: Uint8Array, who: string): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError('checkpoint/header', `${who}: the header is no UTF-8 text; the file is damaged.`, {
      cause,
    });
  }
  let end = text.length;
  while (end > 0 && text[end - 1] === ' ') end--;
  if (text[0] !== '{' || text[end - 1] !== '}') {
    throw new CheckpointError(
      'checkpoint/header',
      `${who}: expected a header from "{" to "}" and spaces after it; the file is damaged or no safetensors file.`,
    );
  }
  return parseJson(text.slice(0, end), `${who}: header`, { depth: 4, digitsOnly: true }) as Record<string, unknown>;
}

function readMetadata(value: unknown, who: string): Map<string, string> {
  if (!isObject(value)) {
    throw new CheckpointError('checkpoint/metadata', `${who}: ${METADATA}: expected an object, got ${show(value)}.`);
  }
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string' || !isWellFormed(text)) {
      throw new CheckpointError(
        'checkpoint/metadata',
        `${who}: ${METADATA}: ${show(key)} must be text, got ${show(text)}.`,
      );
    }
    metadata.set(key, text);
  }
  return metadata;
}

function readEntry(name: string, value: unknown, who: string): Entry {
  const here = `${who}: tensor ${show(name)}`;
  if (!isObject(value) || Object.keys(value).sort().join() !== 'data_offsets,dtype,shape') {
    throw new CheckpointError(
      'checkpoint/entry',
      `${here}: expected an object with exactly dtype, shape and data_offsets, got ${show(value)}.`,
    );
  }
  const { dtype, shape, data_offsets: offsets } = value;
  const size = typeof dtype === 'string' ? DTYPE_BYTES.get(dtype) : undefined;
  if (size === undefined) {
    const known = [...DTYPE_BYTES.keys()].join(', ');
    throw new CheckpointError('checkpoint/dtype', `${here}: unknown dtype ${show(dtype)}; known: ${known}.`);
  }
  if (!Array.isArray(shape)) {
    throw new CheckpointError('checkpoint/shape', `${here}: expected a shape, got ${show(shape)}.`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1]) {
    throw new CheckpointError(
      'checkpoint/offsets',
      `${here}: expected data_offsets [begin, end] with begin ≤ end, got ${show(offsets)}.`,
    );
  }
  const [begin, end] = offsets as [number, number];
  const expected = byteLength(shape, size, here);
  if (end - begin !== expected) {
    throw new CheckpointError(
      'checkpoint/size',
      `${here}: ${show(shape)} of ${dtype} takes ${expected} bytes, but data_offsets give ${end - begin}.`,
    );
  }
  return { name, dtype: dtype as string, shape, begin, end };
}

/** Sorts by place and refuses holes, overlaps and bytes that belong to no tensor: nothing else hides in the file. */
function checkOffsets(entries: Entry[], dataLength: number, who: string): void {
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== position) {
      throw new CheckpointError(
        'checkpoint/offsets',
        `${who}: tensor ${show(name)} begins at ${begin}, expected ${position}: ${begin < position ? 'tensors overlap' : 'a hole lies before it'}.`,
      );
    }
    position = end;
  }
  if (position > dataLength) {
    throw new CheckpointError(
      'checkpoint/truncated',
      `${who}: got ${dataLength} bytes of data, expected ${position}; the file is cut off, fetch it again.`,
    );
  }
  if (position < dataLength) {
    throw new CheckpointError(
      'checkpoint/trailing',
      `${who}: ${dataLength - position} bytes follow the last tensor; they belong to nothing.`,
    );
  }
}

/**
 * The file of the tensors, of f32 or bytes. Equal tensors and metadata give equal bytes in whatever order the maps hold them:
 * names are sorted, the header is padded with spaces to 8 bytes.
 * @throws CheckpointError for what `readSafetensors` with the same limits would refuse
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, NamedTensor | ByteTensor>,
  metadata: ReadonlyMap<string, string>,
  limits: SafetensorsLimits = {},
  who = 'safetensors',
): Uint8Array {
  const fields: string[] = [];
  if (metadata.size > 0) fields.push(`${quote(METADATA, who)}:${metadataJson(metadata, who)}`);
  const sorted = [...tensors].sort(byName);
  checkTensorCount(sorted.length, limits, who);
  let position = 0;
  for (const [name, { shape, values }] of sorted) {
    const begin = position;
    position += checkTensor(name, shape, values, who);
    // Built as text: an object would move names that look like numbers to the front, and lose `__proto__`.
    fields.push(
      `${quote(name, who)}:{"dtype":"${values instanceof Uint8Array ? 'U8' : 'F32'}","shape":${JSON.stringify(shape)},"data_offsets":[${begin},${position}]}`,
    );
  }
  const unpadded = new TextEncoder().encode(`{${fields.join()}}`);
  const length = Math.ceil(unpadded.length / 8) * 8;
  checkHeaderLength(length, limits, who);
  const bytes = new Uint8Array(8 + length + position);
  bytes.fill(0x20, 8, 8 + length);
  bytes.set(unpadded, 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true); // the upper half stays 0
  let at = 8 + length;
  for (const [, { values }] of sorted) {
    if (values instanceof Uint8Array) {
      bytes.set(values, at);
      at += values.length;
      continue;
    }
    for (let i = 0; i < values.length; i++, at += 4) view.setFloat32(at, values[i]!, true);
  }
  return bytes;
}

/** The bytes that a tensor takes, once it is known to be a tensor. */
function checkTensor(name: string, shape: unknown, values: unknown, who: string): number {
  const here = `${who}: tensor ${show(name)}`;
  if (name === METADATA) throw new CheckpointError('checkpoint/entry', `${here}: the name is reserved; take another.`);
  if (!Array.isArray(shape)) {
    throw new CheckpointError('checkpoint/shape', `${here}: expected a shape, got ${show(shape)}.`);
  }
  const size = values instanceof Uint8Array ? 1 : 4;
  const expected = byteLength(shape, size, here);
  if ((size === 4 && !(values instanceof Float32Array)) || (values as Float32Array).byteLength !== expected) {
    throw new CheckpointError(
      'checkpoint/size',
      `${here}: expected a ${size === 4 ? 'Float32' : 'Uint8'}Array of ${expected / size} values for shape ${show(shape)}, got ${show(values)}.`,
    );
  }
  return expected;
}

function metadataJson(metadata: ReadonlyMap<string, string>, who: string): string {
  const pairs = [...metadata].sort(byName).map(([key, text]) => `${quote(key, who)}:${quote(text, who)}`);
  return `{${pairs.join()}}`;
}

function quote(text: string, who: string): string {
  if (typeof text !== 'string' || !isWellFormed(text)) {
    throw new CheckpointError('checkpoint/metadata', `${who}: expected valid Unicode text, got ${show(text)}.`);
  }
  return JSON.stringify(text);
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0);
