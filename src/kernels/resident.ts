/** Whole training steps of a small network in one workgroup: everything but the data set lies in the workgroup's memory. */
import { type Find, fours, type Kernel, type Step, type TensorName } from './kernel.ts';
import { optimizerOverrides, paramsSize } from './optimizer_update.ts';
import { isSummed, NONE, networkFlops, networkOverrides, type Stage, stagesOf, stageTable } from './stages.ts';

/** Rows and columns of the tiles that an invocation computes. */
const TILE = 4;
/** Loop iterations of an invocation in one dispatch: some drivers end all loops after 65,535 of them. */
const MAX_ITERATIONS = 60_000;

export const resident: Kernel = {
  overrides: (step, find) => {
    const layout = layOut(step, find);
    return {
      ...networkOverrides(step, layout.stages, find),
      ...optimizerOverrides(step, find),
      WORKGROUP: layout.invocations,
      GROUP_ROWS: step.batch,
      X_OFFSET: layout.places.get(layout.stages[0]!.x)!,
      METRICS_OFFSET: layout.metrics,
      MEMORY_FOURS: layout.fours,
      PARAM_FOURS: layout.params,
      STATE_FOURS: layout.state,
      STATE_START: layout.params,
      UPDATE_ITEMS: layout.items,
      MAX_NORM: Object.values(step.rules!).some(({ maxNorm }) => maxNorm > 0),
      LOOP_STEPS: loopSteps(step, find),
    };
  },
  choices: () => ({ tile: '4x4' }),
  workgroups: () => 1,
  loop: loopSteps,
  flops: (step, find) => {
    const { stages } = layOut(step, find);
    const products = stages.flatMap(({ weight }) => (weight ? [find(weight)] : [])).map((w) => w.rows * w.columns);
    const gradients = 2 * step.batch * products.reduce((a, b) => a + b, 0);
    return networkFlops(step, stages, find) + gradients + 12 * paramsSize(step, find);
  },
  table: (step, find) => {
    const { stages, places, firstItems } = layOut(step, find);
    return stageTable(stages, find, (name) => places.get(name), firstItems, step.rules);
  },
};

/** Bytes of workgroup memory that a resident step takes, if its state is left outside. */
export const residentBytes = (step: Step, find: Find): number => 16 * layOut(step, find, 0).fours;

interface Layout {
  readonly stages: readonly Stage[];
  readonly places: ReadonlyMap<TensorName, number>;
  readonly metrics: number;
  readonly params: number;
  /** The state, where it fits too, else 0. */
  readonly state: number;
  readonly fours: number;
  /** Tiles of the update. */
  readonly items: number;
  readonly invocations: number;
  readonly firstItems: readonly number[];
}

/** Parameters as in their slab, state, then the mini-batch, the outputs and deltas of all stages, and the row metrics. */
function layOut(step: Step, find: Find, budget = step.workgroupBytes!): Layout {
  const stages = stagesOf(step.network!);
  const params = paramsSize(step, find) / 4;
  const places = new Map<TensorName, number>();
  for (const { weight, bias } of stages) {
    for (const name of [weight, bias]) if (name) places.set(name, find(name).offset / 4);
  }
  const tensors = new Set<TensorName>([stages[0]!.x]);
  for (const { z, a, bent, scaled } of stages) {
    tensors.add(a);
    if (bent) tensors.add(bent === z ? z : a);
    if (scaled) tensors.add(scaled);
  }
  let size = 0;
  const offsets = new Map<TensorName, number>();
  for (const name of tensors) {
    offsets.set(name, size);
    size += step.batch * fours(find(name).columns);
  }
  for (let n = stages.length - 1; n >= 0; n--) {
    const [{ a, delta, bent }, above] = [stages[n]!, stages[n + 1]];
    if (!delta || offsets.has(delta)) continue;
    // The loss puts the delta of a linear last stage where its outputs are; a delta that no update sums makes room for
    // the next one.
    if (!above && !bent) offsets.set(delta, offsets.get(a)!);
    else if (above?.delta && !isSummed(above)) offsets.set(delta, offsets.get(above.delta)!);
    else {
      offsets.set(delta, size);
      size += step.batch * fours(find(delta).columns);
    }
  }
  const metrics = size;
  size += step.batch;
  const slots = Object.values(step.reads).filter((name) => name.startsWith('state/')).length;
  const wanted = slots === 0 ? 0 : stateCopies(step) * params;
  const state = 16 * (params + wanted + size) <= budget ? wanted : 0;
  for (const [name, offset] of offsets) places.set(name, params + state + offset);
  const firstItems: number[] = [];
  let items = 0;
  for (const { weight, bias } of stages) {
    firstItems.push(weight ? items : NONE);
    if (!weight) continue;
    // The weights of a norm are one row.
    const { rows, columns } = find(weight);
    items += (fours(rows) + (bias ? 1 : 0)) * fours(columns);
  }
  return {
    stages,
    places,
    metrics: params + state + metrics,
    params,
    state,
    fours: params + state + size,
    items,
    firstItems,
    invocations: invocationsFor(step, stages, items, find),
  };
}

/** As many as the largest phase of a step has tiles, a power of two that every adapter allows. */
function invocationsFor(step: Step, stages: readonly Stage[], updates: number, find: Find): number {
  const widest = Math.max(...stages.map(({ a }) => fours(find(a).columns)));
  const tiles = Math.max(Math.ceil(step.batch / TILE) * widest, updates);
  let invocations = 16;
  while (invocations < 256 && invocations * 2 <= tiles) invocations *= 2;
  return invocations;
}

/** How many copies of the parameters' layout the optimizer's state is. */
function stateCopies(step: Step): number {
  return new Set(
    Object.values(step.reads)
      .filter((name) => name.startsWith('state/'))
      .map((name) => name.split('/')[1]),
  ).size;
}

/** The most steps of one dispatch. */
function loopSteps(step: Step, find: Find): number {
  const { stages, items, invocations } = layOut(step, find);
  const rounds = (count: number) => Math.ceil(count / invocations);
  const tiles = Math.ceil(step.batch / TILE);
  const outputs = find(stages.at(-1)!.a).columns;
  let iterations = rounds(step.batch * fours(find(stages[0]!.x).columns)) + rounds(step.batch) * (8 * outputs + 1);
  for (const stage of stages) {
    const [ins, outs] = [fours(find(stage.x).columns), fours(find(stage.a).columns)];
    iterations += rounds(tiles * outs) * (ins + TILE + 1) + rounds(tiles * ins) * (outs + TILE + 1);
    iterations += 2 * rounds(step.batch * outs);
    // A draw takes ten rounds; an invocation goes through the row of a norm eight times.
    if (stage.step) iterations += 20 * rounds(step.batch * outs) + 8 * rounds(step.batch) * outs;
  }
  iterations += rounds(items) * (step.batch + stages.length + TILE + 1) + step.batch;
  return Math.max(1, Math.floor(MAX_ITERATIONS / iterations));
}
