/** Every reader of bytes, good files for it, and what damages them. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { encodeTable } from '../../src/data/columns.ts';
import { parseCsv } from '../../src/data/csv.ts';
import { inflate, isGzip } from '../../src/data/gzip.ts';
import { parseIdx } from '../../src/data/idx.ts';
import { parseNpy } from '../../src/data/npy.ts';
import { tableSource } from '../../src/data/source.ts';
import { DownhillError } from '../../src/errors.ts';
import { parseJson } from '../../src/io/json.ts';
import { decodeModel, encodeModel } from '../../src/io/model.ts';
import { readSafetensors } from '../../src/io/safetensors.ts';
import { decodeSweep, encodeSweep } from '../../src/io/sweep.ts';
import { plan } from '../../src/plan/plan.ts';
import { CpuExecutor } from '../../src/run/cpu.ts';
import { cosine } from '../../src/spec/schedules.ts';
import { parseSpec, type SpecInput } from '../../src/spec/spec.ts';
import { Engine } from '../../src/train/engine.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { streamReaders } from './streams.ts';

export interface Reader {
  readonly name: string;
  /** Files that it reads. */
  readonly samples: readonly Uint8Array[];
  read(bytes: Uint8Array): unknown;
  /** The most bytes of typed arrays that it may ask for. */
  most(bytes: Uint8Array): number;
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
/** Room for what is small and the same for every file. */
const FIXED = 4096;
/** At most twice the file: once as it is, once as values. */
const twice = ({ length }: Uint8Array) => 2 * length + FIXED;
/** The values, their bytes, and the pieces of the file, none of them more than the cap. */
const inflated = ({ length }: Uint8Array) => 3 * Math.max(2 ** 20, 200 * length) + FIXED;

const SPEC: SpecInput = {
  inputs: 4,
  layers: [
    { type: 'dense', units: 3, activation: 'relu' },
    { type: 'dense', units: 2 },
  ],
  loss: 'softmaxCrossEntropy',
  optimizer: { type: 'adam', learningRate: cosine({ learningRate: 0.01, steps: 100 }) },
  batchSize: 4,
  preprocessing: {
    columns: [
      { type: 'numeric', name: 'length', mean: 1.5, deviation: 0.5 },
      { type: 'category', name: 'kind', categories: ['a', 'b', 'ç'] },
    ],
    target: 'class',
    classes: ['no', 'yes'],
  },
};

/** A saved model, with the optimizer's state and in the middle of an epoch. */
export async function modelFile(): Promise<Uint8Array> {
  const engine = new Engine(plan(parseSpec(SPEC)), new CpuExecutor());
  await engine.start();
  const trainer = new Trainer(engine, '');
  const x = Array.from({ length: 11 }, (_, i) => [i / 7, i % 2 === 0 ? 'a' : 'ç']);
  await trainer.fit({ x, y: x.map((_, i) => i % 2) }, { steps: 4 });
  return trainer.save();
}

/** A sweep of the model and of one that was dropped. */
function sweepOf(bytes: Uint8Array): Uint8Array {
  const model = decodeModel(bytes);
  const since = { losses: [0.5, null], weights: [4, 0] };
  const standing = {
    active: [0],
    ended: [null, 2],
    scores: [0.7, null],
    since,
    due: { epoch: [0.6, null], cut: true },
  };
  return encodeSweep({ models: [model, model], standing });
}

function npy(descr: string, shape: string, values: Uint8Array, order = 'False'): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`.padEnd(117);
  return joined(ascii('\x93NUMPY\x01\x00'), Uint8Array.of(118, 0), ascii(`${text}\n`), values);
}

const idx = (type: number, shape: readonly number[], bytes: number) =>
  joined(
    Uint8Array.of(0, 0, type, shape.length, ...shape.flatMap((n) => [0, 0, n >> 8, n & 255])),
    Uint8Array.from({ length: bytes }, (_, i) => (i * 37) & 255),
  );

const table = 'length;kind;class\r\n1.5;"a;b";yes\r\n-2e3;"say ""no""";no\r\n\r\n0;ç;yes';

export async function readers(): Promise<Reader[]> {
  const model = await modelFile();
  const { weights, spec } = decodeModel(model);
  const json = utf8(JSON.stringify(spec));
  const idxFiles = [idx(8, [3, 2, 2], 12), idx(13, [5], 20), idx(14, [2, 1], 16)];
  return [
    {
      name: 'model',
      samples: [model, encodeModel({ spec, weights })],
      read: (bytes) => decodeModel(bytes),
      most: twice,
    },
    { name: 'a sweep', samples: [sweepOf(model)], read: (bytes) => decodeSweep(bytes), most: twice },
    { name: 'safetensors', samples: [model], read: (bytes) => readSafetensors(bytes), most: twice },
    {
      name: 'JSON of a spec',
      samples: [json],
      read: (bytes) => parseSpec(parseJson(new TextDecoder().decode(bytes), 'spec')),
      most: twice,
    },
    {
      name: 'NPY',
      samples: [
        npy('<f4', '(3, 2)', new Uint8Array(24)),
        npy('<f8', '(2, 3)', new Uint8Array(48), 'True'),
        npy('|u1', '(7,)', new Uint8Array(7)),
        npy('<i8', '(2,)', new Uint8Array(16)),
      ],
      read: (bytes) => parseNpy(bytes),
      most: twice,
    },
    {
      name: 'IDX',
      samples: idxFiles,
      read: (bytes) => parseIdx(bytes),
      most: (bytes) => (isGzip(bytes) ? inflated : twice)(bytes),
    },
    {
      name: 'IDX in gzip',
      samples: idxFiles.map((file) => new Uint8Array(gzipSync(file))),
      read: (bytes) => parseIdx(bytes),
      most: inflated,
    },
    {
      name: 'gzip',
      samples: [new Uint8Array(gzipSync(ascii('words '.repeat(500)))), new Uint8Array(gzipSync(Uint8Array.of()))],
      async read(bytes) {
        let length = 0;
        for await (const piece of inflate(bytes)) length += piece.length;
        return length;
      },
      most: twice,
    },
    {
      name: 'CSV',
      samples: [utf8(table), utf8('1,2\n3,4\n'), utf8('\ufeffa\tb\n1\t2')],
      read: (bytes) => parseCsv(bytes),
      most: twice,
    },
    {
      name: 'a table to train on',
      samples: [utf8(table), utf8('a,b,class\n1,x,0\n2,y,1\n3,x,0\n4,z,1\n')],
      read(bytes) {
        const source = tableSource(parseCsv(bytes));
        const preprocessing = source.fitPreprocessing(Uint32Array.from({ length: source.count }, (_, i) => i));
        return encodeTable(preprocessing.columns ?? [], source.x, 'x');
      },
      // A category becomes as many columns as it has names.
      most: ({ length }) => length * length + FIXED,
    },
    ...streamReaders,
  ];
}

/** Numbers that lie where sizes and counts lie. */
const SIZES = [0, 1, 2, 255, 256, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** One change of a file; places are parts of its length. */
const edit = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), at: part(), value: fc.nat(255) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('flip' as const), at: part(), value: fc.nat(7) }) },
  fc.record({ do: fc.constant('size' as const), at: part(), value: fc.constantFrom(...SIZES), little: fc.boolean() }),
  fc.record({ do: fc.constant('insert' as const), at: part(), bytes: fc.uint8Array({ maxLength: 9 }) }),
  fc.record({ do: fc.constant('remove' as const), at: part(), value: fc.nat(40) }),
  fc.record({ do: fc.constant('repeat' as const), at: part(), value: fc.nat(40), times: fc.nat(60) }),
  fc.record({ do: fc.constant('cut' as const), at: part() }),
);
type Edit = typeof edit extends fc.Arbitrary<infer E> ? E : never;

function part() {
  return fc.nat(9_999).map((n) => n / 10_000); // all places alike: doubles would crowd at 0
}

function apply(file: Uint8Array, change: Edit): Uint8Array {
  const at = Math.min(file.length, Math.floor(change.at * file.length));
  const [before, after] = [file.subarray(0, at), file.subarray(at)];
  switch (change.do) {
    case 'set':
      return Uint8Array.from(file, (byte, i) => (i === at ? change.value : byte));
    case 'flip':
      return Uint8Array.from(file, (byte, i) => (i === at ? byte ^ (1 << change.value) : byte));
    case 'size': {
      const bytes = [24, 16, 8, 0].map((shift) => (change.value >>> shift) & 255);
      const size = Uint8Array.from(change.little ? bytes.reverse() : bytes);
      return joined(before, size, after.subarray(4));
    }
    case 'insert':
      return joined(before, change.bytes, after);
    case 'remove':
      return joined(before, after.subarray(change.value));
    case 'repeat': {
      const piece = after.subarray(0, change.value);
      return joined(before, ...Array.from({ length: change.times }, () => piece), after);
    }
    case 'cut':
      return before.slice();
  }
}

/** Damaged files of a reader, and bytes that are none at all. */
export function attacks({ samples }: Reader): fc.Arbitrary<Uint8Array> {
  const damaged = fc
    .tuple(fc.constantFrom(...samples), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([file, edits]) => edits.reduce(apply, file));
  return fc.oneof({ weight: 9, arbitrary: damaged }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) });
}

/** What happened to a file: whether it was read, the bytes of typed arrays that it took, and ms of the processor. */
export async function attempt(reader: Reader, bytes: Uint8Array): Promise<{ code: string; taken: number; ms: number }> {
  const watch = watchMemory();
  const start = process.cpuUsage();
  const end = () => {
    const { user, system } = process.cpuUsage(start);
    return { taken: watch.end(), ms: (user + system) / 1000 };
  };
  try {
    await reader.read(bytes);
    return { code: 'read', ...end() };
  } catch (error) {
    const costs = end();
    if (!(error instanceof DownhillError)) throw error;
    return { code: error.code, ...costs };
  }
}

const CONSTRUCTORS = [
  'ArrayBuffer',
  ...[
    'Uint8Array',
    'Int8Array',
    'Uint16Array',
    'Int16Array',
    'Uint32Array',
    'Int32Array',
    'Float32Array',
    'Float64Array',
    'BigInt64Array',
  ],
] as const;

/** Counts the bytes that typed arrays ask for, until its end. */
function watchMemory(): { end(): number } {
  let taken = 0;
  const own = globalThis as unknown as Record<string, new (...values: unknown[]) => { byteLength: number }>;
  const before = CONSTRUCTORS.map((name) => [name, own[name]!] as const);
  for (const [name, original] of before) {
    own[name] = new Proxy(original, {
      construct(target, values, self) {
        const made = Reflect.construct(target, values, self === own[name] ? target : self) as { byteLength: number };
        // A view of a buffer that is there takes nothing.
        if (!(values[0] instanceof before[0]![1])) taken += made.byteLength;
        return made;
      },
    });
  }
  return {
    end() {
      for (const [name, original] of before) own[name] = original;
      return taken;
    },
  };
}
