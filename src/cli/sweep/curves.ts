/** The losses of many models over many steps, kept as means of neighbouring steps. */

export interface Curves {
  /** The last step of each point. */
  step: number[];
  /** [points, models]; NaN where a model did not train. */
  losses: Float32Array;
}

/** Numbers that a sweep keeps for its curves, and the points of one. */
const NUMBERS = 60_000;
const MOST_POINTS = 120;
const LEAST_POINTS = 24;

/** Gathers the curves of `models` models over about `total` steps. */
export class CurveRecorder {
  readonly #models: number;
  readonly #size: number;
  readonly #step: number[] = [];
  readonly #points: Float32Array[] = [];
  readonly #sums: Float64Array;
  #count = 0;
  #last = 0;

  constructor(models: number, total: number) {
    const points = Math.min(MOST_POINTS, Math.max(LEAST_POINTS, Math.floor(NUMBERS / models)));
    this.#models = models;
    this.#size = Math.max(1, Math.ceil(total / points));
    this.#sums = new Float64Array(models);
  }

  add(step: number, losses: ArrayLike<number>): void {
    for (let model = 0; model < this.#models; model++) this.#sums[model]! += losses[model]!;
    this.#count++;
    this.#last = step;
    if (this.#count === this.#size) this.#close();
  }

  /** What there is so far. */
  curves(): Curves {
    if (this.#count > 0) this.#close();
    const losses = new Float32Array(this.#points.length * this.#models);
    for (const [i, point] of this.#points.entries()) losses.set(point, i * this.#models);
    return { step: this.#step, losses };
  }

  #close(): void {
    this.#step.push(this.#last);
    this.#points.push(Float32Array.from(this.#sums, (sum) => sum / this.#count));
    this.#sums.fill(0);
    this.#count = 0;
  }
}

/** The points of one model: steps and losses, up to where it was dropped. */
export function curveOf({ step, losses }: Curves, model: number): { step: number; loss: number }[] {
  const models = step.length === 0 ? 0 : losses.length / step.length;
  const points = step.map((at, i) => ({ step: at, loss: losses[i * models + model]! }));
  return points.slice(0, 1 + points.findLastIndex(({ loss }) => !Number.isNaN(loss)));
}
