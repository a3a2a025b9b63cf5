/** What `--data` names: files or a built-in set, read, split and made ready for a spec. */
import { readFile } from 'node:fs/promises';
import { parseCsv, type Table } from '../data/csv.ts';
import { GENERATOR_OPTIONS, GENERATORS, type GeneratorName } from '../data/generate/index.ts';
import { parseIdx } from '../data/idx.ts';
import { matchTable } from '../data/match.ts';
import { parseNpy } from '../data/npy.ts';
import { takeRows } from '../data/rows.ts';
import { arraySource, type Source, tableSource } from '../data/source.ts';
import { type SplitBy, split } from '../data/split.ts';
import { blobBytes } from '../data/stream/bytes.ts';
import { parquetShard } from '../data/stream/parquet.ts';
import type { DataInput, Targets } from '../data/types.ts';
import { DataError, suggest } from '../errors.ts';
import type { Spec } from '../spec/spec.ts';
import { UsageError } from './errors.ts';
import { takeWeights, type Weighed } from './weights.ts';

export const SPLITS = ['last', 'random', 'stratified'] as const satisfies SplitBy[];
export const HEADERS = ['auto', 'yes', 'no'] as const;

/** The part of the flags that says what the data are. */
export interface DataFlags {
  data: string;
  target?: string;
  /** The column of a table that holds the weights of rows. */
  sampleWeight?: string;
  header?: (typeof HEADERS)[number];
  holdout?: number;
  split?: SplitBy;
  dataSeed?: number;
}

/** A source and how it is split unless told otherwise. */
export interface NamedSource extends Source {
  splitBy: SplitBy;
}

const HOLDOUT = 0.2;
/** Rows of a built-in set unless told otherwise. */
const DEFAULT_ROWS: Partial<Record<GeneratorName, number>> = { digits: 10_000 };
const USUAL_ROWS = 1000;
/** The width from which bytes count as images, for the default model. */
export const IMAGE_INPUTS = 256;

/** The bytes of a file. @throws UsageError where it cannot be read */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : String(code);
    throw new UsageError('cli/file', `${path}: cannot be read: ${why}.`, { cause });
  }
}

/** Of weights in a column, where there is none. */
export const noColumns = (data: string): UsageError =>
  new UsageError(
    'cli/usage',
    `--sample-weight: got data "${data}" without columns, expected csv:FILE or parquet:FILE.`,
  );

/** Reads the data with their targets, of which some may be missing with `masks`. @throws UsageError, DataError */
export async function loadSource(flags: DataFlags, masks = false): Promise<NamedSource> {
  const place = parsePlace(flags.data);
  if (place.kind !== 'generated' && isTable(place)) {
    const { source, sampleWeight } = asSource(await readTable(place, flags), place.files[0]!, masks);
    const splitBy = source.task === 'classes' ? 'stratified' : 'random';
    return { ...source, ...(sampleWeight && { sampleWeight }), splitBy };
  }
  if (flags.sampleWeight !== undefined) throw noColumns(flags.data);
  if (place.kind === 'generated') return generatedSource(place, flags.dataSeed ?? 0);
  const source = arraySource(...(await readArrays(place)), place.files[0]);
  if (place.kind === 'idx') return { ...source, splitBy: 'last' };
  return { ...source, splitBy: source.task === 'classes' ? 'stratified' : 'random' };
}

/** A table, or inputs and targets. */
export interface Files {
  kind: 'csv' | 'parquet' | 'idx' | 'npy';
  files: readonly string[];
}
type Place = Files | Generated;
interface Generated {
  kind: 'generated';
  name: GeneratorName;
  rows: number;
  options: Record<string, number>;
}

export function parsePlace(data: string): Place {
  const names = Object.keys(GENERATORS);
  const [, kind = data, rest = ''] = /^([^:]*):(.*)$/s.exec(data) ?? [];
  if ((kind === 'csv' || kind === 'parquet') && rest) return { kind, files: [rest] };
  if (kind === 'idx' || kind === 'npy') {
    const [first, second, ...more] = rest.split(',');
    if (!first || !second || more.length > 0) {
      const expected = kind === 'idx' ? 'idx:IMAGES,LABELS' : 'npy:X.npy,Y.npy';
      throw new UsageError('cli/usage', `--data: got "${data}", expected ${expected}.`);
    }
    return { kind, files: [first, second] };
  }
  if (Object.hasOwn(GENERATORS, kind)) return parseGenerated(kind as GeneratorName, data);
  const near = suggest(kind, ['csv', 'parquet', 'idx', 'npy', ...names]);
  const known = `idx:IMAGES,LABELS, npy:X.npy,Y.npy, csv:FILE, parquet:FILE, or one of ${names.join(', ')}`;
  throw new UsageError('cli/usage', `--data: got "${data}"${near}, expected ${known}.`);
}

/** `rings`, `rings:500`, `rings:500,classes=4`. */
function parseGenerated(name: GeneratorName, data: string): Generated {
  const generated: Generated = { kind: 'generated', name, rows: DEFAULT_ROWS[name] ?? USUAL_ROWS, options: {} };
  if (data === name) return generated;
  for (const [i, part] of data
    .slice(name.length + 1)
    .split(',')
    .entries()) {
    const [, key = 'rows', text = ''] = /^(?:(\w+)=)?(.+)$/.exec(part) ?? [];
    const value = Number(text.trim() || Number.NaN);
    if (Number.isNaN(value) || (key === 'rows' && (i > 0 || !Number.isInteger(value) || value < 1))) {
      const options = Object.keys(GENERATOR_OPTIONS[name]).map((option) => `,${option}=NUMBER`);
      const expected = `${name}:ROWS${options.length > 0 ? `, with [${options.join('')}]` : ''}`;
      throw new UsageError('cli/usage', `--data: got "${data}", expected ${expected} with a number of rows ≥ 1.`);
    }
    if (key === 'rows') generated.rows = value;
    else generated.options[key] = value;
  }
  return generated;
}

const isTable = ({ kind }: Place): boolean => kind === 'csv' || kind === 'parquet';

async function readTable({ kind, files: [path = ''] }: Files, flags: DataFlags): Promise<Weighed> {
  const bytes = await readBytes(path);
  const { header = 'auto' } = flags;
  return takeWeights(kind === 'csv' ? parseCsv(bytes, { header }, path) : await readParquet(bytes, path), flags, path);
}

async function readParquet(bytes: Uint8Array, path: string): Promise<Table> {
  const shard = parquetShard(blobBytes(new Blob([bytes as Uint8Array<ArrayBuffer>]), path));
  const { rows: count } = await shard.open();
  const { names, rows } = await shard.table!(0, count);
  return { names: [...names], header: true, rows: rows.map((row) => row.map(String)), lines: rows.map((_, i) => i) };
}

const asSource = ({ table, target, sampleWeight }: Weighed, who: string, maskTargets: boolean) => {
  return { source: tableSource(table, { ...(target !== undefined && { target }), maskTargets }, who), sampleWeight };
};

function readArrays({ kind, files }: Files) {
  const read = kind === 'idx' ? parseIdx : parseNpy;
  const [x, y] = files.map(async (path) => read(await readBytes(path), path));
  return Promise.all([x!, y!]);
}

function generatedSource({ name, rows, options }: Generated, seed: number): NamedSource {
  const { x, y } = GENERATORS[name]({ ...options, rows, seed });
  const inputs = x.length / rows;
  const task = y instanceof Float32Array ? 'regression' : 'classes';
  const outputs = task === 'classes' ? 1 + Array.from(y).reduce((a, b) => Math.max(a, b), 1) : 1;
  const images = x instanceof Uint8Array;
  return {
    task,
    x,
    y,
    count: rows,
    describe: `${rows} rows of ${name}: ${inputs} inputs → ${task === 'classes' ? `${outputs} classes` : 'a number'}`,
    fitPreprocessing: () => (images ? { bytes: { scale: 1 / 255, offset: 0 } } : {}),
    inputs: () => inputs,
    outputs,
    splitBy: images ? 'last' : task === 'classes' ? 'stratified' : 'random',
  };
}

export interface SplitData {
  trainRows: Uint32Array;
  train: DataInput;
  test?: DataInput;
  testCount: number;
}

/** Training and test rows, as the flags say or as is usual for the source. @throws DataError */
export function splitSource(source: NamedSource, flags: DataFlags): SplitData {
  const by = flags.split ?? source.splitBy;
  if (by === 'stratified' && source.task === 'regression') {
    throw new DataError('data/split', '--split: got stratified, but the targets are no classes; use random or last.');
  }
  const labels = source.y as ArrayLike<string | number>;
  const options = {
    holdout: flags.holdout ?? HOLDOUT,
    by,
    seed: flags.dataSeed ?? 0,
    ...(by === 'stratified' && { labels }),
  };
  const rows = split(source.count, options, '--holdout');
  const take = (part: Uint32Array) => takeRows(source, source.count, part, '--data');
  return {
    trainRows: rows.train,
    train: take(rows.train),
    testCount: rows.test.length,
    ...(rows.test.length > 0 && { test: take(rows.test) }),
  };
}

/** Data for a saved model: raw rows as its preprocessing takes them, with targets where the data have them. */
export async function loadForModel(spec: Spec, flags: DataFlags): Promise<Omit<DataInput, 'y'> & { y?: Targets }> {
  const place = parsePlace(flags.data);
  const masks = spec.maskTargets === true;
  if (place.kind === 'generated' || !isTable(place)) {
    const { x, y } = await loadSource(flags);
    return { x, y };
  }
  const weighed = await readTable(place, flags);
  const { table, target } = weighed;
  const [path = ''] = place.files;
  const weights = weighed.sampleWeight && { sampleWeight: weighed.sampleWeight };
  if (spec.preprocessing.columns) {
    return { ...matchTable(table, spec.preprocessing, target, path, masks), ...weights };
  }
  if (table.names.length === spec.inputs && target === undefined) {
    return { x: table.rows.map((row) => row.map(Number)), ...weights };
  }
  const { x, y } = asSource(weighed, path, masks).source;
  return { x, y, ...weights };
}
