/** Means over many steps, model by model. */

/** Running means of losses, each weighted by its rows. */
export class Means {
  readonly #sums: Float64Array;
  #rows = 0;

  constructor(models: number) {
    this.#sums = new Float64Array(models);
  }

  add(losses: Float64Array, rows: number): void {
    for (let model = 0; model < losses.length; model++) this.#sums[model]! += losses[model]! * rows;
    this.#rows += rows;
  }

  /** NaN for models that do not train. */
  values(active: readonly number[]): Float64Array {
    const means = new Float64Array(this.#sums.length).fill(Number.NaN);
    for (const model of active) means[model] = this.#sums[model]! / this.#rows;
    return means;
  }

  clear(): void {
    this.#sums.fill(0);
    this.#rows = 0;
  }
}
