/** Rows of a data set that are others for every model: a fold trains on some of them, and is tested on the rest. */
import { Dataset } from './dataset.ts';

/** @internal Trainings and evaluations of several models take it; whatever is selected from one data set shares its upload. */
export class Selection extends Dataset {
  readonly of: Dataset;
  /** Row numbers, model by model. */
  readonly rows: readonly Uint32Array[];

  constructor(of: Dataset, rows: readonly Uint32Array[]) {
    super(of);
    this.of = of;
    this.rows = rows;
  }
}

/** What the models take of some data, where they do not all take everything. */
export const selected = (data: object): readonly Uint32Array[] | undefined =>
  data instanceof Selection ? data.rows : undefined;
