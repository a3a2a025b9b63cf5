/** What the rooms above say about data: as users give it, and as a model takes it. */

/**
 * Inputs, row-major: bytes (byte · 1/255 unless the spec says otherwise), floats, or rows. With
 * `preprocessing.columns` these are raw rows of the table, text for categories.
 */
export type Inputs = Float32Array | Uint8Array | readonly (readonly (number | string)[])[];

/** Labels (a number or a name a row) or numbers, row-major: distributions, several binary targets, or regression. */
export type Targets =
  | Uint8Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | readonly (number | string)[]
  | readonly (readonly number[])[];

export interface DataInput {
  x: Inputs;
  y: Targets;
  /**
   * How much each row counts, ≥ 0: loss, gradients and metrics are means over the weights. Default: all rows the same. A
   * row of weight 0 is as if it were not there.
   */
  sampleWeight?: ArrayLike<number>;
}

/** Model-ready inputs: bytes stay bytes. */
export interface InputRows {
  count: number;
  /** The number of inputs of the model. */
  width: number;
  /** [count, width] */
  x: Uint8Array | Float32Array;
}

/** Model-ready rows with their targets. */
export interface Rows extends InputRows {
  /** Class indices [count], or values [count, targets]. */
  y: Uint32Array | Float32Array;
  /** [count, 1 or 2]: how much a row counts, in training by the first, in evaluation by the last; absent: all the same. */
  weights?: Float32Array;
}
