import { describe, expect, it } from 'vitest';
import { ACTIVATION_MATH, activationParameter } from '../../src/math/activations.ts';
import { LOSS_MATH, lossParameter } from '../../src/math/losses.ts';
import { OPTIMIZER_MATH } from '../../src/math/optimizers.ts';
import { learningRateAt } from '../../src/math/schedules.ts';
import type { Activation } from '../../src/spec/activations.ts';
import { parseSpec, type Spec } from '../../src/spec/spec.ts';
import { expectClose } from '../golden/compare.ts';
import golden from '../golden/training.json';

type Weights = Record<string, number[] | number[][]>;
interface Case {
  name: string;
  spec: unknown;
  x: number[][];
  y: number[] | number[][];
  start: Weights;
  batches: number[][];
  losses: number[];
  learningRates: number[];
  final: Weights;
}
const cases = golden.cases as unknown as Case[];

/** A network in the plainest loops there are: one row at a time, gradients summed, everything f64. */
class Network {
  readonly params = new Map<string, { value: Float64Array; grad: Float64Array; state: Float64Array[] }>();
  readonly spec: Spec;

  constructor(spec: Spec, start: Weights) {
    this.spec = spec;
    const names = OPTIMIZER_MATH[spec.optimizer.type].state(spec.optimizer);
    for (const [name, weights] of Object.entries(start)) {
      const value = Float64Array.from(weights.flat());
      const state = names.map(() => new Float64Array(value.length));
      this.params.set(name, { value, grad: new Float64Array(value.length), state });
    }
  }

  /** One update; the mean loss of the rows before it. */
  step(rows: readonly { x: number[]; y: number[] }[], number: number): number {
    const { optimizer } = this.spec;
    const math = OPTIMIZER_MATH[optimizer.type];
    const loss = rows.reduce((sum, { x, y }) => sum + this.gradients(x, y, rows.length), 0) / rows.length;
    const scalars = math.scalars(optimizer, number, learningRateAt(optimizer.learningRate, number - 1));
    for (const { value, grad, state } of this.params.values()) {
      math.update(value, grad, state, 0, value.length, scalars, math.flags(optimizer));
      grad.fill(0);
    }
    return loss;
  }

  /** Adds the gradients of one row's share of the mean; the row's loss. */
  private gradients(x: number[], y: number[], rows: number): number {
    const backward: ((delta: Float64Array) => Float64Array)[] = [];
    let signal = Float64Array.from(x);
    for (const [i, layer] of this.spec.layers.entries()) {
      if (layer.type === 'dense') signal = this.dense(signal, layer.units, `layers.${i}`, backward);
      if (!('activation' in layer)) throw new Error(`${layer.type}: not known here`);
      signal = this.activate(signal, layer.activation, backward);
    }
    const { loss } = this.spec;
    const delta = new Float64Array(signal.length);
    const metrics = new Float64Array(4);
    LOSS_MATH[loss.type].row(signal, Float64Array.from(y), delta, metrics, lossParameter(loss));
    backward.reduceRight((delta, step) => step(delta), delta.map((value) => value / rows) as Float64Array);
    return metrics[0]!;
  }

  private dense(x: Float64Array, units: number, name: string, backward: ((d: Float64Array) => Float64Array)[]) {
    const weight = this.params.get(`${name}.weight`)!;
    const bias = this.params.get(`${name}.bias`);
    const at = (unit: number, input: number) => unit * x.length + input;
    backward.push((delta) => {
      for (let unit = 0; unit < units; unit++) {
        if (bias) bias.grad[unit]! += delta[unit]!;
        for (let input = 0; input < x.length; input++) weight.grad[at(unit, input)]! += delta[unit]! * x[input]!;
      }
      return x.map((_, input) => delta.reduce((sum, d, unit) => sum + d * weight.value[at(unit, input)]!, 0));
    });
    return Float64Array.from({ length: units }, (_, unit) =>
      x.reduce((sum, value, input) => sum + value * weight.value[at(unit, input)]!, bias ? bias.value[unit]! : 0),
    );
  }

  private activate(z: Float64Array, activation: Activation, backward: ((d: Float64Array) => Float64Array)[]) {
    const math = ACTIVATION_MATH[activation.type];
    const parameter = activationParameter(activation);
    const y = z.map((value) => math.value(value, parameter));
    const from = math.fromOutput ? y : z;
    backward.push((delta) => delta.map((value, j) => value * math.derivative(from[j]!, parameter)));
    return y;
  }
}

describe('training', () => {
  it.each(cases)('follows PyTorch: $name', ({ x, y, start, batches, losses, learningRates, final, ...golden }) => {
    const spec = parseSpec(golden.spec);
    const network = new Network(spec, start);
    const target = (row: number) => {
      const value = y[row]!;
      if (typeof value === 'object') return value;
      return Array.from({ length: 3 }, (_, label) => (label === value ? 1 : 0));
    };
    const rates = batches.map((_, step) => learningRateAt(spec.optimizer.learningRate, step));
    expectClose(rates, learningRates, { relative: 1e-14 }, 'learning rate');
    const measured = batches.map((batch, step) => {
      const rows = batch.map((row) => ({ x: x[row]!, y: target(row) }));
      return network.step(rows, step + 1);
    });
    expectClose(measured, losses, { relative: 1e-10 }, 'loss');
    expect([...network.params.keys()]).toEqual(Object.keys(final));
    for (const [name, weights] of Object.entries(final)) {
      expectClose(network.params.get(name)!.value, weights.flat(), { relative: 1e-9, absolute: 1e-11 }, name);
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  });
});
