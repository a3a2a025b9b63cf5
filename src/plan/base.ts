/** The base program: forward through the layers, the loss, the same layers backwards, the update; one kernel a step. */
import type { DenseRow, Role, Slab, Step, TensorName } from '../kernels/kernel.ts';
import { ACTIVATION_MATH } from '../math/activations.ts';
import { OPTIMIZER_MATH } from '../math/optimizers.ts';
import type { Activation } from '../spec/activations.ts';
import type { Spec } from '../spec/spec.ts';

/** A tensor before it has a place. */
export interface Declaration {
  readonly name: TensorName;
  readonly role: Role;
  readonly slab: Slab;
  readonly rows: number;
  readonly columns: number;
}

/** Collects tensors; only what is declared here has a name. */
export class Declarations {
  readonly all = new Map<TensorName, Declaration>();

  declare(name: string, role: Role, slab: Slab, rows: number, columns: number): TensorName {
    const declared = name as TensorName;
    this.all.set(declared, { name: declared, role, slab, rows, columns });
    return declared;
  }
}

/** A layer with its widths and the names of its parameters. */
interface Placed {
  readonly index: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly activation: Activation;
  readonly weight?: TensorName;
  readonly bias?: TensorName;
}

/** Declares all parameters and their optimizer state; gives the layers, first to last. */
export function declareParameters(spec: Spec, tensors: Declarations): Placed[] {
  let width = spec.inputs;
  const layers = spec.layers.map((layer, index): Placed => {
    const inputs = width;
    if (layer.type === 'activation') return { index, inputs, outputs: inputs, activation: layer.activation };
    width = layer.units;
    const weight = tensors.declare(`param/${index}/weight`, 'param', 'params', inputs, width);
    const bias = layer.bias ? tensors.declare(`param/${index}/bias`, 'param', 'params', 1, width) : undefined;
    return { index, inputs, outputs: width, activation: layer.activation, weight, ...(bias && { bias }) };
  });
  for (const state of OPTIMIZER_MATH[spec.optimizer.type].state(spec.optimizer as never)) {
    for (const { name, rows, columns } of [...tensors.all.values()].filter(({ role }) => role === 'param')) {
      tensors.declare(name.replace('param', `state/${state}`), 'state', 'state', rows, columns);
    }
  }
  return layers;
}

/** One activation function on the way up: where it reads, where it writes. */
interface Link {
  readonly layer: Placed;
  readonly x: TensorName;
  readonly z?: TensorName;
  readonly out: TensorName;
}

const isLinear = ({ type }: Activation) => type === 'linear';

/** The base steps of one list. Tensors of lists other than `train` carry the list's name in front of their own. */
export function baseProgram(
  spec: Spec,
  layers: readonly Placed[],
  list: 'train' | 'evaluate' | 'infer',
  batch: number,
  tensors: Declarations,
): { steps: Step[]; output: TensorName } {
  const prefix = list === 'train' ? '' : `${list}/`;
  const act = (name: string, columns: number) => tensors.declare(prefix + name, 'act', 'acts', batch, columns);
  const steps: Step[] = [];
  const links: Link[] = [];

  let x = tensors.declare(`${prefix}batch/x`, 'batch', 'acts', batch, spec.inputs);
  steps.push({
    kernel: 'gather_rows',
    phase: 'gather',
    label: 'batch',
    batch,
    reads: {},
    writes: { x },
    data: ['inputs'],
  });
  for (const layer of layers) {
    const label = `layers[${layer.index}]`;
    const below = x;
    let z: TensorName | undefined;
    if (layer.weight) {
      const linear = isLinear(layer.activation);
      z = act(`${linear ? 'act' : 'pre'}/${layer.index}`, layer.outputs);
      const reads = { x, weight: layer.weight, ...(layer.bias && { bias: layer.bias }) };
      steps.push({ kernel: 'dense_forward', phase: 'forward', label, batch, reads, writes: { z }, data: [] });
      x = z;
      if (linear) {
        links.push({ layer, x: below, out: x });
        continue;
      }
    }
    const a = act(`act/${layer.index}`, layer.outputs);
    const { activation } = layer;
    steps.push({
      kernel: 'activation_forward',
      phase: 'forward',
      label,
      batch,
      reads: { z: x },
      writes: { a },
      data: [],
      activation,
    });
    links.push({ layer, x: below, z: x, out: a });
    x = a;
  }
  if (list === 'infer') return { steps, output: x };

  const width = layers.at(-1)!.outputs;
  const delta = (name: string, columns: number) => tensors.declare(prefix + name, 'delta', 'deltas', batch, columns);
  const train = list === 'train';
  const rowMetrics = tensors.declare(`${prefix}row_metrics`, 'metric', 'deltas', batch, 4);
  let above = train ? delta(`d_act/${layers.length - 1}`, width) : undefined;
  steps.push({
    kernel: 'loss',
    phase: 'loss',
    label: spec.loss.type,
    batch,
    reads: { z: x },
    writes: { ...(above && { delta: above }), row_metrics: rowMetrics },
    data: ['targets'],
    loss: spec.loss,
    train,
  });
  if (above) {
    const dense: DenseRow[] = [];
    const first = links.findIndex(({ layer }) => layer.weight);
    for (const { layer, x, z, out } of links.slice(first).reverse()) {
      const label = `layers[${layer.index}]`;
      if (z !== undefined) {
        const from = ACTIVATION_MATH[layer.activation.type].fromOutput ? out : z;
        const d = delta(`delta/${layer.index}`, layer.outputs);
        const { activation } = layer;
        steps.push({
          kernel: 'activation_backward',
          phase: 'backward',
          label,
          batch,
          reads: { d_a: above, x: from },
          writes: { delta: d },
          data: [],
          activation,
        });
        above = d;
      }
      if (!layer.weight) continue;
      const grad = (of: TensorName, rows: number) =>
        tensors.declare(of.replace('param', 'grad'), 'grad', 'grads', rows, layer.outputs);
      const writes = { d_weight: grad(layer.weight, layer.inputs), ...(layer.bias && { d_bias: grad(layer.bias, 1) }) };
      steps.push({
        kernel: 'dense_backward_weight',
        phase: 'backward',
        label,
        batch,
        reads: { x, delta: above },
        writes,
        data: [],
      });
      dense.unshift({ x, delta: above, weight: layer.weight, ...(layer.bias && { bias: layer.bias }) });
      if (layer.index > links[first]!.layer.index) {
        const d = delta(`d_act/${layer.index - 1}`, layer.inputs);
        steps.push({
          kernel: 'dense_backward_input',
          phase: 'backward',
          label,
          batch,
          reads: { delta: above, weight: layer.weight },
          writes: { d_x: d },
          data: [],
        });
        above = d;
      }
    }
    steps.push(updateStep(spec, tensors, dense, batch));
  }
  const reads = { row_metrics: rowMetrics };
  steps.push({ kernel: 'reduce_metrics', phase: 'metrics', label: 'metrics', batch, reads, writes: {}, data: [] });
  return { steps, output: x };
}

/** The optimizer on all parameters: reads the gradients, reads and writes parameters and state. */
function updateStep(spec: Spec, tensors: Declarations, dense: readonly DenseRow[], batch: number): Step {
  const names = [...tensors.all.values()];
  const record = (role: Role) =>
    Object.fromEntries(names.filter((t) => t.role === role).map(({ name }) => [name, name]));
  const moved = { ...record('param'), ...record('state') };
  return {
    kernel: 'optimizer_update',
    phase: 'update',
    label: spec.optimizer.type,
    batch,
    reads: { ...moved, ...record('grad') },
    writes: moved,
    data: [],
    optimizer: spec.optimizer,
    dense,
  };
}
