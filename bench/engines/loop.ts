/** The plain loops that a programmer without a library writes: one model after another, on the CPU, in f32. */
import type { Engine, Session } from '../engine.ts';
import { ADAM, batchInputs, batchTargets, type Layer, type Problem } from '../problem.ts';

interface Moments {
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** A dense layer with the room that its step needs. */
interface Trained extends Layer {
  readonly output: Float32Array;
  readonly delta: Float32Array;
  readonly weightGradient: Float32Array;
  readonly biasGradient: Float32Array;
  readonly weightMoments: Moments;
  readonly biasMoments: Moments;
}

const moments = (size: number): Moments => ({ first: new Float32Array(size), second: new Float32Array(size) });

class Net {
  readonly #layers: Trained[];
  readonly #batch: number;
  readonly #squared: boolean;
  #step = 0;

  constructor(layers: readonly Layer[], { batch, loss }: Problem['workload']) {
    this.#batch = batch;
    this.#squared = loss === 'meanSquaredError';
    this.#layers = layers.map((layer) => ({
      ...layer,
      weight: layer.weight.slice(),
      bias: layer.bias.slice(),
      output: new Float32Array(batch * layer.outputs),
      delta: new Float32Array(batch * layer.outputs),
      weightGradient: new Float32Array(layer.weight.length),
      biasGradient: new Float32Array(layer.outputs),
      weightMoments: moments(layer.weight.length),
      biasMoments: moments(layer.outputs),
    }));
  }

  /** One update; gives the mean loss before it. */
  train(x: Float32Array, y: Float32Array): number {
    const layers = this.#layers;
    let input = x;
    for (const [i, layer] of layers.entries()) {
      forward(input, layer, this.#batch, i < layers.length - 1);
      input = layer.output;
    }
    const head = layers.at(-1)!;
    const loss = this.#squared ? squaredError(head, y, this.#batch) : crossEntropy(head, y, this.#batch);
    this.#step++;
    for (let i = layers.length - 1; i >= 0; i--) {
      const below = layers[i - 1];
      backward(below?.output ?? x, layers[i]!, below, this.#batch);
    }
    for (const layer of layers) {
      adam(layer.weight, layer.weightGradient, layer.weightMoments, this.#step);
      adam(layer.bias, layer.biasGradient, layer.biasMoments, this.#step);
    }
    return loss;
  }

  outputs(x: Float32Array, rows: number): Float32Array {
    let input = x;
    for (const [i, layer] of this.#layers.entries()) {
      const wide = { ...layer, output: new Float32Array(rows * layer.outputs) };
      forward(input, wide, rows, i < this.#layers.length - 1);
      input = wide.output;
    }
    return input;
  }
}

function forward(x: Float32Array, { weight, bias, output, inputs, outputs }: Trained, batch: number, relu: boolean) {
  for (let row = 0; row < batch; row++) {
    const to = row * outputs;
    for (let j = 0; j < outputs; j++) output[to + j] = bias[j]!;
    for (let k = 0; k < inputs; k++) {
      const value = x[row * inputs + k]!;
      if (value === 0) continue;
      const from = k * outputs;
      for (let j = 0; j < outputs; j++) output[to + j]! += value * weight[from + j]!;
    }
    if (relu) for (let j = to; j < to + outputs; j++) if (output[j]! < 0) output[j] = 0;
  }
}

function crossEntropy({ output, delta, outputs }: Trained, y: Float32Array, batch: number): number {
  let loss = 0;
  for (let row = 0; row < batch; row++) {
    const at = row * outputs;
    let top = output[at]!;
    for (let j = 1; j < outputs; j++) top = Math.max(top, output[at + j]!);
    let sum = 0;
    for (let j = 0; j < outputs; j++) sum += Math.exp(output[at + j]! - top);
    for (let j = 0; j < outputs; j++) {
      const logProbability = output[at + j]! - top - Math.log(sum);
      loss -= y[at + j]! * logProbability;
      delta[at + j] = (Math.exp(logProbability) - y[at + j]!) / batch;
    }
  }
  return loss / batch;
}

function squaredError({ output, delta, outputs }: Trained, y: Float32Array, batch: number): number {
  const count = batch * outputs;
  let loss = 0;
  for (let i = 0; i < count; i++) {
    const error = output[i]! - y[i]!;
    loss += error * error;
    delta[i] = (2 * error) / count;
  }
  return loss / count;
}

/** Gradients of a layer, and the delta of the one below, through its ReLU. */
function backward(x: Float32Array, layer: Trained, below: Trained | undefined, batch: number): void {
  const { weight, delta, weightGradient, biasGradient, inputs, outputs } = layer;
  weightGradient.fill(0);
  biasGradient.fill(0);
  for (let row = 0; row < batch; row++) {
    const at = row * outputs;
    for (let j = 0; j < outputs; j++) biasGradient[j]! += delta[at + j]!;
    for (let k = 0; k < inputs; k++) {
      const value = x[row * inputs + k]!;
      const from = k * outputs;
      // What is zero adds nothing; below a ReLU its delta is zero too.
      if (below) below.delta[row * inputs + k] = 0;
      if (value === 0) continue;
      let sum = 0;
      for (let j = 0; j < outputs; j++) {
        weightGradient[from + j]! += value * delta[at + j]!;
        if (below) sum += weight[from + j]! * delta[at + j]!;
      }
      if (below) below.delta[row * inputs + k] = sum;
    }
  }
}

function adam(parameter: Float32Array, gradient: Float32Array, { first, second }: Moments, step: number): void {
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const rate = learningRate / (1 - beta1 ** step);
  const correction = 1 / (1 - beta2 ** step);
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i]!;
    const m = beta1 * first[i]! + (1 - beta1) * g;
    const v = beta2 * second[i]! + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    parameter[i]! -= (rate * m) / (Math.sqrt(v * correction) + epsilon);
  }
}

/** How long the loops hold the thread before they let go of it, in ms. */
const SLICE_MS = 50;

function open(problem: Problem): Session {
  const nets = problem.models.map((layers) => new Net(layers, problem.workload));
  const batches = Array.from({ length: problem.resident }, (_, at) => ({
    x: batchInputs(problem, at),
    y: batchTargets(problem, at),
  }));
  let position = 0;
  const step = (): number => {
    const { x, y } = batches[position++ % batches.length]!;
    let loss = 0;
    for (const net of nets) loss += net.train(x, y);
    return loss / nets.length;
  };
  return {
    async run(steps) {
      let since = performance.now();
      for (let k = 0; k < steps; k++) {
        step();
        if (performance.now() - since < SLICE_MS) continue;
        await new Promise((resolve) => setTimeout(resolve));
        since = performance.now();
      }
    },
    losses: async (steps) => Array.from({ length: steps }, step),
    outputs: async (x, rows) => nets[0]!.outputs(x, rows),
    dispose: async () => {},
  };
}

export const loop: Engine = {
  name: 'loop',
  version: 'plain JavaScript loops',
  device: 'cpu',
  strategies: ['f32'],
  open: async (problem) => open(problem),
};
