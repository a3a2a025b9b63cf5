/**
 * Bad numbers, NaN and infinity, on the host: what the codes of shaders/lib/guard.wgsl mean, and the same rules for the
 * plain loops. In a step the first of them has the largest code.
 */
import { KERNELS } from '../kernels/index.ts';
import { argument, type CpuMemory, type Find, layerNumber, type Step, type Tensor, view } from '../kernels/kernel.ts';
import { HALF_LIMIT } from '../math/half.ts';
import type { Real } from '../math/losses.ts';

/**
 * What a step does about bad numbers: nothing; from the first on, no step changes anything; a step with one changes
 * nothing; this step changes nothing in any case.
 */
export const GUARD = { off: 0, stop: 1, skip: 2, idle: 3 } as const;

/** In the order of a step, backwards. */
const TENSORS = ['moment', 'parameter', 'gradient', 'sum', 'delta', 'loss', 'activation'] as const;
export type BadTensor = (typeof TENSORS)[number];

/** The first bad number of a step. */
export interface BadNumber {
  readonly tensor: Exclude<BadTensor, 'sum'>;
  /** Its layer's place in the spec; for a loss it means nothing. */
  readonly layer: number;
  readonly value: 'NaN' | 'infinity';
  /** Whether it came up inside of the update, which then has changed something. */
  readonly late: boolean;
}

/** Beside a code: a smaller scale of the loss may do, and the training goes on. */
export const OVERFLOW = 1 << 11;

/** Whether the first code of a step comes from the scale of its loss. */
export const overflowed = (code: number, scale: number): boolean =>
  code >> 8 === TENSORS.indexOf('delta') + 1 && scale > 1;

export function decode(marked: number): BadNumber {
  const code = marked & (OVERFLOW - 1);
  const tensor = TENSORS[(code >> 8) - 1]!;
  const rank = (code >> 1) & 127;
  return {
    tensor: tensor === 'sum' ? 'loss' : tensor,
    layer: tensor === 'activation' ? 127 - rank : rank,
    value: code & 1 ? 'NaN' : 'infinity',
    late: TENSORS.indexOf(tensor) < TENSORS.indexOf('delta'),
  };
}

/** The code of what is bad in a layer's tensor; `worst` is a bad number of it, NaN before infinity, or 0. */
function encode(tensor: BadTensor, layer: number, worst: number): number {
  if (worst === 0) return 0;
  const rank = tensor === 'activation' ? 127 - layer : layer;
  return ((TENSORS.indexOf(tensor) + 1) << 8) | (rank << 1) | Number(Number.isNaN(worst));
}

/** The same of what may be stored as halves. */
function worstHalf(values: Real, start: number, end: number): number {
  let worst = 0;
  for (let i = start; i < end; i++) {
    if (Math.abs(values[i]!) < HALF_LIMIT) continue;
    if (Number.isNaN(values[i])) return values[i]!;
    worst = Number.POSITIVE_INFINITY;
  }
  return worst;
}

/** NaN, else infinity, else 0. */
function worstOf(values: Real, start: number, end: number): number {
  // 0 times a bad number is NaN; four sums do not wait for each other.
  let [a, b, c, d] = [0, 0, 0, 0];
  const fours = end - ((end - start) % 4);
  for (let i = start; i < fours; i += 4) {
    a += values[i]! * 0;
    b += values[i + 1]! * 0;
    c += values[i + 2]! * 0;
    d += values[i + 3]! * 0;
  }
  for (let i = fours; i < end; i++) a += values[i]! * 0;
  if (a + b + c + d === 0) return 0;
  return values.subarray(start, end).some(Number.isNaN) ? Number.NaN : Number.POSITIVE_INFINITY;
}

/** The same for the first column of a matrix. */
function worstLoss(metrics: Real, rows: number, stride: number): number {
  let worst = 0;
  for (let row = 0; row < rows; row++) {
    const loss = metrics[row * stride]!;
    if (Number.isNaN(loss)) return loss;
    if (!Number.isFinite(loss)) worst = Number.POSITIVE_INFINITY;
  }
  return worst;
}

/** Looks at what a base step has just written: the code of what is bad in so many rows. */
export type Look = (rows: number) => number;

/** Bound to what `step` writes; undefined for a step that nobody watches. `halves`: what they cannot hold is bad. */
export function lookAt(step: Step, find: Find, { slabs }: CpuMemory, halves = false): Look | undefined {
  const worst = halves ? worstHalf : worstOf;
  if (step.kernel === 'optimizer_update') return lookAtUpdate(step, find, slabs);
  const looks = Object.entries(KERNELS[step.kernel].watches ?? {}).flatMap(([name, tensor]): Look[] => {
    if (!(name in step.reads || name in step.writes)) return [];
    const looked = argument(step, find, name);
    if (tensor === 'delta' && looked.slab !== 'deltas') return [];
    const values = view(looked, slabs);
    const { stride } = looked;
    if (tensor === 'loss') return [(rows) => encode(tensor, 0, worstLoss(values, rows, stride))];
    const layer = layerNumber(looked.name);
    // Statistics have one row, whatever the mini-batch has, and are floats, also where activations are halves.
    const worstIn = looked.slab === 'statistics' ? worstOf : worst;
    return [(rows) => encode(tensor, layer, worstIn(values, 0, Math.min(rows, looked.rows) * stride))];
  });
  return looks.length === 0 ? undefined : (rows) => Math.max(...looks.map((look) => look(rows)));
}

function lookAtUpdate(step: Step, find: Find, slabs: CpuMemory['slabs']): Look {
  const names = (role: Tensor['role']) =>
    [...new Set([...Object.values(step.reads), ...Object.values(step.writes)])]
      .map(find)
      .filter((t) => t.role === role);
  const worst = (tensor: BadTensor, tensors: readonly Tensor[]) =>
    Math.max(
      0,
      ...tensors.map(({ slab, offset, size, name }) =>
        encode(tensor, layerNumber(name), worstOf(slabs[slab], offset, offset + size)),
      ),
    );
  const [params, state, grads] = [names('param'), names('state'), names('grad')];
  return () => {
    const stored = Math.max(worst('parameter', params), worst('moment', state));
    return stored === 0 ? 0 : Math.max(stored, worst('gradient', grads));
  };
}

/** Of the sum of a step's losses, as a float of 32 bits. */
export const codeOfSum = (sum: number): number => encode('sum', 0, worstOf(Float32Array.of(sum), 0, 1));

/** Bits of a code, and of the step beside it in the word that says what ended a training. */
const CODE_BITS = 11;
const STEP_BITS = 32 - CODE_BITS;

/** What ended a training: its code, and how many steps after the one that follows `finished` updates. */
export const endOf = (ended: number, finished: number): { code: number; after: number } => ({
  code: ended & (2 ** CODE_BITS - 1),
  after: ((ended >>> CODE_BITS) - finished) & (2 ** STEP_BITS - 1),
});
