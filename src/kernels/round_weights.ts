/** Weights as halves, for the products of mixed precision; what is trained stays as it is. */
import {
  argument,
  at,
  type CpuMemory,
  type Find,
  groups,
  type Kernel,
  type Step,
  type Tensor,
  view,
} from './kernel.ts';

export const round_weights: Kernel = {
  overrides: (step, find) => {
    const { from, to, fours } = range(step, find);
    return {
      FOURS: fours,
      FROM_OFFSET: from,
      TO_OFFSET: to,
      SCALED: step.reads.scale !== undefined,
      SCALE_OFFSET: step.reads.scale ? at(find(step.reads.scale)) : 0,
    };
  },
  workgroups: (step, find) => groups(range(step, find).fours),
  flops: () => 0,
  reference: (step, find, { slabs }) => {
    const pairs = pairsOf(step, find).map(([from, to]) => [view(from, slabs), view(to, slabs)] as const);
    return () => {
      for (const [from, to] of pairs) to.set(from);
    };
  },
};

/** Weights and their halves, which lie in the same order, and as far apart. */
function pairsOf({ reads, writes }: Step, find: Find): [Tensor, Tensor][] {
  return Object.entries(writes).map(([name, half]) => [find(reads[name]!), find(half)]);
}

/** From the first weights to the end of the last, in vec4s. */
function range(step: Step, find: Find): { from: number; to: number; fours: number } {
  const pairs = pairsOf(step, find).sort(([a], [b]) => a.offset - b.offset);
  const [[from, to], last] = [pairs[0]!, pairs.at(-1)![0]];
  return { from: at(from), to: at(to), fours: at(last) + last.size / 4 - at(from) };
}

/** What the loss of the step at hand is multiplied with on the CPU; 1 without mixed precision. */
export function lossScale(step: Step, find: Find, slabs: CpuMemory['slabs']): () => number {
  if (!step.reads.scale) return () => 1;
  const scale = view(argument(step, find, 'scale'), slabs);
  return () => scale[0]!;
}
