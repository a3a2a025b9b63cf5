/** Means over many steps, model by model. */

/** Running means of losses, each by the weight of its rows. */
export class Means {
  readonly #sums: Float64Array;
  readonly #weights: Float64Array;

  constructor(models: number) {
    this.#sums = new Float64Array(models);
    this.#weights = new Float64Array(models);
  }

  /** @param weights of the models' rows; any for those that do not train */
  add(losses: Float64Array, weights: Float64Array): void {
    for (let model = 0; model < losses.length; model++) {
      this.#sums[model]! += losses[model]! * weights[model]!;
      this.#weights[model]! += weights[model]!;
    }
  }

  /** NaN for models that do not train, 0 where no row counted. */
  values(active: readonly number[]): Float64Array {
    const means = new Float64Array(this.#sums.length).fill(Number.NaN);
    for (const model of active) means[model] = this.#sums[model]! / (this.#weights[model] || 1);
    return means;
  }

  clear(): void {
    this.#sums.fill(0);
    this.#weights.fill(0);
  }
}
