/** Looks into a network while it trains: what each neuron answers on the plane, and how large the gradients are. */
import { createTrainer, type DataInput, type NamedTensor, type SpecInput, type Trainer } from 'downhill';

export type Weights = ReadonlyMap<string, NamedTensor>;

/** A layer's answers on a grid: one row a place, one column a neuron. */
export interface Responses {
  units: number;
  values: Float32Array;
}

/** The layers on the CPU, one after the other, with the weights of the network that trains elsewhere. */
export class Probes {
  readonly #layers: readonly Trainer[];
  readonly #grid: Float32Array;

  private constructor(layers: readonly Trainer[], grid: Float32Array) {
    this.#layers = layers;
    this.#grid = grid;
  }

  static async create({ inputs, layers }: SpecInput, grid: Float32Array): Promise<Probes> {
    let width = inputs;
    const single: SpecInput[] = layers.map((layer) => {
      const spec: SpecInput = { inputs: width, layers: [layer], loss: 'meanSquaredError' };
      if (layer.type === 'dense') width = layer.units;
      return spec;
    });
    return new Probes(await Promise.all(single.map((spec) => createTrainer(spec, { backend: 'cpu' }))), grid);
  }

  /** What the layers say, one by one, with these weights. */
  async ask(weights: Weights): Promise<Responses[]> {
    const responses: Responses[] = [];
    let below = this.#grid;
    for (const [n, layer] of this.#layers.entries()) {
      await layer.setWeights(
        new Map(['weight', 'bias'].map((kind) => [`layers.0.${kind}`, weights.get(`layers.${n}.${kind}`)!])),
      );
      below = await layer.predict(below, { raw: true });
      responses.push({ units: weights.get(`layers.${n}.bias`)!.values.length, values: below });
    }
    return responses;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#layers.map((layer) => layer.dispose()));
  }
}

/** The Euclidean norm of each layer's weight gradient on these rows. */
export async function gradientNorms(trainer: Trainer, rows: DataInput): Promise<number[]> {
  const gradients = await trainer.gradients(rows);
  return [...gradients].filter(([name]) => name.endsWith('weight')).map(([, { values }]) => Math.hypot(...values));
}
