/** What is trained: the list of workloads, their names, and what a step of theirs costs by formula. */

export interface Workload {
  /** `784-128-10@64`, `sweep-64`, `matmul-2048`, `digits`. */
  readonly id: string;
  readonly kind: 'train' | 'sweep' | 'matmul' | 'digits';
  /** Inputs, hidden widths, outputs. */
  readonly widths: readonly number[];
  readonly batch: number;
  readonly loss: 'softmaxCrossEntropy' | 'meanSquaredError';
  /** Models trained side by side. */
  readonly models: number;
  /** Whether inputs are bytes, as images are. */
  readonly bytes: boolean;
  /** Not worth the wait on an adapter that is emulated. */
  readonly gpuOnly: boolean;
  /** Part of `--quick`, which has no time for all. */
  readonly quick: boolean;
}

const plain = { kind: 'train', loss: 'softmaxCrossEntropy', models: 1, gpuOnly: false, quick: false } as const;

/** A net by its name, `784-128-10@64` or `32-64x4-3@16384`; undefined where it is none. */
export function parseWorkload(id: string): Workload | undefined {
  const matmul = /^matmul-(\d+)$/.exec(id);
  if (matmul) {
    const n = Number(matmul[1]);
    return { ...plain, id, kind: 'matmul', widths: [n, n], batch: n, bytes: false };
  }
  const net = /^(\d+(?:x\d+)?(?:-\d+(?:x\d+)?)+)@(\d+)$/.exec(id);
  if (!net) return undefined;
  const widths = net[1]!.split('-').flatMap((part) => {
    const [width, times = 1] = part.split('x').map(Number);
    return new Array<number>(times).fill(width!);
  });
  return { ...plain, id, widths, batch: Number(net[2]), bytes: widths[0] === 784 };
}

const net = (id: string, more: Partial<Workload> = {}): Workload => ({ ...parseWorkload(id)!, ...more });

export const WORKLOADS: readonly Workload[] = [
  net('2-16-16-2@32', { quick: true }),
  net('784-128-10@64', { quick: true }),
  net('784-128-10@32'),
  net('784-128-10@512'),
  net('784-512-512-10@128'),
  net('32-64x4-3@16384', { loss: 'meanSquaredError' }),
  net('2-16-16-2@32', { id: 'sweep-64', kind: 'sweep', models: 64, quick: true }),
  net('784-128-10@64', { id: 'digits', kind: 'digits', quick: true }),
  net('1024-4096x2-1024@1024', { gpuOnly: true }),
  net('matmul-2048', { gpuOnly: true }),
];

/** Multiply-adds of one pass through the weights, per row. */
const weightsOf = (widths: readonly number[]) => widths.slice(1).map((width, i) => width * widths[i]!);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** Floating-point operations of a step: forward, deltas (not to the inputs) and weight gradients, 2 a multiply-add. */
export function flopsOf({ kind, widths, batch, models }: Workload): number {
  const weights = weightsOf(widths);
  if (kind === 'matmul') return 2 * batch * weights[0]!;
  return models * 2 * batch * (3 * sum(weights) - weights[0]!);
}

/** Bytes that a step moves at least: parameters and Adam's two moments read and written, the mini-batch read, in f32. */
export function floorBytesOf({ kind, widths, batch, models }: Workload): number {
  if (kind === 'matmul') return 3 * 4 * batch * batch;
  const parameters = sum(weightsOf(widths)) + sum(widths.slice(1));
  return models * 24 * parameters + 4 * batch * widths[0]!;
}
