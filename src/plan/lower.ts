/** What a layer becomes: its steps on the way up, and its steps on the way down. */
import type { DenseRow, Phase, Role, Slab, Step, TensorName } from '../kernels/kernel.ts';
import { ACTIVATION_MATH } from '../math/activations.ts';
import type { Activation } from '../spec/activations.ts';
import type { EmbeddedColumn } from '../spec/layers.ts';
import { type Placed, parametersAt } from '../spec/network.ts';
import type { Declarations } from './declarations.ts';
import type { BaseList } from './program.ts';

/** `layers.2.layers.0.weight` → `param/2.layers.0/weight` */
export const nameInProgram = (name: string, kind: string) => name.replace(/^layers\.(.+)\.(\w+)$/, `${kind}/$1/$2`);

/** What a step that computes all gradients leaves of their squares. */
export const PARTIAL_SQUARES = 'partial_squares' as TensorName;

/** (scale, good steps since it last changed) of the loss, of every model. */
export const LOSS_SCALE = 'loss_scale' as TensorName;

type Tensors = Record<string, TensorName>;

/** One list in the making. Tensors of lists other than `train` carry the list's name in front of their own. */
export class Lowering {
  readonly steps: Step[] = [];
  /** What the update will sum, first to last. */
  readonly dense: DenseRow[] = [];
  readonly #list: BaseList;
  readonly #batch: number;
  readonly #tensors: Declarations;
  readonly #mixed: boolean;
  /** Weights and their halves, in mixed precision. */
  readonly halves = { from: {} as Tensors, to: {} as Tensors };

  constructor(list: BaseList, batch: number, tensors: Declarations, mixed: boolean) {
    this.#mixed = mixed;
    this.#list = list;
    this.#batch = batch;
    this.#tensors = tensors;
  }

  get train(): boolean {
    return this.#list === 'train';
  }

  declare(name: string, role: Role, slab: Slab, columns: number): TensorName {
    return this.#tensors.declare(this.train ? name : `${this.#list}/${name}`, role, slab, this.#batch, columns);
  }

  act = (name: string, columns: number) => this.declare(name, 'act', 'acts', columns);
  delta = (name: string, columns: number) => this.declare(name, 'delta', 'deltas', columns);

  /** The parameter of a layer, where it has it. */
  param({ path }: Placed, leaf: string): TensorName | undefined {
    const name = nameInProgram(`layers.${path}.${leaf}`, 'param') as TensorName;
    return this.#tensors.all.has(name) ? name : undefined;
  }

  /** Weights as products take them. */
  factor(weight: TensorName): TensorName {
    if (!this.#mixed) return weight;
    const { rows, columns } = this.#tensors.all.get(weight)!;
    const half = this.#tensors.declare(weight.replace('param', 'half'), 'half', 'acts', rows, columns);
    this.halves.from[half] = weight;
    this.halves.to[half] = half;
    return half;
  }

  /** The scale of the loss, for the steps that are told; in mixed precision. */
  get scale(): Tensors {
    return this.#mixed && this.train ? { scale: LOSS_SCALE } : {};
  }

  push(
    kernel: Step['kernel'],
    phase: Phase,
    label: string,
    reads: Tensors,
    writes: Tensors,
    more: Partial<Step> = {},
  ): void {
    this.steps.push({ kernel, phase, label, batch: this.#batch, reads, writes, data: [], ...more });
  }

  /** Every list begins with the halves of the weights: whatever was written to these, they are there. */
  round(): void {
    const { from, to } = this.halves;
    if (Object.keys(to).length === 0) return;
    const reads = { ...from, ...this.scale };
    const common = { phase: 'gather', label: 'weights', batch: this.#batch, data: [] } as const;
    this.steps.unshift({ ...common, kernel: 'round_weights', reads, writes: to });
  }

  /** The gradients of a weight and a bias: sums over the rows, which the update takes again. */
  sum(label: string, { x, delta, weight, bias }: DenseRow): void {
    const grad = (of: TensorName) => {
      const { rows, columns } = this.#tensors.all.get(of)!;
      return this.#tensors.declare(of.replace('param', 'grad'), 'grad', 'grads', rows, columns);
    };
    const writes = { ...(weight && { d_weight: grad(weight) }), ...(bias && { d_bias: grad(bias) }) };
    this.push('dense_backward_weight', 'backward', label, { ...(x && { x }), delta, ...this.scale }, writes);
    this.dense.unshift({ delta, ...(x && { x }), ...(weight && { weight }), ...(bias && { bias }) });
  }
}

/**
 * The steps down through a layer: from the gradient in its output to that in its input, which is written under the name
 * `into`, or comes back under another where nothing had to be computed. Without `into` nothing below wants it.
 */
type Back = (above: TensorName, into: string | undefined) => TensorName;
/** A layer's output, and its way back. */
interface Lowered {
  readonly out: TensorName;
  readonly back: Back;
}

/** Takes `x` through layers one after the other. */
export function lowerAll(to: Lowering, layers: readonly Placed[], x: TensorName): Lowered {
  const lowered: { placed: Placed; back: Back }[] = [];
  let out = x;
  for (const placed of layers) {
    const one = lower(to, placed, out);
    lowered.push({ placed, back: one.back });
    out = one.out;
  }
  const back: Back = (above, into) => {
    const first = into === undefined ? lowered.findIndex(({ placed }) => isTrained(placed)) : 0;
    let delta = above;
    for (let n = lowered.length - 1; n >= first && first >= 0; n--) {
      const below = n > 0 ? `d_act/${lowered[n - 1]!.placed.path}` : into;
      delta = lowered[n]!.back(delta, n > first ? below : into);
    }
    return delta;
  };
  return { out, back };
}

const isTrained = (placed: Placed) => parametersAt(placed).some(({ kind }) => kind !== 'statistic');

function lower(to: Lowering, placed: Placed, x: TensorName): Lowered {
  switch (placed.layer.type) {
    case 'dense':
      return lowerDense(to, placed, placed.layer.activation, x);
    case 'activation':
      return lowerActivation(to, placed, placed.layer.activation, x);
    case 'layerNorm':
    case 'rmsNorm':
      return lowerRowNorm(to, placed, x);
    case 'batchNorm':
      return lowerBatchNorm(to, placed, x);
    case 'dropout':
    case 'gaussianNoise':
      return lowerRandom(to, placed, x);
    case 'embedding':
      return lowerEmbedding(to, placed, placed.layer.columns, x);
    case 'residual':
      return lowerResidual(to, placed, x);
  }
}

/** `layers[2]` */
const labelOf = ({ path }: Placed) => `layers.${path}`.replace(/\.(\d+)/g, '[$1]');

function lowerDense(to: Lowering, placed: Placed, activation: Activation, x: TensorName): Lowered {
  const { path, inputs, outputs } = placed;
  const label = labelOf(placed);
  const linear = activation.type === 'linear';
  const z = to.act(`${linear ? 'act' : 'pre'}/${path}`, outputs);
  const weight = to.param(placed, 'weight')!;
  const bias = to.param(placed, 'bias');
  const factor = to.factor(weight);
  to.push('dense_forward', 'forward', label, { x, weight: factor, ...(bias && { bias }) }, { z });
  const bent = linear ? undefined : lowerActivation(to, placed, activation, z);
  const back: Back = (above, into) => {
    const delta = bent ? bent.back(above, undefined) : above;
    to.sum(label, { x, delta, weight, ...(bias && { bias }) });
    if (!into) return delta;
    const d_x = to.delta(into, inputs);
    to.push('dense_backward_input', 'backward', label, { delta, weight: factor }, { d_x });
    return d_x;
  };
  return { out: bent?.out ?? z, back };
}

function lowerActivation(to: Lowering, placed: Placed, activation: Activation, z: TensorName): Lowered {
  const { path, outputs } = placed;
  const label = labelOf(placed);
  const a = to.act(`act/${path}`, outputs);
  to.push('activation_forward', 'forward', label, { z }, { a }, { activation });
  const back: Back = (above) => {
    const x = ACTIVATION_MATH[activation.type].fromOutput ? a : z;
    const delta = to.delta(`delta/${path}`, outputs);
    to.push('activation_backward', 'backward', label, { d_a: above, x }, { delta }, { activation });
    return delta;
  };
  return { out: a, back };
}

/** Nothing is dropped and nothing added where nothing is trained. What was drawn is drawn again on the way down. */
function lowerRandom(to: Lowering, placed: Placed, x: TensorName): Lowered {
  const { path, layer, number, outputs } = placed;
  if (!to.train) return { out: x, back: (above) => above };
  const label = labelOf(placed);
  const more = { layer, number };
  const a = to.act(`act/${path}`, outputs);
  if (layer.type === 'gaussianNoise') {
    to.push('gaussian_noise', 'forward', label, { x }, { a }, more);
    return { out: a, back: (above) => above };
  }
  to.push('dropout', 'forward', label, { x }, { a }, more);
  const back: Back = (above, into) => {
    const d_x = to.delta(into!, outputs);
    to.push('dropout', 'backward', label, { x: above }, { a: d_x }, more);
    return d_x;
  };
  return { out: a, back };
}

/** The gradient in a block's input is that through its layers and that past them. */
function lowerResidual(to: Lowering, placed: Placed, x: TensorName): Lowered {
  const { path, layer, inputs, outputs, inner } = placed;
  const label = labelOf(placed);
  const weight = to.param(placed, 'projection.weight');
  let past = x;
  if (weight) {
    past = to.act(`past/${path}`, outputs);
    to.push('dense_forward', 'forward', `${label}.projection`, { x, weight: to.factor(weight) }, { z: past });
  }
  const through = lowerAll(to, inner, x);
  const sum = to.act(`act/${path}`, outputs);
  to.push('add', 'forward', label, { x: through.out, y: past }, { sum }, { layer });
  const back: Back = (above, into) => {
    let d_past = above;
    if (weight) to.sum(`${label}.projection`, { x, delta: above, weight });
    const d_through = through.back(above, into && `d_through/${path}`);
    if (!into) return above;
    if (weight) {
      d_past = to.delta(`d_past/${path}`, inputs);
      to.push(
        'dense_backward_input',
        'backward',
        `${label}.projection`,
        { delta: above, weight: to.factor(weight) },
        { d_x: d_past },
      );
    }
    const d_x = to.delta(into, inputs);
    to.push('add', 'backward', label, { x: d_through, y: d_past }, { sum: d_x }, { layer });
    return d_x;
  };
  return { out: sum, back };
}

/**
 * One column after the other, from the last to the first, so that those to come stay where they are. In training each
 * leaves its categories one-hot: with these the gradient of the table is that of any weights.
 */
function lowerEmbedding(to: Lowering, placed: Placed, columns: readonly EmbeddedColumn[], x: TensorName): Lowered {
  const { path, layer, inputs } = placed;
  const order = columns.map((_, n) => n).sort((a, b) => columns[b]!.column - columns[a]!.column);
  const backs: Back[] = [];
  let [out, width] = [x, inputs];
  for (const [i, n] of order.entries()) {
    const { categories, dimension } = columns[n]!;
    const label = `${labelOf(placed)}.tables[${n}]`;
    const weight = to.param(placed, `tables.${n}.weight`)!;
    const own = width;
    width += dimension - 1;
    const a = to.act(i === order.length - 1 ? `act/${path}` : `act/${path}.tables.${n}`, width);
    const one_hot = to.train ? to.act(`one_hot/${path}.tables.${n}`, categories) : undefined;
    const writes = { a, ...(one_hot && { one_hot }) };
    const more = { layer, number: n };
    to.push('embedding_forward', 'forward', label, { x: out, weight }, writes, more);
    backs.push((above) => {
      const d_vector = to.delta(`d_vector/${path}.tables.${n}`, dimension);
      const d_x = i > 0 ? to.delta(`d_x/${path}.tables.${n}`, own) : undefined;
      to.push('embedding_backward', 'backward', label, { d_a: above }, { d_vector, ...(d_x && { d_x }) }, more);
      to.sum(label, { x: one_hot!, delta: d_vector, weight });
      return d_x ?? above;
    });
    out = a;
  }
  return { out, back: (above) => backs.reduceRight((delta, back) => back(delta, undefined), above) };
}

/** In training by the mini-batch, which moves the running statistics; else by these. */
function lowerBatchNorm(to: Lowering, placed: Placed, x: TensorName): Lowered {
  const { path, layer, outputs } = placed;
  const label = labelOf(placed);
  const running_mean = to.param(placed, 'running_mean')!;
  const running_var = to.param(placed, 'running_var')!;
  const statistics = { running_mean, running_var };
  const a = to.act(`act/${path}`, outputs);
  const reads = { x, ...parametersIn(to, placed), ...statistics };
  if (!to.train) {
    to.push('batch_norm_running', 'forward', label, reads, { a }, { layer });
    return { out: a, back: (above) => above };
  }
  to.push('batch_norm_forward', 'forward', label, reads, { a, ...statistics }, { layer });
  return { out: a, back: backThroughNorm(to, placed, x, 'batch_norm_backward') };
}

function lowerRowNorm(to: Lowering, placed: Placed, x: TensorName): Lowered {
  const { path, layer, outputs } = placed;
  const a = to.act(`act/${path}`, outputs);
  to.push('row_norm_forward', 'forward', labelOf(placed), { x, ...parametersIn(to, placed) }, { a }, { layer });
  return { out: a, back: backThroughNorm(to, placed, x, 'row_norm_backward') };
}

/** Weight and bias of a norm, where it has them. */
function parametersIn(to: Lowering, placed: Placed): Tensors {
  const [weight, bias] = [to.param(placed, 'weight'), to.param(placed, 'bias')];
  return { ...(weight && { weight }), ...(bias && { bias }) };
}

/** The gradient of the weights is a sum over the rows of what the way down leaves, that of the biases one of the delta. */
function backThroughNorm(
  to: Lowering,
  placed: Placed,
  x: TensorName,
  kernel: 'row_norm_backward' | 'batch_norm_backward',
): Back {
  const { path, layer, outputs } = placed;
  const label = labelOf(placed);
  const { weight, bias } = parametersIn(to, placed);
  return (above, into) => {
    const scaled = weight && to.delta(`scaled/${path}`, outputs);
    const d_x = into === undefined ? undefined : to.delta(into, outputs);
    const reads = { d_a: above, x, ...(weight && { weight }) };
    const writes = { ...(d_x && { d_x }), ...(scaled && { scaled }) };
    to.push(kernel, 'backward', label, reads, writes, { layer });
    if (bias) to.sum(label, { delta: above, bias });
    if (scaled) to.sum(label, { delta: scaled, bias: weight });
    return d_x ?? above;
  };
}
