/** One optimizer step on every parameter from its gradient; the rules are in `math/optimizers.ts`. */
import { clipValues, normFactor } from '../math/clip.ts';
import type { Real } from '../math/losses.ts';
import { AVERAGE, OPTIMIZER_MATH } from '../math/optimizers.ts';
import { hasPenalty, penalized, undecayed } from '../math/penalties.ts';
import type { Optimizer } from '../spec/optimizers.ts';
import { firstWorkgroups } from './gradient_tiles.ts';
import {
  argument,
  at,
  type CpuMemory,
  type Find,
  groups,
  type Kernel,
  type Step,
  type TensorName,
  view,
} from './kernel.ts';
import { gradientsOf, layerTable, penaltyOverrides } from './layers.ts';

export const optimizer_update: Kernel = {
  overrides: (step, find) => ({
    FOURS: paramsSize(step, find) / 4,
    DENSE_LAYERS: step.dense!.length,
    ...optimizerOverrides(step, find),
    ...normOverrides(step, find),
    MOVES: step.moves === true,
  }),
  workgroups: (step, find) => groups(paramsSize(step, find) / 4),
  flops: (step, find) => 12 * paramsSize(step, find),
  table: (step, find) => layerTable(step, find, firstSquares(step, find)),
  reference: (step, find, memory) => {
    const { slabs } = memory;
    const optimizer = step.optimizer!;
    const math = OPTIMIZER_MATH[optimizer.type];
    const size = paramsSize(step, find);
    const state = math.state(optimizer as never).map((_, slot) => slabs.state.subarray(slot * size, (slot + 1) * size));
    const flags = math.flags(optimizer as never);
    const params = Object.keys(step.reads).filter((name) => name.startsWith('param'));
    const ranges = params.map((name) => ({ ...argument(step, find, name), rule: step.rules![name as TensorName]! }));
    const clip = clipping(step, find, slabs);
    const whole = wholeGradients(step, find, memory);
    const average = averaging(step, find, slabs);
    return ({ scalars, finishedSteps }) => {
      const grads = whole();
      clip(grads);
      const before = step.moves && slabs.params.slice();
      const still = undecayed(scalars);
      for (const { offset, size, rule } of ranges) {
        math.update(slabs.params, grads, state, offset, offset + size, rule.decays ? scalars : still, flags);
        if (rule.maxNorm === 0) average(offset, offset + size, finishedSteps);
        if (!before) continue;
        for (let i = offset; i < offset + size; i++) slabs.grads[i] = slabs.params[i]! - before[i]!;
      }
    };
  },
};

/** Where the sums of squares of every row begin: one a row, or one a workgroup of the tiles that left them. */
const firstSquares = (step: Step, find: Find): number[] =>
  step.variant ? firstWorkgroups(step, find) : [...step.dense!.keys(), step.dense!.length];

function normOverrides(step: Step, find: Find) {
  const { clip, reads } = step;
  if (!clip || !reads.squares) return { CLIP_NORM: 0, CLIP_GLOBAL: false, SQUARES: 0, SQUARES_OFFSET: 0 };
  return {
    CLIP_NORM: clip.limit,
    CLIP_GLOBAL: clip.by === 'globalNorm',
    SQUARES: firstSquares(step, find).at(-1)!,
    SQUARES_OFFSET: at(find(reads.squares)),
  };
}

/**
 * Gives the gradients, at their places, with those of the penalties; where there are any, or they will be held back, as a
 * copy of the call alone.
 */
export function wholeGradients(step: Step, find: Find, { slabs, scratch }: CpuMemory): () => Real {
  const rules = Object.entries(step.rules!).map(([name, rule]) => ({ ...find(name as TensorName), rule }));
  if (!step.clip && !rules.some(({ rule }) => hasPenalty(rule))) return () => slabs.grads;
  const end = Math.max(...rules.map(({ offset, size }) => offset + size));
  return () => {
    const grads = scratch(end);
    for (const { offset, size, rule } of rules)
      penalized(slabs.params, slabs.grads, offset, offset + size, rule, grads);
    return grads;
  };
}

/** Moves the averages of parameters, where they are kept, towards what these have become; the first update is the first. */
export function averaging(step: Step, find: Find, { params, state }: CpuMemory['slabs']) {
  const { emaMomentum } = step.optimizer!;
  if (emaMomentum === undefined) return () => {};
  const start = averageOffset(step, find);
  return (first: number, end: number, finished: number) => {
    const rate = finished === 0 ? 1 : 1 - emaMomentum;
    for (let i = first; i < end; i++) state[start + i]! += rate * (params[i]! - state[start + i]!);
  };
}

/** Elements from a parameter to its average; each as far in its slab as the others of its kind. */
function averageOffset({ reads }: Step, find: Find): number {
  const name = Object.values(reads).find((own) => own.startsWith(`state/${AVERAGE}/`))!;
  return find(name).offset - find(name.replace(`state/${AVERAGE}`, 'param') as TensorName).offset;
}

/** The overrides by which `lib/average.wgsl` is told where the averages are. */
export function averageOverrides(step: Step, find: Find) {
  const { emaMomentum } = step.optimizer!;
  if (emaMomentum === undefined) return { EMA_RATE: 0, EMA_OFFSET: 0 };
  return { EMA_RATE: 1 - emaMomentum, EMA_OFFSET: averageOffset(step, find) / 4 };
}

/** Holds gradients back, in place. */
function clipping(step: Step, find: Find, slabs: CpuMemory['slabs']): (grads: Real) => void {
  const { clip, reads } = step;
  if (!clip) return () => {};
  const tensors = gradientsOf(step, find).flatMap((own, n) =>
    own.flatMap((tensor, i) =>
      tensor ? [{ start: tensor.offset, end: tensor.offset + tensor.size, n: n * 4 + i }] : [],
    ),
  );
  const { by, limit } = clip;
  if (by === 'value') {
    return (grads) => {
      for (const { start, end } of tensors) clipValues(grads, start, end, limit);
    };
  }
  const squares = view(find(reads.squares!), slabs);
  return (grads) => {
    const all = tensors.reduce((sum, { n }) => sum + squares[n]!, 0);
    for (const { start, end, n } of tensors) {
      const factor = normFactor(Math.sqrt(by === 'globalNorm' ? all : squares[n]!), limit);
      for (let i = start; i < end; i++) grads[i] = grads[i]! * factor;
    }
  };
}

/** The elements of the slab of parameters, padding included; the state tensors of a parameter lie that far apart. */
export function paramsSize(step: Step, find: Find): number {
  const ends = Object.values(step.reads)
    .map(find)
    .filter((tensor) => tensor.slab === 'params')
    .map((tensor) => tensor.offset + tensor.size);
  return Math.ceil(Math.max(...ends) / 64) * 64;
}

/** The overrides by which `lib/optimizer.wgsl` is told its rule. */
export function optimizerOverrides(step: Step, find: Find) {
  const optimizer: Optimizer = step.optimizer!;
  const { id, flags } = OPTIMIZER_MATH[optimizer.type];
  const { momentum, nesterov, centered, amsgrad } = flags(optimizer as never);
  return {
    OPTIMIZER: id,
    MOMENTUM: momentum,
    NESTEROV: nesterov,
    CENTERED: centered,
    AMSGRAD: amsgrad,
    STATE_STRIDE: paramsSize(step, find) / 4,
    ...averageOverrides(step, find),
    SCALE_OFFSET: step.reads.scale ? at(find(step.reads.scale)) : 0,
    ...penaltyOverrides(step),
    CLIP_VALUE: step.clip?.by === 'value' ? step.clip.limit : 0,
  };
}
