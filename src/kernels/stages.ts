/** The stages of a network, read off the base steps that a fused step covers, and the table that shaders walk over. */
import { ACTIVATION_MATH, activationParameter } from '../math/activations.ts';
import type { Activation } from '../spec/activations.ts';
import { at, type Find, fours, layerNumber, type Overrides, type Step, type TensorName } from './kernel.ts';
import { putRule } from './layers.ts';
import { lossOverrides } from './loss.ts';
import { STRUCTS } from './shaders.generated.ts';

/** A dense layer with the activation behind it, or an activation alone. */
export interface Stage {
  readonly weight?: TensorName;
  readonly bias?: TensorName;
  readonly x: TensorName;
  /** The input of the activation. */
  readonly z: TensorName;
  /** The output; `z` where there is no activation. */
  readonly a: TensorName;
  readonly activation: Activation;
  /** The gradient in z; absent below the first dense layer. */
  readonly delta?: TensorName;
  /** What the activation's derivative is computed from. */
  readonly bent?: TensorName;
}

const LINEAR: Activation = { type: 'linear' };

/** The stages of a training list, first to last. */
export function stagesOf(base: readonly Step[]): Stage[] {
  const stages: (Stage & { label?: string })[] = [];
  for (const step of base) {
    if (step.kernel === 'dense_forward') {
      const { x, weight, bias } = step.reads;
      const { z } = step.writes;
      stages.push({ x: x!, weight: weight!, ...(bias && { bias }), z: z!, a: z!, activation: LINEAR });
    } else if (step.kernel === 'activation_forward') {
      const below = stages.at(-1);
      const own = { z: step.reads.z!, a: step.writes.a!, activation: step.activation!, label: step.label };
      if (below?.weight && below.activation === LINEAR) stages[stages.length - 1] = { ...below, ...own };
      else stages.push({ x: own.z, ...own });
    }
  }
  return stages.map(({ label, ...stage }) => {
    const bend = base.find((step) => step.kernel === 'activation_backward' && step.label === label);
    const gradient = base.find(({ kernel, reads }) => kernel === 'dense_backward_weight' && reads.x === stage.x);
    const bent = stage.activation === LINEAR ? undefined : bend;
    const delta = bent ? bent.writes.delta! : stage.weight && gradient?.reads.delta;
    return { ...stage, ...(delta && { delta }), ...(bent && { bent: bent.reads.x! }) };
  });
}

/** Where a tensor of a stage lies, in vec4s; `undefined` where it is not kept. */
export type Place = (tensor: TensorName) => number | undefined;

const NONE = 0xffff_ffff;

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
    put('dense', stage.weight ? 1 : 0);
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
  });
  return table;
}

/** The overrides by which `lib/network.wgsl` is told the network. */
export function networkOverrides(step: Step, stages: readonly Stage[], find: Find): Overrides {
  const kinds = new Set(stages.map(({ activation }) => activation.type).filter((type) => type !== 'linear'));
  const [kind = 'linear'] = kinds;
  const outputs = find(stages.at(-1)!.a).columns;
  return {
    ROWS: step.batch,
    STAGES: stages.length,
    FIRST_DENSE: stages.findIndex(({ weight }) => weight !== undefined),
    IN_FOURS: fours(find(stages[0]!.x).columns),
    OUT_FOURS: fours(outputs),
    ALL_DENSE: stages.every(({ weight }) => weight !== undefined),
    MIXED: kinds.size > 1,
    ACTIVATION: ACTIVATION_MATH[kind].id,
    ...lossOverrides(step.loss!, outputs),
  };
}

/** Floating-point operations of forward and backward without the weights' gradients. */
export function networkFlops(step: Step, stages: readonly Stage[], find: Find): number {
  const products = stages.flatMap(({ weight }) => (weight ? [find(weight)] : [])).map((w) => w.rows * w.columns);
  const [first = 0] = products;
  const all = products.reduce((a, b) => a + b, 0);
  return step.batch * (2 * all + 2 * (all - first));
}

/** The place of a tensor in its slab. */
export const inSlab =
  (find: Find): Place =>
  (name) =>
    at(find(name));
