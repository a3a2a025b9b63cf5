/** Training on the CPU has the bits of the formulas written down as plainly as they go, in both precisions. */
import { describe, expect, it } from 'vitest';
import type { Rows } from '../../src/data/types.ts';
import { ACTIVATION_MATH, activationParameter } from '../../src/math/activations.ts';
import { LOSS_MATH, lossParameter, type Real } from '../../src/math/losses.ts';
import { OPTIMIZER_MATH, type Scalars } from '../../src/math/optimizers.ts';
import { randomSource } from '../../src/math/random.ts';
import { plan } from '../../src/plan/plan.ts';
import { CpuExecutor, type Precision } from '../../src/run/cpu.ts';
import { Feed } from '../../src/run/feed.ts';
import type { Activation } from '../../src/spec/activations.ts';
import { dense } from '../../src/spec/layers.ts';
import { parseSpec, type Spec, type SpecInput } from '../../src/spec/spec.ts';
import { randomRows } from '../contract/data.ts';

type Make = (length: number) => Real;
interface Dense {
  readonly type: 'dense';
  readonly units: number;
  readonly bias: boolean;
  readonly activation: Activation;
}

/** One update of `params`, layer by layer weight [in, out] and bias [out] or none, on the rows `indices`. */
function plainStep(
  spec: Spec,
  rows: Rows,
  indices: number[],
  params: Real[],
  state: Real[][],
  scalars: Scalars,
  make: Make,
) {
  const n = indices.length;
  const layers = spec.layers as readonly Dense[];
  const widths = [spec.inputs, ...layers.map(({ units }) => units)];
  const x = make(n * spec.inputs);
  for (let r = 0; r < n; r++) {
    for (let i = 0; i < spec.inputs; i++) {
      const value = rows.x[indices[r]! * spec.inputs + i]!;
      x[r * spec.inputs + i] = rows.x instanceof Uint8Array ? value * (1 / 255) + 0 : value;
    }
  }
  const places: { weight: number; bias: number }[] = [];
  let place = 0;
  const acts = [x];
  const pre: Real[] = [];
  for (const [l, layer] of layers.entries()) {
    const [inputs, outputs] = [widths[l]!, widths[l + 1]!];
    places.push({ weight: place, bias: layer.bias ? place + 1 : -1 });
    const [weight, bias] = [params[place]!, layer.bias ? params[place + 1]! : undefined];
    place += layer.bias ? 2 : 1;
    const [z, a] = [make(n * outputs), make(n * outputs)];
    const parameter = activationParameter(layer.activation);
    for (let r = 0; r < n; r++) {
      for (let j = 0; j < outputs; j++) {
        let sum = bias ? bias[j]! : 0;
        for (let i = 0; i < inputs; i++) sum += acts[l]![r * inputs + i]! * weight[i * outputs + j]!;
        z[r * outputs + j] = sum;
        a[r * outputs + j] = ACTIVATION_MATH[layer.activation.type].value(z[r * outputs + j]!, parameter);
      }
    }
    pre.push(z);
    acts.push(a);
  }
  const last = widths.at(-1)!;
  let above = make(n * last);
  for (let r = 0; r < n; r++) {
    const y = new Float64Array(last);
    if (rows.y instanceof Uint32Array) y[rows.y[indices[r]!]!] = 1;
    else y.set((rows.y as Float32Array).subarray(indices[r]! * last, (indices[r]! + 1) * last));
    const gradient = new Float64Array(last);
    const z = acts.at(-1)!.slice(r * last, (r + 1) * last);
    LOSS_MATH[spec.loss.type].row(z, y, gradient, new Float64Array(4), lossParameter(spec.loss));
    for (let j = 0; j < last; j++) above[r * last + j] = gradient[j]! / n;
  }
  const grads: Real[] = [];
  for (let l = layers.length - 1; l >= 0; l--) {
    const { activation } = layers[l]!;
    const [inputs, outputs] = [widths[l]!, widths[l + 1]!];
    const { fromOutput, derivative } = ACTIVATION_MATH[activation.type];
    const delta = make(n * outputs);
    for (let i = 0; i < delta.length; i++) {
      const at = (fromOutput ? acts[l + 1]! : pre[l]!)[i]!;
      delta[i] = activation.type === 'linear' ? above[i]! : above[i]! * derivative(at, activationParameter(activation));
    }
    const { weight, bias } = places[l]!;
    grads[weight] = make(inputs * outputs);
    for (let i = 0; i < inputs; i++) {
      for (let j = 0; j < outputs; j++) {
        let sum = 0;
        for (let r = 0; r < n; r++) sum += acts[l]![r * inputs + i]! * delta[r * outputs + j]!;
        grads[weight]![i * outputs + j] = sum;
      }
    }
    if (bias >= 0) {
      grads[bias] = make(outputs);
      for (let j = 0; j < outputs; j++) {
        let sum = 0;
        for (let r = 0; r < n; r++) sum += delta[r * outputs + j]!;
        grads[bias]![j] = sum;
      }
    }
    above = make(n * inputs);
    for (let r = 0; r < n; r++) {
      for (let i = 0; i < inputs; i++) {
        let sum = 0;
        for (let j = 0; j < outputs; j++) sum += delta[r * outputs + j]! * params[weight]![i * outputs + j]!;
        above[r * inputs + i] = sum;
      }
    }
  }
  const { update, flags } = OPTIMIZER_MATH[spec.optimizer.type];
  for (const [p, param] of params.entries()) {
    update(param, grads[p]!, state[p]!, 0, param.length, scalars, flags(spec.optimizer as never));
  }
}

const SPECS: [string, SpecInput, 'u8' | 'f32', number[]][] = [
  ['one output, one row', { inputs: 1, layers: [dense(1)], loss: 'meanSquaredError', batchSize: 1 }, 'f32', [1, 1, 1]],
  [
    'odd widths, a partial batch',
    {
      inputs: 3,
      layers: [dense(65, { activation: 'relu' }), dense(63, { activation: 'tanh', bias: false }), dense(5)],
      loss: 'softmaxCrossEntropy',
      batchSize: 65,
    },
    'f32',
    [65, 3, 64, 1],
  ],
  [
    'bytes',
    { inputs: 65, layers: [dense(3, { activation: 'gelu' }), dense(64)], loss: 'softmaxCrossEntropy', batchSize: 63 },
    'u8',
    [63, 62],
  ],
  [
    'an activation at the end',
    {
      inputs: 63,
      layers: [dense(64, { activation: 'leakyRelu' }), dense(1, { activation: 'sigmoid' })],
      loss: 'huber',
      batchSize: 3,
    },
    'f32',
    [3, 2, 1],
  ],
];

describe.each(['f32', 'f64'] as const)('in %s', (precision: Precision) => {
  const make: Make = (length) => (precision === 'f32' ? new Float32Array(length) : new Float64Array(length));
  it.each(SPECS)('has the bits of the formulas: %s', async (_, input, kind, batches) => {
    const spec = parseSpec({
      ...input,
      optimizer: { type: 'adamW', learningRate: 0.03, weightDecay: 0.1, decays: 'all' },
    });
    const program = plan(spec);
    const cpu = new CpuExecutor(precision);
    await cpu.prepare(program);
    const { outputs } = program;
    const target = spec.loss.type === 'softmaxCrossEntropy' ? 'class' : 'real';
    const rows = randomRows({ count: 70, width: spec.inputs, outputs, input: kind, target });
    const data = await cpu.load(rows);
    const tensors = [...program.tensors.values()].filter(({ role }) => role === 'param');
    const params = tensors.map(({ rows, columns }, p) => {
      const random = randomSource(5, 9, p);
      return make(rows * columns).map((_, i) => random.normal(i) * 0.4) as Real;
    });
    for (const [p, { name }] of tensors.entries()) await cpu.write(name, params[p]!);
    const math = OPTIMIZER_MATH[spec.optimizer.type];
    const state = params.map(({ length }) => math.state(spec.optimizer as never).map(() => make(length)));
    const feed = new Feed(program.lists.train.batch, { capacity: batches.length });
    for (const [k, count] of batches.entries()) {
      const indices = Array.from({ length: count }, (_, i) => (k * 17 + i * 3) % 70);
      const scalars = math.scalars(spec.optimizer as never, k + 1, 0.03);
      feed.indices(k).set(indices);
      feed.set(k, count, k, scalars);
      plainStep(spec, rows, indices, params, state, scalars, make);
    }
    await cpu.run('train', feed, batches.length, data);
    for (const [p, { name }] of tensors.entries()) {
      expect([name, cpu.values(name)]).toEqual([name, params[p]]);
      expect(params[p]!.every(Number.isFinite)).toBe(true);
    }
  });
});
