/** The best weights of a run so far: a copy that stays where the models are, aside from what trains. */
import type { Slab } from '../kernels/kernel.ts';
import type { Real } from '../math/losses.ts';
import { AVERAGE, stateOf } from '../math/optimizers.ts';
import type { Program } from '../plan/program.ts';
import type { BestWeights, LEARNED } from './executor.ts';

/** A part of a slab, in elements, that the copy has. */
export interface BestRange {
  readonly slab: (typeof LEARNED)[number];
  readonly model: number;
  /** In the slab of all models, which lie one after the other. */
  readonly start: number;
  readonly size: number;
  /** In the copy. */
  readonly at: number;
}

/** What is copied: whole slabs but for the state, of which the moving averages alone. */
export function bestRanges({ models, slabs, spec }: Program): BestRange[] {
  const ranges: BestRange[] = [];
  const add = (slab: BestRange['slab'], model: number, offset: number, size: number) => {
    const last = ranges.at(-1);
    const at = last ? last.at + last.size : 0;
    if (size > 0) ranges.push({ slab, model, start: model * slabs[slab].materialised + offset, size, at });
  };
  const averages = stateOf(spec.optimizer).indexOf(AVERAGE);
  for (let model = 0; model < models; model++) {
    add('params', model, 0, slabs.params.materialised);
    add('statistics', model, 0, slabs.statistics.materialised);
    // State lies as the parameters do, one copy of their layout per state tensor.
    if (averages >= 0) add('state', model, averages * slabs.params.all, slabs.params.all);
  }
  return ranges;
}

/** Elements of the copy. */
export const bestSize = (ranges: readonly BestRange[]): number => ranges.reduce((sum, { size }) => sum + size, 0);

/** The copy beside models whose slabs are typed arrays. */
export class CpuBest implements BestWeights {
  /** Absent where nothing was kept. */
  values: Float32Array<ArrayBuffer> | undefined;
  readonly #program: Program;
  readonly #slabsOf: (model: number) => Record<Slab, Real>;

  constructor(program: Program, slabsOf: (model: number) => Record<Slab, Real>) {
    this.#program = program;
    this.#slabsOf = slabsOf;
  }

  get holds(): boolean {
    return this.values !== undefined;
  }

  async reserve(): Promise<void> {}

  keep(): void {
    const values = this.values ?? new Float32Array(bestSize(bestRanges(this.#program)));
    this.values = values;
    this.#each((own, at) => values.set(own, at));
  }

  bring(): void {
    const { values } = this;
    if (values) this.#each((own, at) => own.set(values.subarray(at, at + own.length)));
    this.drop();
  }

  async put(values: Float32Array<ArrayBuffer>): Promise<void> {
    this.values = values.slice();
  }

  drop(): void {
    this.values = undefined;
  }

  #each(work: (own: Real, at: number) => void): void {
    for (const { slab, model, start, size, at } of bestRanges(this.#program)) {
      const from = start - model * this.#program.slabs[slab].materialised;
      work(this.#slabsOf(model)[slab].subarray(from, from + size), at);
    }
  }
}
