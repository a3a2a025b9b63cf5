/** The stages of a network, read off the base steps that a fused step covers, and the table that shaders walk over. */
import { ACTIVATION_MATH, activationParameter } from '../math/activations.ts';
import { STREAM } from '../math/random.ts';
import type { Activation } from '../spec/activations.ts';
import { dropOf } from './dropout.ts';
import { deviationOf } from './gaussian_noise.ts';
import { at, type Find, fours, layerNumber, type Overrides, type Step, type TensorName } from './kernel.ts';
import { putRule } from './layers.ts';
import { lossOverrides } from './loss.ts';
import { rowNormOf } from './row_norm_forward.ts';
import { STRUCTS } from './shaders.generated.ts';

/** What stages are, by the numbers of lib/stages.wgsl. */
const KINDS = { activation: 0, dense: 1, dropout: 2, gaussianNoise: 3, layerNorm: 4, rmsNorm: 5 } as const;

/** A layer with the activation behind it, or an activation alone. */
export interface Stage {
  readonly kind: keyof typeof KINDS;
  readonly weight?: TensorName;
  readonly bias?: TensorName;
  readonly x: TensorName;
  /** The input of the activation. */
  readonly z: TensorName;
  /** The output; `z` where there is no activation. */
  readonly a: TensorName;
  readonly activation: Activation;
  /** The gradient in z; absent below the first layer with weights. */
  readonly delta?: TensorName;
  /** What the activation's derivative is computed from. */
  readonly bent?: TensorName;
  /** Of a norm: what the gradient of its weight is summed from. */
  readonly scaled?: TensorName;
  /** The base step of the layer, where it is more than a dense one. */
  readonly step?: Step;
}

const LINEAR: Activation = { type: 'linear' };

/** The stages of a training list, first to last. */
export function stagesOf(base: readonly Step[]): Stage[] {
  const stages: (Stage & { label: string; bend?: string })[] = [];
  for (const step of base.filter(({ phase }) => phase === 'forward')) {
    const { label, kernel, layer } = step;
    const { x, z, weight, bias } = step.reads;
    const a = (step.writes.a ?? step.writes.z)!;
    if (kernel === 'activation_forward') {
      const own = { z: z!, a, activation: step.activation!, bend: label };
      const below = stages.at(-1);
      if (below?.activation === LINEAR) stages[stages.length - 1] = { ...below, ...own };
      else stages.push({ kind: 'activation', label, x: z!, ...own });
    } else {
      const kind = kernel === 'dense_forward' ? 'dense' : (layer!.type as Stage['kind']);
      const own = { kind, label, x: x!, z: a, a, activation: LINEAR, ...(layer && { step }) };
      stages.push({ ...own, ...(weight && { weight }), ...(bias && { bias }) });
    }
  }
  const down = (name: Step['kernel'], of: string | undefined) =>
    base.find(({ kernel, phase, label }) => kernel === name && phase === 'backward' && label === of);
  let above: TensorName | undefined = base.find(({ kernel }) => kernel === 'loss')!.writes.delta;
  const whole: Stage[] = [];
  for (const { label, bend, ...stage } of stages.reverse()) {
    const bent = down('activation_backward', bend);
    const norm = down('row_norm_backward', label);
    const delta: TensorName | undefined = bent ? bent.writes.delta : above;
    const scaled = norm?.writes.scaled;
    whole.unshift({
      ...stage,
      ...(delta && { delta }),
      ...(bent && { bent: bent.reads.x! }),
      ...(scaled && { scaled }),
    });
    above = {
      activation: delta,
      gaussianNoise: delta,
      dense: down('dense_backward_input', label)?.writes.d_x,
      dropout: down('dropout', label)?.writes.a,
      layerNorm: norm?.writes.d_x,
      rmsNorm: norm?.writes.d_x,
    }[stage.kind];
  }
  return whole;
}

/** Whether the update sums the gradient in a stage's z, which then stays. */
export const isSummed = ({ weight }: Stage): boolean => weight !== undefined;

/** Where a tensor of a stage lies, in vec4s; `undefined` where it is not kept. */
export type Place = (tensor: TensorName) => number | undefined;

export const NONE = 0xffff_ffff;

/** The table of lib/stages.wgsl. `firstItems`: the first tile of every stage in the update. */
export function stageTable(
  stages: readonly Stage[],
  find: Find,
  place: Place,
  firstItems: readonly number[] = [],
  rules: NonNullable<Step['rules']> = {},
): Uint32Array<ArrayBuffer> {
  const { members } = STRUCTS.Stage;
  const words = STRUCTS.Stage.size / 4;
  const table = new Uint32Array(STRUCTS.StageTable.size / 4);
  const floats = new Float32Array(table.buffer);
  const where = (tensor: TensorName | undefined) => (tensor === undefined ? NONE : (place(tensor) ?? NONE));
  stages.forEach((stage, n) => {
    const put = (member: keyof typeof members, value: number) => {
      table[n * words + members[member].offset / 4] = value;
    };
    const [x, a] = [find(stage.x), find(stage.a)];
    put('kind', KINDS[stage.kind]);
    put('inputs', x.columns);
    put('in_fours', fours(x.columns));
    put('out_fours', fours(a.columns));
    put('weight', where(stage.weight));
    put('bias', where(stage.bias));
    put('x', where(stage.x));
    put('z', stage.bent === stage.z && stage.z !== stage.a ? where(stage.z) : NONE);
    put('a', where(stage.a));
    put('delta', where(stage.delta));
    put('bent', where(stage.bent));
    put('activation', ACTIVATION_MATH[stage.activation.type].id);
    floats[n * words + members.parameter.offset / 4] = activationParameter(stage.activation);
    put('first_item', firstItems[n] ?? 0);
    put('layer', layerNumber(stage.z));
    put('delta_layer', layerNumber(stage.delta ?? stage.a));
    putRule(table, n * words + members.weight_rule.offset / 4, rules, stage.weight);
    putRule(table, n * words + members.bias_rule.offset / 4, rules, stage.bias);
    put('scaled', where(stage.scaled));
    put('number', stage.step?.number ?? 0);
    const { threshold = 0, amount = 0 } = stage.step ? numbersOf(stage.step) : {};
    put('threshold', threshold);
    floats[n * words + members.amount.offset / 4] = amount;
  });
  return table;
}

/** What the shaders are told of a layer beside its tensors. */
function numbersOf(step: Step): { threshold?: number; amount: number } {
  if (step.kernel === 'row_norm_forward') return { amount: rowNormOf(step).epsilon };
  if (step.kernel === 'gaussian_noise') return { amount: deviationOf(step) };
  const { threshold, scale } = dropOf(step);
  return { threshold, amount: scale };
}

/** The overrides by which `lib/network.wgsl` is told the network. */
export function networkOverrides(step: Step, stages: readonly Stage[], find: Find): Overrides {
  const kinds = new Set(stages.map(({ activation }) => activation.type).filter((type) => type !== 'linear'));
  const [kind = 'linear'] = kinds;
  const outputs = find(stages.at(-1)!.a).columns;
  return {
    ROWS: step.batch,
    STAGES: stages.length,
    FIRST: stages.findIndex(isSummed),
    IN_FOURS: fours(find(stages[0]!.x).columns),
    OUT_FOURS: fours(outputs),
    ALL_DENSE: stages.every(({ kind }) => kind === 'dense'),
    NORMS: stages.some(({ kind }) => kind === 'layerNorm' || kind === 'rmsNorm'),
    DRAWS: stages.some(({ kind }) => kind === 'dropout' || kind === 'gaussianNoise'),
    DROPOUT_STREAM: STREAM.dropout,
    NOISE_STREAM: STREAM.noise,
    MIXED: kinds.size > 1,
    ACTIVATION: ACTIVATION_MATH[kind].id,
    ...lossOverrides(step.loss!, outputs),
  };
}

/** Floating-point operations of forward and backward without the weights' gradients. */
export function networkFlops(step: Step, stages: readonly Stage[], find: Find): number {
  const products = stages
    .filter(({ kind }) => kind === 'dense')
    .map(({ weight }) => find(weight!))
    .map((w) => w.rows * w.columns);
  const [first = 0] = products;
  const all = products.reduce((a, b) => a + b, 0);
  return step.batch * (2 * all + 2 * (all - first));
}

/** The place of a tensor in its slab. */
export const inSlab =
  (find: Find): Place =>
  (name) =>
    at(find(name));
