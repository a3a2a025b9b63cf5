/** Fusions: pure rewrites that put one step in the place of several and keep what it covers. */
import { HEAD_MAX_OUTPUTS } from '../kernels/fused_head.ts';
import type { DenseRow, Step, TensorName } from '../kernels/kernel.ts';
import { stagesOf } from '../kernels/stages.ts';
import type { Declarations } from './declarations.ts';
import { PARTIAL_SQUARES } from './lower.ts';

const linear = { type: 'linear' } as const;

/**
 * All weight gradients, the optimizer and the metrics become the last step. They may move behind every delta: no delta
 * reads what they write but the parameters, which change only here.
 * @param gathers whether it takes the network's inputs straight from the data set, or as an earlier step copied them
 */
export function fuseUpdate(steps: readonly Step[], gathers = true): Step[] {
  const update = steps.find((step) => step.kernel === 'optimizer_update');
  if (!update) return [...steps];
  const gather = steps.find((step) => step.kernel === 'gather_rows')!;
  const { together } = update;
  const covered = steps.filter(
    (step) =>
      /^(dense_backward_weight|gradient_squares|reduce_metrics)$/.test(step.kernel) || (!together && step === update),
  );
  const gathered = gathers ? gather.writes.x! : undefined;
  const fromData = update.dense!.some(({ x }) => x && x === gathered);
  const dense = update.dense!.map(({ x, ...rest }): DenseRow => (x && x !== gathered ? { ...rest, x } : rest));
  const metrics = covered.find((step) => step.kernel === 'reduce_metrics')!;
  const rows = named(dense.flatMap(({ x, delta }) => [x, delta]));
  const kept = Object.entries(update.reads).filter(([name]) => !name.startsWith('grad/'));
  const fused = {
    ...update,
    data: fromData ? (['inputs'] as const) : [],
    dense,
    covers: [...(fromData ? [gather] : []), ...covered],
  };
  const told = steps.filter(({ kernel }) => kernel === 'step_norms');
  const limited = steps.filter(({ kernel }) => kernel === 'max_norm');
  const behind = [...told, ...limited, update];
  const others = steps.filter((step) => !covered.includes(step) && !behind.includes(step));
  if (!together) {
    const reads = { ...Object.fromEntries(kept), ...rows, ...metrics.reads };
    return [...others, { ...fused, kernel: 'fused_update', label: `${update.label}, all layers`, reads }, ...limited];
  }
  const grads = named(Object.values(update.reads).filter((name) => name.startsWith('grad/')));
  const squares = update.reads.squares ? { squares: PARTIAL_SQUARES } : {};
  const penalised = covered.find(({ kernel }) => kernel === 'gradient_squares')?.reads ?? {};
  const params = named(Object.values(penalised).filter((name) => name.startsWith('param/')));
  const { optimizer: _, clip: __, ...tiles } = fused;
  return [
    ...others,
    {
      ...tiles,
      kernel: 'fused_gradients',
      phase: 'backward',
      label: 'all layers',
      reads: { ...params, ...rows, ...metrics.reads, ...scaleOf(update) },
      writes: { ...grads, ...squares },
    },
    ...told.slice(0, 1),
    { ...update, reads: { ...update.reads, ...squares }, covers: [update] },
    ...limited,
    ...told.slice(1),
  ];
}

/** The scale of the loss, where there is one. */
const scaleOf = ({ reads }: Step) => (reads.scale ? { scale: reads.scale } : {});

const named = (names: (TensorName | undefined)[]) =>
  Object.fromEntries(names.flatMap((name) => (name === undefined ? [] : [[name, name]])));

/** Everything before the update becomes one step that takes a few rows at a time through all layers. */
export function fuseRows(steps: readonly Step[]): Step[] {
  const base = steps.flatMap((step) => step.covers ?? [step]);
  const update = steps.findIndex(({ kernel }) => kernel === 'fused_update');
  const covered = steps.slice(0, update);
  const loss = covered.find((step) => step.kernel === 'loss')!;
  const stages = stagesOf(base);
  const left = stages.flatMap(({ z, a, bent, delta, scaled }) => [a, bent === z ? z : undefined, delta, scaled]);
  return [
    {
      kernel: 'fused_rows',
      phase: 'loss',
      label: `all layers, ${loss.label}`,
      batch: loss.batch,
      reads: named(stages.flatMap(({ weight, bias }) => [weight, bias])),
      writes: { ...named(left), x: stages[0]!.x, row_metrics: loss.writes.row_metrics! },
      data: ['inputs', 'targets'],
      loss: loss.loss!,
      train: true,
      network: base,
      covers: covered,
    },
    ...steps.slice(update),
  ];
}

/** The whole list becomes one step, which a workgroup repeats for as many mini-batches as a submit has. */
export function fuseResident(steps: readonly Step[], workgroupBytes: number): Step[] {
  const loss = steps.find((step) => step.kernel === 'loss')!;
  const update = steps.find((step) => step.kernel === 'optimizer_update')!;
  const reads = Object.fromEntries(Object.entries(update.reads).filter(([name]) => !name.startsWith('grad/')));
  return [
    {
      ...update,
      kernel: 'resident',
      label: `${loss.label}, ${update.label}, whole steps`,
      reads,
      data: ['inputs', 'targets'],
      loss: loss.loss!,
      train: true,
      workgroupBytes,
      network: steps,
      covers: steps,
    },
  ];
}

/**
 * The last dense layer, the loss and the deltas on both of its sides become one step, if its outputs fit and nobody else
 * reads them.
 */
export function fuseHead(steps: readonly Step[], tensors: Declarations): Step[] {
  const at = steps.findIndex((step) => step.kernel === 'loss');
  const loss = steps[at];
  const dense = steps[at - 1];
  if (!loss || dense?.kernel !== 'dense_forward') return [...steps];
  if (tensors.all.get(loss.reads.z!)!.columns > HEAD_MAX_OUTPUTS || !feeds(loss.reads.z!, loss, steps))
    return [...steps];
  const [back, activation] = [steps[at + 1], steps[at + 2]];
  const through = back?.kernel === 'dense_backward_input' && back.reads.weight === dense.reads.weight;
  const bent = through && activation?.kernel === 'activation_backward' && feeds(back.writes.d_x!, activation, steps);
  const below = bent ? [back, activation] : through ? [back] : [];
  const belowDelta = bent ? activation.writes.delta! : back?.writes.d_x;
  const head: Step = {
    kernel: 'fused_head',
    phase: 'loss',
    label: `${dense.label}, ${loss.label}`,
    batch: loss.batch,
    reads: { ...dense.reads, ...scaleOf(loss), ...(bent && { below_x: activation.reads.x! }) },
    writes: { ...loss.writes, ...(through && { below: belowDelta! }) },
    data: ['targets'],
    activation: bent ? activation.activation! : linear,
    loss: loss.loss!,
    train: loss.train!,
    covers: [dense, loss, ...below],
  };
  return [...steps.slice(0, at - 1), head, ...steps.slice(at + 1 + below.length)];
}

/** A delta through the weights and the activation below becomes one step; so does one without an activation. */
export function fuseDelta(steps: readonly Step[]): Step[] {
  const fused: Step[] = [];
  for (const step of steps) {
    const back = fused.at(-1);
    if (step.kernel === 'dense_backward_input') {
      const { delta, weight } = step.reads;
      const writes = { delta: step.writes.d_x! };
      const reads = { above: delta!, weight: weight! };
      fused.push({ ...step, kernel: 'fused_delta', reads, writes, activation: linear, covers: [step] });
    } else if (
      step.kernel === 'activation_backward' &&
      back?.kernel === 'fused_delta' &&
      isLinear(back) &&
      feeds(back.writes.delta!, step, steps)
    ) {
      fused[fused.length - 1] = {
        ...back,
        reads: { ...back.reads, x: step.reads.x! },
        writes: step.writes,
        activation: step.activation!,
        covers: [...back.covers!, step],
      };
    } else fused.push(step);
  }
  return fused;
}

/** A dense layer and its activation become one step; so does a linear one. */
export function fuseForward(steps: readonly Step[], tensors: Declarations): Step[] {
  const fused: Step[] = [];
  for (const step of steps) {
    const dense = fused.at(-1);
    if (step.kernel === 'dense_forward') {
      const { z, ...rest } = step.writes;
      fused.push({ ...step, kernel: 'fused_forward', writes: { ...rest, a: z! }, activation: linear, covers: [step] });
    } else if (
      step.kernel === 'activation_forward' &&
      dense?.kernel === 'fused_forward' &&
      isLinear(dense) &&
      joins(dense, step, tensors)
    ) {
      const keepsZ = steps.some((other) => other.kernel !== 'activation_forward' && reads(other, step.reads.z!));
      fused[fused.length - 1] = {
        ...dense,
        writes: { ...(keepsZ && { z: step.reads.z! }), a: step.writes.a! },
        activation: step.activation!,
        covers: [...dense.covers!, step],
      };
    } else fused.push(step);
  }
  return fused;
}

/** Whether a step is the only one that reads a tensor. */
const feeds = (name: TensorName, step: Step, steps: readonly Step[]) =>
  reads(step, name) && steps.every((other) => other === step || !reads(other, name));
const isLinear = (step: Step) => step.activation!.type === 'linear';
const joins = (dense: Step, activation: Step, tensors: Declarations) =>
  dense.writes.a === activation.reads.z && tensors.all.has(activation.reads.z!);
const reads = (step: Step, name: TensorName) => Object.values(step.reads).includes(name);

/**
 * Steps that can gather their rows themselves do; when all do, the step that copies them goes. What an update wants copied
 * the layer that gathers leaves behind.
 */
export function fuseGather(steps: readonly Step[]): Step[] {
  const gather = steps.find((step) => step.kernel === 'gather_rows');
  if (!gather) return [...steps];
  const x = gather.writes.x!;
  const readers = steps.filter((step) => reads(step, x));
  const able = (step: Step) => step.kernel === 'fused_forward' || step.kernel === 'fused_head';
  const others = readers.filter((step) => !able(step) || step.reads.below_x === x);
  const keeper = readers.find((step) => step.kernel === 'fused_forward');
  const keeps =
    others.length > 0 &&
    keeper &&
    others.every(({ kernel }) => kernel === 'fused_update' || kernel === 'fused_gradients');
  if (others.length > 0 && !keeps) return [...steps];
  return steps
    .filter((step) => step !== gather)
    .map((step) => {
      if (!readers.includes(step) || others.includes(step)) return step;
      const { x: _, ...rest } = step.reads;
      const writes = keeps && step === keeper ? { ...step.writes, x } : step.writes;
      return {
        ...step,
        reads: rest,
        writes,
        data: ['inputs', ...step.data] as const,
        covers: [gather, ...step.covers!],
      };
    });
}
